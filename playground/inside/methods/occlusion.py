"""Occlusion: cover a part of the picture and see how much less likely the word becomes.

Zeiler and Fergus 2014, arXiv:1311.2901. Slow, since the model runs once for every place of the cover, and honest: it
looks at nothing but what the model says. What two parts of the picture show equally well it does not find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playground.inside.methods.leaning import mean_colour
from playground.inside.methods.rerun import pictures_of, probabilities

if TYPE_CHECKING:
    from PIL import Image

    from playground.inside.trace import Trace
    from playground.models.chat import ChatModel

Box = tuple[int, int, int, int]


def explain(
    model: ChatModel, trace: Trace, word: int, *, image: int = 0, size: float = 0.25, steps: int = 12
) -> np.ndarray:
    """Each pixel has the mean fall in the word's probability over all covers that hide it; what rises counts as 0.

    size: the cover's side as a share of the picture's. steps: how many places it takes across and down. The cover
    has the picture's mean colour, which is the least of a thing by itself.
    """
    pictures = list(pictures_of(trace))
    whole = pictures[image]
    covers = _covers(whole.size, size, steps)
    shown = [[*pictures[:image], _covered(whole, box), *pictures[image + 1 :]] for box in covers]
    pieces = list(trace.words[word].pieces)
    likely = probabilities(model, trace, [pictures, *shown])[:, pieces].prod(axis=1)
    total, times = np.zeros((2, whole.height, whole.width), np.float32)
    for (x0, y0, x1, y1), fall in zip(covers, likely[0] - likely[1:], strict=True):
        total[y0:y1, x0:x1] += fall
        times[y0:y1, x0:x1] += 1
    falls = (total / times.clip(1)).clip(0)
    return falls / falls.sum() if falls.sum() > 0 else falls


def _covers(picture: tuple[int, int], size: float, steps: int) -> list[Box]:
    """Boxes (x0, y0, x1, y1) that lie within the picture, row by row, evenly from edge to edge."""
    spans = []
    for length in picture:
        side = max(1, round(length * size))
        starts = np.unique(np.linspace(0, length - side, steps).round().astype(int))
        spans.append([(int(start), int(start) + side) for start in starts])
    return [(x0, y0, x1, y1) for y0, y1 in spans[1] for x0, x1 in spans[0]]


def _covered(picture: Image.Image, box: Box) -> Image.Image:
    covered = picture.convert("RGB").copy()
    covered.paste(mean_colour(picture), box)
    return covered
