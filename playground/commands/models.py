"""Print the catalogue: what can be picked, and what it costs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from playground.checkpoints.catalog import CATALOG, TASKS, Entry, shown
from playground.terminal import shows

_HEADINGS = ("name", "best at", "tasks", "licence", "download", "memory", "knows")


def options_of(parser: argparse.ArgumentParser) -> None:
    """Name the options of the command."""
    parser.add_argument("--kind", choices=list(TASKS), help="only models of this kind")
    parser.add_argument("--json", action="store_true", help="print it for programs, sizes in megabytes")


def run(options: argparse.Namespace) -> None:
    """Print the entries, as a table or for programs."""
    entries = [entry for entry in CATALOG if options.kind in (None, entry.kind)]
    print(as_json(entries) if options.json else as_table(entries))


def as_table(entries: Sequence[Entry]) -> str:
    """The entries as aligned columns, with what the marks mean below."""
    rows = [_HEADINGS, *(_row(entry) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    legend = (
        "memory: on a CPU in float32; half of it or less in bfloat16.  ~: reckoned from the number of weights.\n"
        "?: its size and licence are from memory, not compared with its repository.\n"
        "*: log in to the Hub and accept the licence there first.  Load one: from playground import load; load(name)"
    )
    return "\n".join([*lines, "", legend])


def as_json(entries: Sequence[Entry]) -> str:
    """The entries as a JSON list, every field by its name."""
    listed = [{**asdict(entry), "tasks": entry.tasks, "embedded": entry.embedded} for entry in entries]
    text = json.dumps(listed, indent=2, ensure_ascii=False)
    return text if shows(text, sys.stdout) else json.dumps(listed, indent=2)


def _row(entry: Entry) -> tuple[str, ...]:
    download = "embedded" if entry.embedded else "~" * entry.estimated + shown(entry.download_mb)
    tasks, licence = (
        ", ".join(entry.tasks),
        entry.licence + "*" * entry.gated + "?" * (not entry.verified and not entry.embedded),
    )
    return entry.name, entry.best_at, tasks, licence, download, shown(entry.memory_mb), entry.knows
