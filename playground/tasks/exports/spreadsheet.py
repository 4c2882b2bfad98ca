"""CSV that spreadsheets open as it is meant."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

# What a spreadsheet would take for a formula at the beginning of a cell; a tabulator or a line end may come before it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a byte order mark, by which spreadsheets know UTF-8, and an empty cell for None.

    A text that begins like a formula gets an apostrophe before it: opened in a spreadsheet, a caption or a file's name
    would else be computed (OWASP, "CSV injection"). Numbers stay numbers.
    """
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return "\ufeff" + table.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
