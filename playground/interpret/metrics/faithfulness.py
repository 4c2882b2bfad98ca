"""Is a map true to the model? Show the map's high places first, or take them away first, and see what it says.

Insertion and deletion of RISE (Petsiuk, Das and Saenko 2018, arXiv:1806.07421). No mask is needed: what is asked is
not whether a map lies on the right thing, but whether the model needs what it marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.forward.image_dependence import mean_colour
from playground.interpret.forward.teacher_forcing import pictures_of, probabilities
from playground.interpret.metrics.score import levels

if TYPE_CHECKING:
    from PIL import Image

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


@dataclass(frozen=True, eq=False)
class Curves:
    """How likely a word is while the picture comes and goes, float32 (points,) each.

    insertion: with these `shares` of the pixels, from 0 to 1, shown over a blurred picture, the map's highest first.
    deletion: with as many of them covered by the picture's mean colour.
    """

    insertion: np.ndarray
    deletion: np.ndarray
    shares: np.ndarray

    @property
    def insertion_area(self) -> float:
        """The area under the insertion curve, 0 to 1: high where the map marks what the word can be told from."""
        return area(self.insertion, self.shares)

    @property
    def deletion_area(self) -> float:
        """The area under the deletion curve, 0 to 1: low where the map marks what the word cannot do without."""
        return area(self.deletion, self.shares)


def curves(
    model: ChatModel,
    trace: Trace,
    word: int,
    maps: Sequence[np.ndarray],
    *,
    image: int = 0,
    steps: int = 10,
    shares: Sequence[float] | None = None,
    seed: int = 0,
    batch: int = 16,
) -> list[Curves]:
    """The curves of several maps (height, width) of one word, in their order.

    The word's probability is that of its pieces after the answer's own beginning, at 0, 1/steps, … 1 of the pixels;
    shares: at 0, these and 1 instead, rising. Pixels of the same value come in random order (`seed`), so a uniform map
    takes pixels here and there. The model runs 2 · (steps - 1) times for each map and 3 times for all of them together,
    `batch` pictures at once.
    """
    inner = [step / steps for step in range(1, steps)] if shares is None else list(shares)
    pictures = list(pictures_of(trace))
    whole = np.asarray(pictures[image].convert("RGB"))
    cover = np.broadcast_to(np.asarray(mean_colour(pictures[image]), np.uint8), whole.shape)
    blurred = np.asarray(_blurred(pictures[image]))
    orders = [_order(values, np.random.default_rng(seed)) for values in maps]
    counts = [round(share * whole.shape[0] * whole.shape[1]) for share in inner]
    everywhere = np.zeros(whole.shape[:2], np.uint32)
    plans = [(pixels, pixels, everywhere, 0) for pixels in (whole, cover, blurred)]
    for first, after in ((whole, blurred), (cover, whole)):
        plans += [(first, after, order, count) for order in orders for count in counts]
    likely = []
    for start in range(0, len(plans), batch):  # never all pictures at once: they may be large
        shown = [_picture(np.where((order < n)[..., None], a, b)) for a, b, order, n in plans[start : start + batch]]
        runs = [[*pictures[:image], each, *pictures[image + 1 :]] for each in shown]
        likely.append(probabilities(model, trace, runs, batch=batch))
    likely = np.concatenate(likely)[:, list(trace.words[word].pieces)].prod(axis=1)
    inserted, deleted = likely[3:].reshape(2, len(maps), len(inner))
    places = np.array([0, *inner, 1])
    return [
        Curves(np.array([likely[2], *rising, likely[0]]), np.array([likely[0], *falling, likely[1]]), places)
        for rising, falling in zip(inserted, deleted, strict=True)
    ]


def area(curve: np.ndarray, places: np.ndarray | None = None) -> float:
    """The area under a curve from 0 to 1 (trapezoids). places: where its points are, by default equally far apart."""
    widths = np.diff(np.linspace(0, 1, len(curve)) if places is None else places)
    return float((widths * (curve[1:] + curve[:-1])).sum() / 2)


def _order(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The place of each pixel in the line, uint32 (height, width): 0 for the highest."""
    chance = rng.random(values.size)
    line = np.lexsort((chance, -levels(values).ravel()))
    order = np.empty(values.size, np.uint32)
    order[line] = np.arange(values.size)
    return order.reshape(values.shape)


def _blurred(picture: Image.Image) -> Image.Image:
    """Without the edges that a cover would add, and too coarse to tell what it shows."""
    from PIL import ImageFilter

    return picture.convert("RGB").filter(ImageFilter.GaussianBlur(min(picture.size) / 16))


def _picture(pixels: np.ndarray) -> Image.Image:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(pixels))
