"""Occlusion: cover a part of the picture and see how much less likely the word becomes.

Zeiler and Fergus 2014, arXiv:1311.2901. Slow, since the model runs once for every place of the cover, and honest: it
looks at nothing but what the model says. What two parts of the picture show equally well it does not find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from playground.interpret.forward.cost import together
from playground.interpret.forward.image_dependence import mean_colour
from playground.interpret.forward.teacher_forcing import pictures_of, probabilities
from playground.interpret.methods.base import Method

if TYPE_CHECKING:
    from PIL import Image
    from transformers import PreTrainedModel

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

Box = tuple[int, int, int, int]
SIZE, STEPS = 1 / 6, 12
# By the trace and by the model itself: the number that `id` gives of a model may be another one's once it is gone.
_Found = dict[tuple, tuple[list[Box], np.ndarray]]
_remembered: WeakKeyDictionary[Trace, WeakKeyDictionary[PreTrainedModel, _Found]] = WeakKeyDictionary()


def explain(model: ChatModel, trace: Trace, word: int, *, image: int = 0) -> np.ndarray:
    """Each pixel has the mean fall in the word's probability over all covers that hide it; what rises counts as 0.

    The runs show all words of the answer at once and are remembered with the trace: other words then take no time.
    """
    covers, likely = falls(model, trace, image)
    height, width = pictures_of(trace)[image].size[::-1]
    own = likely[:, list(trace.words[word].pieces)].prod(axis=1)
    total, times = np.zeros((2, height, width), np.float32)
    for (x0, y0, x1, y1), fall in zip(covers, own[0] - own[1:], strict=True):
        total[y0:y1, x0:x1] += fall
        times[y0:y1, x0:x1] += 1
    mean = (total / times.clip(1)).clip(0)
    return mean / mean.sum() if mean.sum() > 0 else mean


def falls(
    model: ChatModel, trace: Trace, image: int = 0, *, size: float = SIZE, steps: int = STEPS
) -> tuple[list[Box], np.ndarray]:
    """The covers, and the probability of each piece: float32 (1 + covers, pieces), first without a cover.

    size: the cover's side as a share of the picture's. steps: how many places it takes across and down. It has the
    picture's mean colour, which is the least of a thing by itself: a grey square would be one.
    """
    known = _remembered.setdefault(trace, WeakKeyDictionary()).setdefault(model.model, {})
    key = image, size, steps
    if key not in known:
        pictures = list(pictures_of(trace))
        whole = pictures[image]
        covers = _covers(whole.size, size, steps)
        shown = [[*pictures[:image], _covered(whole, box), *pictures[image + 1 :]] for box in covers]
        known[key] = covers, probabilities(model, trace, [pictures, *shown], batch=together(model, trace, 16))
    return known[key]


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


METHOD = Method(
    name="occlusion",
    label="Occlusion",
    paper="Zeiler & Fergus 2014, arXiv:1311.2901",
    about="what the word loses when a place is covered; the model runs more than a hundred times.",
    explain=explain,
    needs="run",
    slow=True,
)
