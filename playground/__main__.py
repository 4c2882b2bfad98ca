"""python -m playground models: what can be picked, and what it costs.
python -m playground caption FOLDER: captions for every picture of a folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from playground import caption_command
from playground.checkpoints.catalog import CATALOG, TASKS, Entry, shown
from playground.terminal import forgiving_output, shows

_HEADINGS = ("name", "tasks", "licence", "download", "memory", "knows")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; torch is imported only where a model is needed for it."""
    parser = argparse.ArgumentParser(
        prog="python -m playground", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    models = commands.add_parser("models", help="print the catalogue")
    models.add_argument("--kind", choices=list(TASKS), help="only models of this kind")
    models.add_argument("--json", action="store_true", help="print it for programs, sizes in megabytes")
    caption_command.options_of(commands.add_parser("caption", help=caption_command.__doc__))
    with forgiving_output():
        options = parser.parse_args(arguments)
        if options.command == "caption":
            caption_command.run(options)
            return
        entries = [entry for entry in CATALOG if options.kind in (None, entry.kind)]
        print(as_json(entries) if options.json else as_table(entries))


def as_table(entries: Sequence[Entry]) -> str:
    """The entries as aligned columns, with what the marks mean below."""
    rows = [_HEADINGS, *(_row(entry) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    legend = (
        "memory: on a CPU in float32; half of it or less in bfloat16.  ~: reckoned from the number of weights.\n"
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
    tasks, licence = ", ".join(entry.tasks), entry.licence + "*" * entry.gated
    return entry.name, tasks, licence, download, shown(entry.memory_mb), entry.knows


if __name__ == "__main__":
    main()
