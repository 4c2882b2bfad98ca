"""Caption every picture of a folder; begun again, it goes on where it was cut off."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.models.server.chat import AnyChatModel
    from playground.tasks.bulk.caption_folder import FolderRun


def options_of(parser: argparse.ArgumentParser) -> None:
    """Name the options of the command; torch is not imported for that."""
    parser.add_argument("folder", type=Path, help="the folder with pictures; its subfolders are read too")
    parser.add_argument(
        "--output", type=Path, default=Path("captions.jsonl"),
        help="the file that the captions are added to, one line each (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--model", default="moji-vlm", help="a catalogue name, Hub id, folder or server (default: %(default)s)"
    )
    parser.add_argument(
        "--style", choices=("short", "detailed", "blind"), default="short",
        help="a sentence, in detail, or for a reader who cannot see the picture (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--at-once",
        type=int,
        default=16,
        metavar="N",
        help="the most pictures computed together (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> None:
    """Caption what is not yet in the output, and say how far it came; Ctrl-C ends it with nothing lost.

    Raises:
        SystemExit: with a sentence where it cannot be done, with 130 where it was interrupted.
    """
    from playground.checkpoints.files import LoadError
    from playground.tasks import TaskError
    from playground.tasks.bulk.caption_folder import caption_folder, files_in

    try:
        files_in(options.folder)  # a slip in the name is said before a model is loaded
        model = _chat_model(options.model)
        running = caption_folder(model, options.folder, options.output, options.style, at_once=options.at_once)
    except (LoadError, TaskError) as error:
        raise SystemExit(str(error)) from None
    _follow(running, options.output)


def _chat_model(name: str) -> AnyChatModel:
    from playground import load
    from playground.tasks import TaskError

    model = load(name)
    if not hasattr(model, "candidates"):
        raise TaskError(f"{name} cannot describe pictures. Choose a chat model, such as moji-vlm.")
    return model


def _follow(running: FolderRun, output: Path) -> None:
    """Show how far it is until it ends."""
    from tqdm import tqdm

    broken = 0
    total, done = len(running.files), len(running.done)
    if done:
        print(f"{done:,} of {total:,} are done already.", file=sys.stderr)
    with tqdm(total=total, initial=done, desc="captions", unit=" pictures", mininterval=0.5) as bar:
        try:
            for row in running:
                if row.error:
                    broken += 1
                    bar.write(f"{row.file_name}: {row.error}", file=sys.stderr)
                bar.update()
        except KeyboardInterrupt:
            bar.close()
            print(f"Stopped. What is done is in {output}; the same command goes on from there.", file=sys.stderr)
            raise SystemExit(130) from None
    print(f"{total - broken:,} of {total:,} captions are in {output}.")
    if broken:
        errors = output.with_suffix(".errors.jsonl")
        print(f"{broken:,} file{'s' * (broken > 1)} could not be read: see {errors}; they are tried again next time.")
