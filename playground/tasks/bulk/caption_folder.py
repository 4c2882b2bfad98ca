"""Caption a whole folder into a file, and go on where a run ended, however it ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playground.tasks import TaskError
from playground.tasks.bulk.many import caption_each
from playground.tasks.captions.wording import Style
from playground.tasks.exports.captions import Captioned, CaptionsLog

if TYPE_CHECKING:
    import threading

    from playground.models.server.chat import AnyChatModel


def files_in(folder: Path) -> tuple[str, ...]:
    """The names of all files in a folder and its subfolders, from the folder on and with "/", sorted; hidden ones and
    lists (.jsonl, .json, .csv) left out.

    Raises:
        TaskError: there is no such folder, or no file in it.
    """
    if not folder.is_dir():
        raise TaskError(f"There is no folder {str(folder)!r}. Name one with pictures in it.")
    names = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(place).relative_to(folder)
        names += [(here / name).as_posix() for name in files if not name.startswith(".") and not _is_list(name)]
    if not names:
        raise TaskError(f"There is no picture in the folder {str(folder)!r}. Name one with pictures in it.")
    return tuple(sorted(names))


def _is_list(name: str) -> bool:
    return name.lower().endswith((".jsonl", ".json", ".csv"))


@dataclass(frozen=True)
class FolderRun:
    """A folder that is being captioned: the names of its files, and of those that an earlier run has done.

    Iterate it to do the others: each comes as soon as it is written to the file.
    """

    files: tuple[str, ...]
    done: frozenset[str]
    _each: Iterator[Captioned] = field(repr=False)

    def __iter__(self) -> Iterator[Captioned]:
        return self._each


def caption_folder(
    model: AnyChatModel,
    folder: Path,
    output: Path,
    style: Style = "short",
    *,
    at_once: int = 16,
    stop: threading.Event | None = None,
) -> FolderRun:
    """Caption every picture of a folder and its subfolders into a JSON Lines file, one line as soon as it is known.

    Run again with the same file it does what is left. Broken files are tried again each time; what is wrong with them
    stands in a second file beside it, named like the first with `.errors.jsonl`, written anew by each run.

    Args:
        output: the file; each line holds file_name (from `folder` on), text, model and style.
        style, at_once, stop: see `playground.tasks.bulk.many.caption_each`.

    Raises:
        TaskError: at once, for a folder without files, an output of something else or by another model or style, or
            an unknown style.
    """
    files = files_in(folder)
    log = CaptionsLog(output, model.name, style)
    waiting = [name for name in files if name not in log.done]
    each = caption_each(model, [folder / name for name in waiting], style, at_once=at_once, stop=stop)

    def written() -> Iterator[Captioned]:
        broken = output.with_suffix(".errors.jsonl")
        broken.unlink(missing_ok=True)
        with closing(log):
            for place, result in each:
                row = Captioned(waiting[place], result.value, result.error)
                if row.error is None:
                    log.append(row)
                else:
                    _append(broken, row)
                yield row

    return FolderRun(files, log.done.intersection(files), written())


def _append(path: Path, row: Captioned) -> None:
    line = json.dumps({"file_name": row.file_name, "error": row.error}, ensure_ascii=False)
    with path.open("ab") as file:
        file.write(line.encode("utf-8", "backslashreplace") + b"\n")
