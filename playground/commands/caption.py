"""Caption every picture of a folder; begun again, it goes on where it was cut off."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playground.interrupts import set_by_signals

if TYPE_CHECKING:
    from playground.models.server.chat import AnyChatModel
    from playground.tasks.bulk.caption_folder import FolderRun
    from playground.tasks.exports.captions import Captioned

_LISTED = 20  # files named at the end; the file of errors has all


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
        SystemExit: with a sentence where it cannot be done or files were left behind (status 1), with 128 and the
            signal's number where one ended it.
    """
    from playground.checkpoints.files import LoadError
    from playground.tasks import TaskError
    from playground.tasks.bulk.caption_folder import caption_folder, files_in

    stop = threading.Event()
    try:
        files_in(options.folder)  # a slip in the name is said before a model is loaded
        model = _chat_model(options.model)
        settings = {"style": options.style, "at_once": options.at_once, "stop": stop}
        with (
            set_by_signals(stop) as signals,
            caption_folder(model, options.folder, options.output, **settings) as running,
        ):
            _follow(running, options.output, signals)
    except (LoadError, TaskError) as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        raise _stopped(options.output, signal.SIGINT) from None


def _chat_model(name: str) -> AnyChatModel:
    from playground import load
    from playground.tasks import TaskError

    model = load(name)
    if not hasattr(model, "candidates"):
        raise TaskError(f"{name} cannot describe pictures. Choose a chat model, such as moji-vlm.")
    for note in getattr(model, "notes", ()):
        print(f"{name}: {note}", file=sys.stderr)
    return model


def _follow(running: FolderRun, output: Path, signals: Sequence[int]) -> None:
    """Show how far it is until it ends, then which files were left behind and why."""
    from tqdm import tqdm

    left: list[Captioned] = []
    for note in running.notes:
        print(note, file=sys.stderr)
    total, done = len(running.files), len(running.done)
    if done:
        print(f"{done:,} of {total:,} are done already.", file=sys.stderr)
    with tqdm(total=total, initial=done, desc="captions", unit=" pictures", mininterval=0.5) as bar:
        try:
            for row in running:
                if row.error is None:
                    done += 1
                else:
                    left.append(row)
                    bar.set_postfix_str(f"{len(left):,} left behind", refresh=False)
                bar.update()
        finally:
            bar.close()
            _tell_left(left, output)
    if signals and done + len(left) < total:
        raise _stopped(output, signals[0])
    print(f"{done:,} of {total:,} captions are in {output}.")
    if left:
        raise SystemExit(1)


def _tell_left(left: Sequence[Captioned], output: Path) -> None:
    """The files that have no caption, each with the reason."""
    from playground.tasks.bulk.caption_folder import errors_of

    if not left:
        return
    files = f"{len(left):,} file{'s have' if len(left) > 1 else ' has'}"
    print(f"{files} no caption, and will be tried again next time:", file=sys.stderr)
    for row in left[:_LISTED]:
        print(f"  {row.file_name}: {row.error}".encode("utf-8", "backslashreplace").decode(), file=sys.stderr)
    if len(left) > _LISTED:
        print(f"  and {len(left) - _LISTED:,} more: see {errors_of(output)}", file=sys.stderr)


def _stopped(output: Path, number: int) -> SystemExit:
    """What to raise when a signal has ended the run."""
    print(f"Stopped. What is done is in {output}; the same command goes on from there.", file=sys.stderr)
    return SystemExit(128 + number)
