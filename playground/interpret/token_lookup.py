"""The reverse of a map: choose a place of the picture, and see which words of the answer looked there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.layout.positions import Box


def tokens_at(trace: Trace, x: float, y: float, image: int = 0) -> tuple[int, ...]:
    """The image tokens that show a place, counted as the columns of `trace.attention`; the finest view comes first.

    x, y: pixels of the original picture, from its left and its top. A picture that was cut into tiles shows each
    place twice, in a tile and in the view of the whole; what a crop left out is in no token: then there are none.
    """
    found, start = [], 0
    for layout in trace.layouts:
        if layout.image == image:
            found += [
                (_area(box), start + place)
                for place, box in enumerate(layout.boxes)
                if box[0] <= x < box[2] and box[1] <= y < box[3]
            ]
        start += len(layout.tokens)
    return tuple(column for _, column in sorted(found))


def box_of(trace: Trace, column: int) -> Box:
    """Which part of its picture an image token shows: left, top, right and bottom, in pixels of the original."""
    return [box for layout in trace.layouts for box in layout.boxes][column]


def columns_of(trace: Trace, image: int = 0) -> range:
    """The columns of `trace.attention` that belong to a picture; a picture's tokens stand together."""
    owners = [layout.image for layout in trace.layouts for _ in layout.tokens]
    own = [column for column, owner in enumerate(owners) if owner == image]
    return range(own[0], own[-1] + 1) if own else range(0)


def words_at(trace: Trace, tokens: Sequence[int], *, layer: int | None = None, head: int | None = None) -> np.ndarray:
    """How much of its attention each word gave to some image tokens, their shares added: float32 (words,), 0 to 1.

    tokens: columns of `trace.attention`, as `tokens_at` gives them. A word's pieces are averaged. layer, head: None
    averages over all of them. Raises IndexError for a layer, head or token that is not there.
    """
    rows = trace.attention[:, slice(None) if layer is None else [layer]][..., list(tokens)].sum(axis=-1)
    shares = (rows if head is None else rows[:, :, [head]]).mean(axis=(1, 2))
    return np.array([shares[list(word.pieces)].mean() for word in trace.words], np.float32)


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
