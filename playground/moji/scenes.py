"""Scenes of the Moji world with their exact truth: what stands where, how large, on which ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from playground.moji.looks import changed
from playground.moji.sprites import DRAWN, LINES, covered, shade, sprite
from playground.moji.world import (
    ALL_COLOURS,
    ALL_SHAPES,
    ALL_STYLES,
    CANVAS,
    COLOURS,
    COMPANIONS,
    EMOJI_NOUNS,
    NOUNS,
    SHADES,
    SHAPES,
    STYLES,
    WRITINGS,
    held_out,
    place_of,
)

GROUNDS = ("plain", "gradient", "stripes", "checks", "speckles")
UNSEEN_GROUNDS = ("waves", "blobs", "rings")  # no training scene has them
_SIZES = {1: (40, 88), 2: (36, 80), 3: (34, 72), 4: (32, 64), 5: (32, 56), 6: (32, 52)}  # pixels, by count
_MANY = (28, 44)  # pixels, of more things than six
_GROUPS = {word: group for group in COMPANIONS for word in group}

Name = tuple[str, str, str]
"""(noun, what tells it apart, style): a shape has its colour in the middle, a sign its writing, an emoji nothing.

The style of a shape is how it is drawn: a key of ``sprites.DRAWN``.
"""


@dataclass(frozen=True)
class Variety:
    """How much wider than the plain world a scene is drawn: for training, and for measuring what is hard.

    ``styles`` are those that emoji and signs come in; ``shapes`` draws shapes and grounds in every way and colour;
    ``changes`` (0–1) scales how often single things are changed, see ``looks.changed``.
    """

    styles: tuple[str, ...] = STYLES
    shapes: bool = False
    changes: float = 0.0


PLAIN = Variety()
WIDE = Variety(ALL_STYLES, shapes=True, changes=1.0)


@dataclass(frozen=True)
class Thing:
    """One object of a scene. ``box`` is (left, top, right, bottom) in pixels, tight around what is visible."""

    noun: str
    box: tuple[int, int, int, int]
    colour: str = ""
    style: str = ""
    writing: str = ""

    @property
    def kind(self) -> str:
        """Its category: "animal", "fruit", …, "shape"."""
        return NOUNS[self.noun].kind

    @property
    def name(self) -> str:
        """The noun with its colour or writing where it has one: "dog", "red circle", "stop sign"."""
        return f"{self.colour}{self.writing} {self.noun}".lstrip()

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
    """A quiet background, float32 (canvas, canvas, 3) in 0–255.

    ``kind`` is one of GROUNDS (at random by default) or of UNSEEN_GROUNDS.
    """
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
    elif kind == "waves":
        mix = 0.5 + 0.5 * np.sin(along / width * 2 + 2 * np.sin(columns / width))
    elif kind == "blobs":
        small = rng.random((canvas // 16, canvas // 16), dtype=np.float32) > 0.5
        mix = np.asarray(Image.fromarray(small.astype(np.float32)).resize((canvas, canvas), Image.Resampling.BICUBIC))
    elif kind == "rings":
        mix = 0.5 + 0.5 * np.sin(np.hypot(rows - canvas * rng.random(), columns - canvas * rng.random()) / width * 4)
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


def _draw_name(rng: np.random.Generator, beside: list[Name], variety: Variety) -> Name:
    draw = rng.random()
    if draw < 0.2 and variety.shapes:
        drawn = str(rng.choice(list(DRAWN))) if rng.random() < 0.5 else ""
        return str(rng.choice(ALL_SHAPES)), str(rng.choice(list(ALL_COLOURS))), drawn
    if draw < 0.2:
        return str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS))), ""
    style = str(rng.choice(variety.styles))
    if draw < 0.27:
        return "sign", str(rng.choice(WRITINGS)), style
    group = _GROUPS.get(beside[-1][0]) if beside and rng.random() < 0.3 else None
    options = group or EMOJI_NOUNS
    return options[rng.integers(len(options))], "", style


def choose_names(rng: np.random.Generator, count: int, variety: Variety = PLAIN) -> list[Name]:
    """``count`` names: a few kinds of thing, some of them several times, no pair that is held out."""
    names: list[Name] = []
    while len(names) < count:
        name = _draw_name(rng, names, variety)
        if any(name[0] == other[0] or held_out(name[0], other[0]) for other in names):
            continue
        names += [name] * min(count - len(names), int(rng.choice((1, 2, 3), p=(0.62, 0.25, 0.13))))
    return names


def _any_ground(rng: np.random.Generator, names: list[Name], canvas: int) -> np.ndarray:
    """A plain ground in any colour, black and white among them, on which each of the named things can be seen."""
    named = [shade(told, 0) for noun, told, _ in names if noun in ALL_SHAPES]
    lines = any(style == "fluent-contrast" for _, _, style in names)
    for _ in range(8):
        draw = rng.random()
        colour = rng.uniform(0, 255, 3) if draw < 0.5 else np.full(3, rng.choice((0, 255, 255, 128, 240)), float)
        far = all(np.abs(colour - other).max() > 70 for other in named)
        if far and (colour.mean() > 90 or not lines):
            return np.broadcast_to(colour.astype(np.float32), (canvas, canvas, 3)).copy()
    return make_ground(rng, "plain", canvas)


def _picture(
    rng: np.random.Generator, name: Name, size: int, stretch: float, variety: Variety, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """RGBA pixels of a thing, and where it covers what is behind it: bool (height, width)."""
    noun, told, style = name
    writing = told if noun == "sign" else ""
    colour = "" if writing else told
    mirrored = bool(rng.random() < 0.3)
    shaded = int(rng.integers(1 + len(SHADES[colour]))) if colour and variety.shapes else 0
    picture = sprite(noun, style, colour, max(size, 44) if writing else size, mirrored, stretch, writing, shaded)
    if variety.changes:
        picture = changed(rng, picture, variety.changes, colours=not colour, lines=style in LINES, most=most)
    return picture, covered(picture, style)


def make_scene(
    rng: np.random.Generator,
    count: int | None = None,
    *,
    ground: str | None = None,
    names: list[Name] | None = None,
    canvas: int = CANVAS,
    sizes: tuple[int, int] | None = None,
    stretch: float = 1.0,
    variety: Variety = PLAIN,
) -> Scene:
    """A fresh scene of ``count`` things (one to six at random by default); the same ``rng`` state, the same scene.

    ``names`` fixes what stands in it. A thing for which no room is left is left out, of the truth as well. A
    ``canvas`` smaller than 192 pixels holds smaller things (for pretraining). ``sizes`` bounds the longer side of
    things in pixels; by default it follows from ``count``. ``stretch`` draws all things that much wider, as they look
    in a picture of another shape that was squeezed into a square. ``variety`` widens how everything is drawn.
    """
    count = count or int(rng.integers(1, 7))
    if variety.shapes and ground is None and rng.random() < 0.25:
        names = names or choose_names(rng, count, variety)
        pixels = _any_ground(rng, names, canvas)
    else:
        pixels = make_ground(rng, ground, canvas)
    labels = np.zeros((canvas, canvas), np.uint8)
    placed: list[Thing] = []
    for name in names or choose_names(rng, count, variety):
        low, high = (min(size, canvas - 4) for size in sizes or _SIZES.get(count, _MANY))
        size = int(rng.integers(low // 2, high // 2 + 1)) * 2
        picture, solid = _picture(rng, name, size, stretch, variety, canvas - 4)
        height, width = picture.shape[:2]
        spot = _free_spot(rng, [thing.box for thing in placed], height, width, canvas)
        if spot is None:
            continue
        left, top = spot
        window = (slice(top, top + height), slice(left, left + width))
        alpha = picture[..., 3:].astype(np.float32) / 255
        pixels[window] += (picture[..., :3] - pixels[window]) * alpha
        noun, told, style = name
        colour, writing = ("", told) if noun == "sign" else (told, "")
        placed.append(Thing(noun, (left, top, left + width, top + height), colour, style, writing))
        labels[window][solid] = len(placed)
    order = sorted(range(len(placed)), key=lambda i: placed[i].centre[0])
    rank = np.zeros(len(placed) + 1, np.uint8)
    rank[[i + 1 for i in order]] = np.arange(1, len(placed) + 1)
    return Scene(pixels.round().clip(0, 255).astype(np.uint8), rank[labels], tuple(placed[i] for i in order))
