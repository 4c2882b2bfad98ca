"""Attention, or any number per image token, painted over the picture: of one word, and of all heads at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.layout.positions import ImageLayout


def attention_map(
    trace: Trace, word: int, *, layer: int | None = None, head: int | None = None, image: int = 0
) -> np.ndarray:
    """Float32 (height, width) of the original picture: where the model looked for one word. It sums to 1.

    word: index in `trace.words`; its pieces are averaged. layer, head: None averages over all of them.
    Each image token's share is spread evenly over the part of the picture that it shows. The views of a tiled
    picture are added: each pixel is in one tile and in the view of the whole, so that is twice their mean.
    Where the attention is zero everywhere the map is zero. Raises IndexError for a word, layer, head or picture
    that is not there.
    """
    own = list(trace.words[word].pieces)
    shares = trace.attention[own] if layer is None else trace.attention[own, layer][:, None]
    shares = shares.mean(axis=(0, 1))
    shares = shares.mean(axis=0) if head is None else shares[head]
    return paint(shares, trace, image)


def head_maps(trace: Trace, word: int, *, image: int = 0, side: int = 32) -> np.ndarray:
    """The attention of every layer and head for one word: float32 (layers + 1, heads + 1, height, width), sum 1 each.

    Index 0 of the first two is the mean of all layers, or heads; index 1 the first. side: the longer side of the small
    maps in pixels. They are painted as `attention_map` paints, only smaller; a head that
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


def paint(shares: np.ndarray, trace: Trace, image: int = 0) -> np.ndarray:
    """One number per image token, painted over a picture: float32 (height, width) of the original that sums to 1.

    shares: (image tokens,), numbers of 0 and above, the tokens of all `trace.layouts` one after the other; what is
    below 0 counts as 0. image: index of the picture to paint; what the tokens of others have is left out.
    Each token's number is spread evenly over the part of the picture that it shows. The views of a tiled picture
    are added: each pixel is in one tile and in the view of the whole, so that is twice their mean.
    Where all numbers are zero the map is zero. Raises IndexError for a picture that is not there, ValueError for
    another number of tokens than the layouts have.
    """
    shares = np.asarray(shares, np.float32).clip(0)
    tokens = sum(len(layout.tokens) for layout in trace.layouts)
    if shares.shape != (tokens,):
        raise ValueError(f"{tokens} numbers are wanted, one for each image token, not an array of {shares.shape}.")
    width, height = trace.image_sizes[image]
    total = np.zeros((height, width), np.float32)
    start = 0
    for layout in trace.layouts:
        end = start + len(layout.tokens)
        if layout.image == image:
            total += _painted(shares[start:end].reshape(layout.grid), layout, width, height)
        start = end
    return total / total.sum() if total.sum() > 0 else total


def _painted(shares: np.ndarray, layout: ImageLayout, width: int, height: int) -> np.ndarray:
    """Spread a grid of shares over the pixels of its boxes. Pixels that a box's edge crosses get their part."""
    rows, columns = layout.grid
    boxes = np.asarray(layout.boxes, np.float32).reshape(rows, columns, 4)
    across = _coverage(boxes[0, :, 0], boxes[0, :, 2], width)
    down = _coverage(boxes[:, 0, 1], boxes[:, 0, 3], height)
    area = np.outer(down.sum(axis=1), across.sum(axis=1))
    # A box outside the picture (padding) has no area, and what it got is nowhere in the picture.
    density = np.divide(shares, area, out=np.zeros_like(area), where=area > 0)
    return down.T @ density @ across


def _coverage(starts: np.ndarray, ends: np.ndarray, length: int) -> np.ndarray:
    """How much of each pixel each interval covers: float32 (intervals, pixels), 0 to 1."""
    pixels = np.arange(length, dtype=np.float32)
    covered = np.minimum(ends[:, None], pixels + 1) - np.maximum(starts[:, None], pixels)
    return covered.clip(0, 1)
