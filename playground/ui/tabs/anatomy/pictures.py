"""Small pictures of what stands at a stage of a picture's way through a model, as pixels and as addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from playground.imaging.drawing import heat_colours

if TYPE_CHECKING:
    from playground.interpret.anatomy.anatomy import Anatomy
    from playground.interpret.anatomy.hidden_states import Layer

_TERRACOTTA, _GREY = (205, 95, 59), (171, 155, 134)


def png(pixels: np.ndarray) -> str:
    """Pixels (height, width, 3) as an address that holds the picture itself, at most 512 pixels a side."""
    image, written = Image.fromarray(np.ascontiguousarray(pixels)), io.BytesIO()
    image.thumbnail((512, 512))
    small = max(image.size) <= 64  # maps of patches: lossless, or neighbours would run into each other
    image.save(written, "PNG" if small else "WEBP", quality=85)
    kind = "png" if small else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(written.getvalue()).decode()}"


def heat(values: np.ndarray) -> str:
    """A map (rows, columns) from its lowest value (black) to its highest (pale yellow), as an address."""
    return png(_heated(values))


def _heated(values: np.ndarray) -> np.ndarray:
    scaled = (values - values.min()) / max(float(values.max() - values.min()), 1e-12)
    return heat_colours(scaled).round().astype(np.uint8)


def cut(pixels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """A picture with white lines where it is cut into rows and columns."""
    picture = Image.fromarray(pixels)
    scale = 512 / max(picture.size)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
    pen, (rows, columns) = ImageDraw.Draw(picture), grid
    width = 2 if picture.height / rows > 24 else 1
    for y in np.linspace(0, picture.height, rows + 1)[1:-1]:
        pen.line((0, y, picture.width, y), "white", width)
    for x in np.linspace(0, picture.width, columns + 1)[1:-1]:
        pen.line((x, 0, x, picture.height), "white", width)
    return np.asarray(picture)


def row(found: Anatomy, tints: Sequence[np.ndarray]) -> np.ndarray:
    """The sequence that is read, one point a token, line under line: the picture in its colours, words in grey."""
    side = max(1, int(np.ceil(np.sqrt(len(found.tokens)))))
    points = np.full((side * side, 3), 255, np.uint8)
    points[: len(found.tokens)] = _GREY
    pictures = [place for place, token in enumerate(found.tokens) if token.picture]
    points[pictures] = np.array(tints) if tints else _TERRACOTTA
    return points.reshape(side, side, 3)


def lengths(layers: Sequence[Layer]) -> np.ndarray | None:
    """The length of every token's vector (across) after each layer (down); None where their number changes."""
    if len({len(layer.norms) for layer in layers}) != 1:
        return None
    values = np.log(np.stack([layer.norms for layer in layers]).clip(1e-6))
    return np.asarray(Image.fromarray(_heated(values)).resize((64, 64), Image.Resampling.BOX))


def columns(shares: Sequence[float]) -> np.ndarray:
    """Probabilities as columns, side by side."""
    image = Image.new("RGB", (64, 64), "white")
    pen, wide = ImageDraw.Draw(image), 64 / len(shares)
    for place, share in enumerate(shares):
        pen.rectangle((place * wide + 3, 62 - 58 * share, (place + 1) * wide - 4, 62), fill=_TERRACOTTA)
    return np.asarray(image)
