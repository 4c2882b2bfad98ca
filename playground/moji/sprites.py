"""The pictures of single things: emoji in three drawing styles, and drawn shapes in named colours."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from playground.assets import assets
from playground.moji.world import COLOURS, STYLES

SPRITES = assets("sprites")
_OVERSAMPLE = 4  # shapes are drawn larger and shrunk, which smooths their edges


@lru_cache(maxsize=1024)
def _emoji(style: str, word: str) -> Image.Image:
    picture = Image.open(SPRITES / style / f"{word}.png").convert("RGBA")
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
        "square": [(0, 0), (1, 0), (1, 1), (0, 1)],
        "triangle": [(0.5, 0), (1, 1), (0, 1)],
        "diamond": [(0.5, 0), (0.85, 0.5), (0.5, 1), (0.15, 0.5)],
    }[shape]


@lru_cache(maxsize=256)
def _shape(shape: str, colour: str) -> Image.Image:
    side = 64 * _OVERSAMPLE
    picture = Image.new("RGBA", (side, side), (*COLOURS[colour], 0))
    draw = ImageDraw.Draw(picture)
    if shape == "circle":
        draw.ellipse((0, 0, side - 1, side - 1), fill=(*COLOURS[colour], 255))
    else:
        draw.polygon([(x * (side - 1), y * (side - 1)) for x, y in _polygon(shape)], fill=(*COLOURS[colour], 255))
    return _tight(picture.resize((64, 64), Image.Resampling.LANCZOS))


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
    word: str, style: str, colour: str, size: int, mirrored: bool = False, stretch: float = 1.0, writing: str = ""
) -> np.ndarray:
    """RGBA pixels of one thing, its longer side ``size`` pixels: uint8 ``(height, width, 4)``.

    ``colour`` is a name of ``world.COLOURS`` for a shape and "" for an emoji, which comes in ``style``. ``writing`` is
    what a sign says. ``stretch`` makes it that much wider than it should be, as in a picture that was squeezed.
    The result is cached: copy before writing to it. Raises ``FileNotFoundError`` for a noun with no picture.
    """
    if writing:
        picture = _sign(writing, STYLES.index(style))
    else:
        picture = _shape(word, colour) if colour else _emoji(style, word)
    wide, high = picture.width * stretch, picture.height
    scale = size / max(wide, high)
    picture = picture.resize((max(1, round(wide * scale)), max(1, round(high * scale))), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    return pixels[:, ::-1] if mirrored and not writing else pixels
