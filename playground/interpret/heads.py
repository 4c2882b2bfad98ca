"""All heads of all layers at once: one small map each, to find the one that is worth a closer look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.trace import paint

if TYPE_CHECKING:
    from playground.interpret.trace import Trace


def head_maps(trace: Trace, word: int, *, image: int = 0, side: int = 32) -> np.ndarray:
    """The attention of every layer and head for one word: float32 (layers + 1, heads + 1, height, width), sum 1 each.

    Index 0 of the first two is the mean of all layers, or heads; index 1 the first. side: the longer side of the small
    maps in pixels. They are painted as `playground.interpret.trace.attention_map` paints, only smaller; a head that
    gave the picture nothing has a map of zeros. Raises IndexError for a word or picture that is not there.
    """
    width, height = trace.image_sizes[image]
    scale = side / max(width, height)
    small = max(1, round(width * scale)), max(1, round(height * scale))
    across, down = small[0] / width, small[1] / height
    layouts = tuple(
        replace(layout, boxes=tuple((a * across, b * down, c * across, d * down) for a, b, c, d in layout.boxes))
        for layout in trace.layouts
    )
    sizes = tuple(small if place == image else size for place, size in enumerate(trace.image_sizes))
    shrunk = replace(trace, layouts=layouts, image_sizes=sizes)
    own = list(trace.words[word].pieces)
    shares = np.stack([trace.attention[own, layer].mean(axis=0) for layer in range(trace.layers)])
    shares = np.concatenate([shares.mean(axis=0, keepdims=True), shares])
    shares = np.concatenate([shares.mean(axis=1, keepdims=True), shares], axis=1)
    return np.array([[paint(head, shrunk, image) for head in layer] for layer in shares], np.float32)
