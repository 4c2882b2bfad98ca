"""Draw the rooms of the package and who imports whom, from the imports in the code: ``python docs/draw_rooms.py``.

An arrow that follows from two others is left out: whoever stands above may use everything that its arrows reach.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "rooms.svg"
sys.path.insert(0, str(ROOT / "tests"))

from test_architecture import imports, room_of  # noqa: E402

FOUNDATION = "assets, settings, network, terminal, interrupts"
# Room: where its middle stands, the row from above, and what it is for.
PLACES = {
    "commands": (640, 0, "the command line"),
    "ui": (160, 1, "the page: one folder a tab"),
    "training": (480, 1, "recipes and measures of Moji"),
    "tasks": (320, 2, "what people do, without a page"),
    "doctor": (800, 2, "does a checkpoint work here?"),
    "interpret": (480, 3, "traces, maps, metrics, anatomy"),
    "models": (320, 4, "a name becomes a running model"),
    "moji": (800, 4, "the small drawn world"),
    "checkpoints": (160, 5, "what a name stands for"),
    "imaging": (480, 5, "open pictures, draw on them"),
    FOUNDATION: (480, 6, "files at the top of the package that need nothing above them"),
}
MERGED = {name: FOUNDATION for name in FOUNDATION.split(", ")} | {"cli": "commands", "__main__": "commands"}
LEFT_OUT = {"playground"}  # the front door: notebooks come in by it, and a few rooms call its `load` as they do
WIDE, HIGH, STEP = 290, 54, 98


def arrows() -> list[tuple[str, str]]:
    """Who imports whom, without those arrows that follow from others. Raises KeyError for a room without a place."""
    pairs = {
        (MERGED.get(room_of(module), room_of(module)), MERGED.get(room_of(other), room_of(other)))
        for module, others in imports().items()
        for other in others
    }
    pairs = {(one, other) for one, other in pairs if one != other and not {one, other} & LEFT_OUT}
    below = {room: {other for one, other in pairs if one == room} for room in PLACES}
    reached: dict[str, set[str]] = {}
    for room in sorted(PLACES, key=lambda room: -PLACES[room][1]):
        reached[room] = below[room].union(*(reached[other] for other in below[room]))
    return sorted(
        (one, other)
        for one, other in pairs
        if not any(other in reached[between] for between in below[one] - {other})
    )  # fmt: skip


def draw() -> str:
    """The picture as SVG."""
    boxes = [_box(room) for room in PLACES]
    lines = [_arrow(one, other) for one, other in arrows()]
    height = 7 * STEP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height}" role="img" font-family="sans-serif" '
            'text-anchor="middle">',
            "<title>The rooms of the package: every arrow points down, to what a room imports</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#4a5568"/></marker></defs>',
            f'<rect width="960" height="{height}" rx="12" fill="#ffffff"/>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _width(room: str) -> int:
    return 900 if room == FOUNDATION else WIDE


def _box(room: str) -> str:
    middle, row, about = PLACES[room]
    top, wide = row * STEP + 22, _width(room)
    return (
        f'<rect x="{middle - wide // 2}" y="{top}" width="{wide}" height="{HIGH}" rx="8" fill="#eef2ff" '
        f'stroke="#4f46e5"/><text x="{middle}" y="{top + 23}" font-size="17" font-weight="bold" fill="#1e1b4b">'
        f'{escape(room)}</text><text x="{middle}" y="{top + 43}" font-size="13" fill="#374151">{escape(about)}</text>'
    )


def _arrow(one: str, other: str) -> str:
    (start, upper, _), (end, lower, _) = PLACES[one], PLACES[other]
    if lower <= upper:
        raise ValueError(f"{one} imports {other}, which does not stand below it: give one of them another place")
    if _width(other) > WIDE:
        end = start
    else:  # arrows that come from one side end on that side
        end += max(-90, min(90, (start - end) // 3))
    return (
        f'<path d="M{start} {upper * STEP + 22 + HIGH}L{end} {lower * STEP + 20}" stroke="#4a5568" stroke-width="1.5" '
        f'marker-end="url(#tip)"/>'
    )


if __name__ == "__main__":
    FILE.write_text(draw(), encoding="utf-8")
    print(f"{FILE}: {len(arrows())} arrows")
