"""Caption a whole folder into a file, and go on where a run ended, however it ended."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from playground.tasks import TaskError
from playground.tasks.bulk.batches import Result
from playground.tasks.bulk.many import caption_each
from playground.tasks.captions.wording import Style
from playground.tasks.exports import disk
from playground.tasks.exports.captions import Captioned, CaptionsLog

if TYPE_CHECKING:
    import threading

    from playground.models.server.chat import AnyChatModel


def files_in(folder: Path) -> tuple[str, ...]:
    """The names of all files in a folder and its subfolders, from the folder on and with "/", sorted; hidden ones and
    lists (.jsonl, .json, .csv) left out. Links to folders elsewhere are followed, each folder once.

    Raises:
        TaskError: there is no such folder, it cannot be read, or there is no file in it.
    """
    return _walked(folder)[0]


def _walked(folder: Path) -> tuple[tuple[str, ...], tuple[Captioned, ...], tuple[str, ...]]:
    """`files_in`, a row for each subfolder that cannot be read, and notes on linked folders."""
    if not folder.is_dir():
        raise TaskError(f"There is no folder {str(folder)!r}. Name one with pictures in it.")
    names: list[str] = []
    unread: list[Captioned] = []

    def noted(error: OSError) -> None:
        place = Path(error.filename)
        if place == folder:
            raise TaskError(f"The folder {str(folder)!r} cannot be read: {disk.reason(error)}.")
        name = f"{place.relative_to(folder).as_posix()}/"
        unread.append(Captioned(name, error=f"This folder cannot be read: {disk.reason(error)}."))

    links = _Links(folder)
    for place, folders, files in os.walk(folder, onerror=noted, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and links.leads_on(Path(place, name)))
        here = Path(place).relative_to(folder)
        names += [(here / name).as_posix() for name in files if not name.startswith(".") and not _is_list(name)]
    if not names and not unread:
        raise TaskError(f"There is no picture in the folder {str(folder)!r}. Name one with pictures in it.")
    return tuple(sorted(names)), tuple(unread), tuple(links.notes)


class _Links:
    """Which linked folders of a folder are to be followed; a class, because it remembers where it has been."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._top, self._been = folder, folder.resolve(), set[Path]()
        self.notes: list[str] = []

    def leads_on(self, place: Path) -> bool:
        """Whether to go into this subfolder, which may be a link; what is done with a link is noted."""
        real, name = place.resolve(), place.relative_to(self._folder).as_posix()
        if place.is_symlink() and (real == self._top or real.is_relative_to(self._top)):
            self.notes.append(f"The link {name!r} leads to a folder of this one, which is read anyway: it is left out.")
            return False
        if real in self._been or self._top.is_relative_to(real):
            self.notes.append(f"The folder that {name!r} leads to is read under another name: it is left out here.")
            return False
        self._been.add(real)
        if place.is_symlink():
            self.notes.append(f"The link {name!r} was followed: its pictures are read too.")
        return True


def _is_list(name: str) -> bool:
    return name.lower().endswith((".jsonl", ".json", ".csv"))


@dataclass(frozen=True)
class FolderRun:
    """A folder that is being captioned: the names of its files, and of those that an earlier run has done.

    notes: what was done with linked folders, one sentence each.

    Iterate it to do the others: each comes as soon as it is written to the file. Use it in a `with`, or close it, so
    that the file is let go of wherever that ends.
    """

    files: tuple[str, ...]
    done: frozenset[str]
    _each: Generator[Captioned, None, None] = field(repr=False)
    _log: CaptionsLog = field(repr=False)
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Captioned]:
        return self._each

    def __enter__(self) -> FolderRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the run: what is in work is dropped, what is written stays."""
        self._each.close()
        self._log.close()


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
    stands in a second file beside it, see `errors_of`, written anew by each run.

    Args:
        output: the file; each line holds file_name (from `folder` on), text, model and style. One run at a time
            writes to it.
        style, at_once, stop: see `playground.tasks.bulk.many.caption_each`.

    Raises:
        TaskError: at once, for a folder without files, an output of something else or by another model or style, one
            that another run writes to, or an unknown style; while it is iterated, where nothing more can be written,
            or the folder is gone.
    """
    files, unread, notes = _walked(folder)
    own = _names_within(folder, (output, errors_of(output)))
    files = tuple(name for name in files if name not in own)
    log = CaptionsLog(output, model.name, style)
    try:
        waiting = [name for name in files if name not in log.done]
        each = caption_each(model, [folder / name for name in waiting], style, at_once=at_once, stop=stop)
    except BaseException:
        log.close()
        raise

    def written() -> Generator[Captioned, None, None]:
        errors = errors_of(output)
        with closing(log), closing(each):
            _remove(errors)
            for row in chain(unread, (_row(waiting[place], result) for place, result in each)):
                if row.error is None:
                    log.append(row)
                elif folder.is_dir():
                    _append(errors, row)
                else:
                    raise TaskError(
                        f"The folder {str(folder)!r} is not there any more. What is done is in {output}; once the "
                        "folder is back, the same command goes on from there."
                    )
                yield row

    return FolderRun(files, log.done.intersection(files), written(), log, notes)


def errors_of(output: Path) -> Path:
    """The file beside an output in which a run says what is wrong with the files that it left behind."""
    stem = output.stem if output.suffix == ".jsonl" else output.name
    return output.with_name(f"{stem}.errors.jsonl")


def _names_within(folder: Path, files: Iterable[Path]) -> set[str]:
    """What these files are called from the folder on, of those that lie in it."""
    top, places = folder.resolve(), [file.resolve() for file in files]
    return {place.relative_to(top).as_posix() for place in places if place.is_relative_to(top)}


def _row(name: str, result: Result[str]) -> Captioned:
    if result.error is None and not (result.value or "").strip():
        return Captioned(name, error="The model wrote nothing about this picture.")
    return Captioned(name, result.value, result.error)


def _remove(errors: Path) -> None:
    try:
        errors.unlink(missing_ok=True)
    except OSError as error:
        raise TaskError(f"{errors} cannot be written anew: {disk.reason(error)}. Move it away.") from None


def _append(errors: Path, row: Captioned) -> None:
    line = json.dumps({"file_name": row.file_name, "error": row.error}, ensure_ascii=False)
    try:
        with errors.open("ab") as file:
            file.write(line.encode("utf-8", "backslashreplace") + b"\n")
    except OSError as error:
        raise TaskError(
            f"Nothing more can be written to {errors}: {disk.reason(error)}. What is done is kept. Make room there, "
            "and the same command goes on."
        ) from None
