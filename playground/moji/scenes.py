"""Scenes of the Moji world with their exact truth: what stands where, how large, on which ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .sprites import sprite
from .world import CANVAS, COLOURS, EMOJI_NOUNS, NOUNS, SHAPES, STYLES, place_of

GROUNDS = ("plain", "gradient", "stripes", "checks", "speckles")
_SIZES = {1: (40, 88), 2: (36, 80), 3: (34, 72), 4: (32, 64), 5: (32, 56), 6: (32, 52)}  # pixels, by count


@dataclass(frozen=True)
class Thing:
    """One object of a scene. ``box`` is (left, top, right, bottom) in pixels, tight around what is visible."""

    noun: str
    box: tuple[int, int, int, int]
    colour: str = ""
    style: str = ""

    @property
    def kind(self) -> str:
        """Its category: "animal", "fruit", …, "shape"."""
        return NOUNS[self.noun].kind

    @property
    def name(self) -> str:
        """The noun with its colour where it has one: "dog", "red circle"."""
        return f"{self.colour} {self.noun}" if self.colour else self.noun

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) in pixels."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2

    @property
    def size(self) -> int:
        """The longer side of the box in pixels."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def place(self) -> str:
        """Which ninth of the picture its centre is in."""
        return place_of(*self.centre)


@dataclass(frozen=True)
class Scene:
    """A picture and its truth, things ordered from left to right.

    ``pixels`` is uint8 (192, 192, 3); ``labels`` is uint8 (192, 192), 0 for ground and i+1 for ``things[i]``.
    """

    pixels: np.ndarray
    labels: np.ndarray
    things: tuple[Thing, ...]

    @property
    def image(self) -> Image.Image:
        """The picture as a PIL image."""
        return Image.fromarray(self.pixels)

    def mask(self, index: int) -> np.ndarray:
        """bool (192, 192): the visible pixels of ``things[index]``."""
        return self.labels == index + 1


def make_ground(rng: np.random.Generator, kind: str | None = None, canvas: int = CANVAS) -> np.ndarray:
    """A quiet background, float32 (canvas, canvas, 3) in 0–255. ``kind`` is one of GROUNDS, at random by default."""
    kind = kind or str(rng.choice(GROUNDS))
    base = rng.uniform(150, 250, 3)
    other = np.clip(base + rng.uniform(-28, 28, 3), 120, 255)
    rows, columns = np.mgrid[0:canvas, 0:canvas].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    width = rng.uniform(8, 30)
    if kind == "plain":
        mix = np.zeros_like(rows)
    elif kind == "gradient":
        mix = (along - along.min()) / np.ptp(along)
    elif kind == "stripes":
        mix = (along // width % 2).astype(np.float32)
    elif kind == "checks":
        mix = ((rows // width + columns // width) % 2).astype(np.float32)
    else:
        mix = rng.random((canvas, canvas), dtype=np.float32)
    return (base + (other - base) * mix[..., None]).astype(np.float32)


def _free_spot(rng: np.random.Generator, taken: list, height: int, width: int, canvas: int) -> tuple[int, int] | None:
    """A (left, top) where a box of this size overlaps none of those taken; None after 40 misses."""
    for _ in range(40):
        left, top = int(rng.integers(0, canvas - width + 1)), int(rng.integers(0, canvas - height + 1))
        if all(left >= r + 2 or left + width + 2 <= l or top >= b + 2 or top + height + 2 <= t for l, t, r, b in taken):  # noqa: E741
            return left, top
    return None


def choose_nouns(rng: np.random.Generator, count: int) -> list[tuple[str, str, str]]:
    """``count`` names as (noun, colour, style): a few kinds of thing, some of them several times."""
    names: list[tuple[str, str, str]] = []
    while len(names) < count:
        if rng.random() < 0.2:
            name = (str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS))), "")
        else:
            name = (EMOJI_NOUNS[rng.integers(len(EMOJI_NOUNS))], "", str(rng.choice(STYLES)))
        if any(name[0] == other[0] for other in names):
            continue
        names += [name] * min(count - len(names), int(rng.choice((1, 2, 3), p=(0.62, 0.25, 0.13))))
    return names


def make_scene(
    rng: np.random.Generator,
    count: int | None = None,
    *,
    ground: str | None = None,
    names: list[tuple[str, str, str]] | None = None,
    canvas: int = CANVAS,
) -> Scene:
    """A fresh scene of ``count`` things (one to six at random by default); the same ``rng`` state, the same scene.

    ``names`` fixes what stands in it, as (noun, colour, style) triples. A thing for which no room is left is
    left out, of the truth as well. A ``canvas`` smaller than 192 pixels holds smaller things (for pretraining).
    """
    count = count or int(rng.integers(1, 7))
    pixels = make_ground(rng, ground, canvas)
    labels = np.zeros((canvas, canvas), np.uint8)
    placed: list[Thing] = []
    for noun, colour, style in names or choose_nouns(rng, count):
        low, high = (min(size, canvas - 4) for size in _SIZES[min(count, 6)])
        picture = sprite(noun, style, colour, int(rng.integers(low // 2, high // 2 + 1)) * 2, bool(rng.random() < 0.3))
        height, width = picture.shape[:2]
        spot = _free_spot(rng, [thing.box for thing in placed], height, width, canvas)
        if spot is None:
            continue
        left, top = spot
        window = (slice(top, top + height), slice(left, left + width))
        alpha = picture[..., 3:].astype(np.float32) / 255
        pixels[window] += (picture[..., :3] - pixels[window]) * alpha
        placed.append(Thing(noun, (left, top, left + width, top + height), colour, style))
        labels[window][alpha[..., 0] > 0.5] = len(placed)
    order = sorted(range(len(placed)), key=lambda i: placed[i].centre[0])
    rank = np.zeros(len(placed) + 1, np.uint8)
    rank[[i + 1 for i in order]] = np.arange(1, len(placed) + 1)
    return Scene(pixels.round().astype(np.uint8), rank[labels], tuple(placed[i] for i in order))
