"""Colours of 16 bits: Pillow keeps their upper bytes alone, which are nearly black where a camera's 12 bits stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from playground.imaging.levels import Levels, levels_of
from playground.imaging.memory import BUDGET

_DARK = 64  # upper bytes below this: 14 bits or fewer
_ROWS = 1_000_000  # pixels that are worked on together
# Read in the other byte order a file gives its lower bytes.
_OTHER = {"L": "B", "B": "L", "N": "B"}


def decoded(image: Image.Image, again: Callable[[], Image.Image] | None) -> tuple[Image.Image, str]:
    """The image, loaded, and a note; "" where nothing was done.

    Dark colours of 16 bits are scaled by what they hold. again: opens the same file once more; None where that cannot
    be done, and then nothing is.
    """
    wide = again is not None and image.mode in ("RGB", "RGBA") and _other_order(image) is not None
    image.load()
    if not wide or image.width * image.height * 8 > BUDGET or _brightest(image) >= _DARK:
        return image, ""
    other = again()
    other.tile = _other_order(other)
    other.load()
    return _scaled(image, other)


def _other_order(image: Image.Image) -> list[Any] | None:
    """The tiles of a file with colours of 16 bits, in the other byte order; None for another kind of file."""
    tiles = []
    for tile in getattr(image, "tile", ()):
        plain = isinstance(tile.args, str)
        raw = tile.args if plain else tile.args[0] if tile.args else ""
        kind, found, order = str(raw).partition(";16")
        if not found or kind not in ("RGB", "RGBA", "R", "G", "B", "A") or order not in _OTHER:
            return None
        raw = f"{kind};16{_OTHER[order]}"
        tiles.append(tile._replace(args=raw if plain else (raw, *tile.args[1:])))
    return tiles or None


def _brightest(image: Image.Image) -> int:
    return max(high for _, high in image.getextrema()[:3])


def _scaled(upper: Image.Image, lower: Image.Image) -> tuple[Image.Image, str]:
    """One image of 8 bits from both bytes; `upper` is written over."""
    high = max(int(_joined(upper, lower, top)[..., :3].max()) for top in _tops(upper))
    levels = levels_of(0, high, floats=False, natural=65535)
    if levels.white == 65535:
        return upper, ""
    opaque = _alpha_levels(upper, lower, levels)
    for top in _tops(upper):
        values = _joined(upper, lower, top)
        made = levels.applied(values)
        if opaque is not None:
            made[..., 3] = opaque.applied(values[..., 3])
        upper.paste(Image.fromarray(made), (0, top))
    return upper, levels.note


def _alpha_levels(upper: Image.Image, lower: Image.Image, levels: Levels) -> Levels | None:
    """Alpha has its own scale where it reaches beyond that of the colours."""
    if upper.mode != "RGBA":
        return None
    return levels if upper.getextrema()[3][1] * 256 <= levels.white else Levels(0.0, 65535.0)


def _tops(image: Image.Image) -> range:
    return range(0, image.height, max(1, _ROWS // image.width))


def _joined(upper: Image.Image, lower: Image.Image, top: int) -> np.ndarray:
    """uint16 of some rows."""
    box = (0, top, upper.width, min(upper.height, top + max(1, _ROWS // upper.width)))
    high, low = (np.asarray(image.crop(box)) for image in (upper, lower))
    return high.astype(np.uint16) << 8 | low
