"""Captions as files: CSV, JSON, and JSON Lines as `datasets` reads them beside a folder of pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.tasks import TaskError
from playground.tasks.exports import spreadsheet
from playground.tasks.exports.lines_log import LinesLog


@dataclass(frozen=True)
class Captioned:
    """A file of a folder: its name from there, and its caption, or the sentence that says why there is none."""

    file_name: str
    text: str | None = None
    error: str | None = None


def as_csv(rows: Sequence[Captioned]) -> str:
    """A table with the columns file_name, text and error, for spreadsheets: see `exports.spreadsheet`."""
    return spreadsheet.as_csv(("file_name", "text", "error"), [(row.file_name, row.text, row.error) for row in rows])


def as_json(rows: Sequence[Captioned], model: str, style: str) -> str:
    """Everything in one object: the model's name, the style, and all files, broken ones with their error."""
    files = [{"file_name": row.file_name, "text": row.text, "error": row.error} for row in rows]
    return json.dumps({"model": model, "style": style, "files": files}, indent=2, ensure_ascii=False)


def as_jsonl(rows: Sequence[Captioned]) -> str:
    """One {"file_name", "text"} a line for every caption: saved as `metadata.jsonl` beside the pictures it makes the
    folder a data set for `datasets.load_dataset("imagefolder", data_dir=…)`."""
    lines = (
        json.dumps({"file_name": row.file_name, "text": row.text}, ensure_ascii=False) for row in rows if not row.error
    )
    return "".join(f"{line}\n" for line in lines)


class CaptionsLog:
    """The captions of a folder on the disk, each there as soon as it is known: a `LinesLog` of one model and style.

    Each line holds file_name, text, model and style.
    """

    def __init__(self, path: Path, model: str, style: str) -> None:
        """Open the file, or begin it; a line that a crash cut off is taken away.

        Raises:
            TaskError: it cannot be written, another run writes to it, or it holds something else, or captions of
                another model or style.
        """
        self._by = {"model": model, "style": style}
        self._lines = LinesLog(path, first="file_name")
        try:
            self.done = frozenset(self._name(number, row) for number, row in enumerate(self._lines.rows(), 1))
            self._lines.repair()
        except BaseException:
            self._lines.close()
            raise

    def append(self, row: Captioned) -> None:
        """Write one caption, down to the disk. Raises TaskError, with what to do, where the disk is full."""
        self._lines.append({"file_name": row.file_name, "text": row.text, **self._by})

    def close(self) -> None:
        """Close the file, so that another run may write to it."""
        self._lines.close()

    def _name(self, number: int, row: Mapping[str, Any]) -> str:
        """The name of the file that a line is about."""
        try:
            name, by = row["file_name"], {"model": row["model"], "style": row["style"]}
        except KeyError:
            raise self._lines.strange(number) from None
        if not isinstance(name, str):
            raise self._lines.strange(number)
        if by != self._by:
            raise TaskError(
                f"{self._lines.path} holds captions by {by['model']}, {by['style']}. Choose another file for "
                f"{self._by['model']}, {self._by['style']}, or take that model and style."
            )
        return name
