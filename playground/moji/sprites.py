"""The pictures of single things: emoji in several drawing styles, and drawn shapes in named colours."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps
from scipy.ndimage import binary_fill_holes, distance_transform_edt

from playground.assets import assets
from playground.moji.world import ALL_COLOURS, ALL_STYLES, SHADES, STYLES

SPRITES = assets("sprites")
_OVERSAMPLE = 4  # shapes are drawn larger and shrunk, which smooths their edges
# How a shape is drawn: filled, as a line (its width in sixty-fourths of the shape), filled with a darker rim.
DRAWN = {"": 0, "thin": 3, "outlined": 6, "thick": 11, "rimmed": 4}

LINES = ("fluent-contrast", "thin", "outlined", "thick")  # styles that draw lines around nothing


def style_of(style: str, word: str) -> str:
    """The style in which a noun is drawn: ``style``, or the one that stands in where ``style`` has no such picture.

    Which one stands in depends on the noun alone. Raises ``FileNotFoundError`` for a noun that no style draws.
    """
    others = STYLES[len(word) % len(STYLES) :] + STYLES
    found = next((each for each in (style, *others) if (SPRITES / each / f"{word}.png").exists()), None)
    if found is None:
        raise FileNotFoundError(f"No style draws {word!r} in {SPRITES}.")
    return found


@lru_cache(maxsize=2048)
def _emoji(style: str, word: str) -> Image.Image:
    picture = Image.open(SPRITES / style_of(style, word) / f"{word}.png").convert("RGBA")
    return _tight(picture)


def _tight(picture: Image.Image) -> Image.Image:
    """Without the transparent margin, so that a thing's box is where it is seen."""
    return picture.crop(picture.getchannel("A").point(lambda a: 255 * (a > 127)).getbbox())


def _polygon(shape: str) -> list[tuple[float, float]]:
    """Corners of a shape in the unit square."""
    if shape == "heart":  # the classic parametric heart, scaled into the unit square
        angles = [math.tau * i / 60 for i in range(60)]
        points = [
            (16 * math.sin(t) ** 3, -13 * math.cos(t) + 5 * math.cos(2 * t) + 2 * math.cos(3 * t) + math.cos(4 * t))
            for t in angles
        ]
        return [((x + 16) / 32, (y + 12) / 29) for x, y in points]
    if shape == "star":
        turns = [math.tau * i / 10 - math.tau / 4 for i in range(10)]
        return [
            (0.5 + (0.5, 0.21)[i % 2] * math.cos(t), 0.53 + (0.53, 0.22)[i % 2] * math.sin(t))
            for i, t in enumerate(turns)
        ]
    return {
        "rectangle": [(0, 0.2), (1, 0.2), (1, 0.8), (0, 0.8)],
        "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
        "triangle": [(0.5, 0), (1, 1), (0, 1)],
        "diamond": [(0.5, 0), (0.85, 0.5), (0.5, 1), (0.15, 0.5)],
    }[shape]


def shade(colour: str, number: int) -> tuple[int, int, int]:
    """What goes by the name of a colour: number 0 is the colour of ``world``, the others are its other shades."""
    shades = (ALL_COLOURS[colour], *SHADES[colour])
    return shades[number % len(shades)]


@lru_cache(maxsize=1024)
def _shape(shape: str, colour: tuple[int, int, int], drawn: str) -> Image.Image:
    side = 64 * _OVERSAMPLE
    line = DRAWN[drawn] * _OVERSAMPLE
    alpha = Image.new("L", (side, side))
    draw = ImageDraw.Draw(alpha)
    if shape in ("circle", "oval"):
        top = 0 if shape == "circle" else round(0.18 * side)
        draw.ellipse((0, top, side - 1, side - 1 - top), fill=255)
    else:
        draw.polygon([(x * (side - 1), y * (side - 1)) for x, y in _polygon(shape)], fill=255)
    picture = Image.new("RGB", (side, side), colour)
    if line:
        inside = _shrunk(alpha, line)
        if drawn == "rimmed":
            rim = tuple(round(0.45 * part) if sum(colour) > 150 else part + 90 for part in colour)
            picture.paste(rim, mask=ImageChops.subtract(alpha, inside))
        else:
            alpha = ImageChops.subtract(alpha, inside)
    picture.putalpha(alpha)
    return _tight(picture.resize((64, 64), Image.Resampling.LANCZOS))


def _shrunk(mask: Image.Image, pixels: int) -> Image.Image:
    """A mask without a rim of so many pixels; what touches the edge of the picture has a rim there too."""
    padded = ImageOps.expand(mask, 1)
    distance = distance_transform_edt(np.asarray(padded) > 127)[1:-1, 1:-1]
    return Image.fromarray((255 * (distance > pixels)).astype(np.uint8))


_BOARDS = (((255, 255, 255), (20, 20, 20)), ((250, 235, 170), (60, 40, 20)), ((30, 70, 140), (255, 255, 255)))


@lru_cache(maxsize=128)
def _sign(writing: str, board: int) -> Image.Image:
    """A framed board with a word or number on it, in Pillow's own font; as wide as the writing needs."""
    ground, ink = _BOARDS[board]
    font = ImageFont.load_default(64)
    left, top, right, bottom = font.getbbox(writing)
    width, height = max(96, right - left + 40), 100
    picture = Image.new("RGBA", (width, height), (*ink, 255))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((5, 5, width - 6, height - 6), fill=(*ground, 255))
    draw.text((width / 2 - (left + right) / 2, height / 2 - (top + bottom) / 2), writing, (*ink, 255), font)
    return picture


@lru_cache(maxsize=20_000)
def sprite(
    word: str,
    style: str,
    colour: str,
    size: int,
    mirrored: bool = False,
    stretch: float = 1.0,
    writing: str = "",
    shaded: int = 0,
) -> np.ndarray:
    """RGBA pixels of one thing, its longer side ``size`` pixels: uint8 ``(height, width, 4)``.

    ``colour`` is a name of ``world.ALL_COLOURS`` for a shape and "" for an emoji, which comes in ``style``; a shape is
    drawn as ``style`` says where that is a key of DRAWN, in the shade number ``shaded`` of its colour. ``writing`` is
    what a sign says. ``stretch`` makes it that much wider than it should be, as in a picture that was squeezed.
    The result is cached: copy before writing to it. Raises ``FileNotFoundError`` for a noun with no picture.
    """
    if writing:
        picture = _sign(writing, ALL_STYLES.index(style) % len(_BOARDS))
    else:
        picture = _shape(word, shade(colour, shaded), style) if colour else _emoji(style, word)
    wide, high = picture.width * stretch, picture.height
    scale = size / max(wide, high)
    picture = picture.resize((max(1, round(wide * scale)), max(1, round(high * scale))), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    return pixels[:, ::-1] if mirrored and not writing else pixels


def covered(pixels: np.ndarray, style: str) -> np.ndarray:
    """bool (height, width): where a thing stands. Of a drawing in lines, what the lines enclose belongs to it."""
    solid = pixels[..., 3] > 127
    return binary_fill_holes(solid) if style in LINES else solid
