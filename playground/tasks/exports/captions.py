"""Captions as files: CSV, JSON, and JSON Lines as `datasets` reads them beside a folder of pictures."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playground.tasks import TaskError


@dataclass(frozen=True)
class Captioned:
    """A file of a folder: its name from there, and its caption, or the sentence that says why there is none."""

    file_name: str
    text: str | None = None
    error: str | None = None


def as_csv(rows: Sequence[Captioned]) -> str:
    """A table with the columns file_name, text and error, for spreadsheets."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("file_name", "text", "error"))
    writer.writerows((row.file_name, row.text or "", row.error or "") for row in rows)
    return table.getvalue()


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
    """A JSON Lines file that grows by one caption at a time and outlives a crash between any two bytes.

    Each line holds file_name, text, model and style. A class because the file stays open for appending.
    """

    def __init__(self, path: Path, model: str, style: str) -> None:
        """Open the file, or begin it; a line that a crash cut off is taken away.

        Raises:
            TaskError: it holds something else, or captions of another model or style.
        """
        self._by = {"model": model, "style": style}
        self.done = frozenset(self._read(path) if path.is_file() else ())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        except OSError as error:
            raise TaskError(f"{path} cannot be written ({error.strerror}). Choose another file.") from None

    def append(self, row: Captioned) -> None:
        """Write one caption, down to the disk."""
        line = json.dumps({"file_name": row.file_name, "text": row.text, **self._by}, ensure_ascii=False)
        # A file name that is no UTF-8 becomes an escape that JSON reads back as the same name.
        self._file.write(line.encode("utf-8", "backslashreplace") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, path: Path) -> set[str]:
        """The names of the files that are done."""
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        names = set()
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                row = json.loads(line)
                names.add(row["file_name"])
                by = {"model": row["model"], "style": row["style"]}
            except (ValueError, TypeError, KeyError):
                raise TaskError(
                    f"Line {number} of {path} is not one that this command wrote. Choose another file."
                ) from None
            if by != self._by:
                raise TaskError(
                    f"{path} holds captions by {by['model']}, {by['style']}. Choose another file for "
                    f"{self._by['model']}, {self._by['style']}, or take that model and style."
                )
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        return names
