"""How one thing may look otherwise than it is drawn: other colours, an outline, thicker lines, a turn, ink alone.

Changes of single things, made before they are put into a scene, so that its masks and boxes tell of what is seen.
What stands in a scene keeps its name: a shape and its colour, the writing of a sign.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageFilter

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
MOST_TURNED = 25  # degrees; a square turned further is a diamond


def with_hue(picture: Image.Image, turn: float) -> Image.Image:
    """Hues moved on by ``turn`` (1 is once around), as in HSV."""
    hue, saturation, value = picture.convert("RGB").convert("HSV").split()
    hue = hue.point(lambda each: int(each + 256 * turn) % 256)
    return _like(picture, Image.merge("HSV", (hue, saturation, value)).convert("RGB"))


def in_two_colours(picture: Image.Image, dark: np.ndarray, light: np.ndarray) -> Image.Image:
    """Every pixel between two colours (RGB in 0–255) by how light it is."""
    share = (np.asarray(picture.convert("RGB"), np.float32) @ _LUMA / 255)[..., None]
    return _like(picture, Image.fromarray((dark + (light - dark) * share).round().astype(np.uint8)))


def in_flat_colours(picture: Image.Image, steps: int) -> Image.Image:
    """With so many values a channel, as in a poster."""
    width = 255 / (steps - 1)
    return _like(picture, picture.convert("RGB").point(lambda each: round(round(each / width) * width)))


def in_ink(picture: Image.Image, ink: tuple[int, int, int]) -> Image.Image:
    """Only what is dark or an edge, in one colour; the rest is transparent."""
    luma = picture.convert("RGB").convert("L")
    alpha = picture.getchannel("A")
    inner = ImageChops.subtract(luma.filter(ImageFilter.BoxBlur(3)), luma).point(lambda each: min(255, 9 * each))
    rim = ImageChops.subtract(alpha, alpha.filter(ImageFilter.MinFilter(5)))
    drawn = Image.new("RGB", picture.size, ink)
    drawn.putalpha(ImageChops.multiply(alpha, ImageChops.lighter(inner, rim)))
    return drawn


def with_outline(picture: Image.Image, width: int, colour: tuple[int, int, int]) -> Image.Image:
    """A line of ``width`` pixels around the thing; the picture grows by it on each side."""
    large = Image.new("RGBA", (picture.width + 2 * width, picture.height + 2 * width))
    large.paste(picture, (width, width))
    around = Image.new("RGBA", large.size, (*colour, 0))
    around.putalpha(large.getchannel("A").point(lambda a: 255 * (a > 100)).filter(ImageFilter.MaxFilter(2 * width + 1)))
    return Image.alpha_composite(around, large)


def with_lines(picture: Image.Image, thicker: bool) -> Image.Image:
    """Dark lines inside the thing a pixel thicker on each side, or thinner."""
    change = ImageFilter.MinFilter(3) if thicker else ImageFilter.MaxFilter(3)
    return _like(picture, picture.convert("RGB").filter(change))


def turned(picture: Image.Image, degrees: float) -> Image.Image:
    """Turned against the clock; the picture grows or shrinks to hold it tightly."""
    large = picture.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    return large.crop(large.getchannel("A").point(lambda a: 255 * (a > 127)).getbbox())


def _like(picture: Image.Image, colours: Image.Image) -> Image.Image:
    colours.putalpha(picture.getchannel("A"))
    return colours


def _other_colours(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    draw = rng.random()
    if draw < 0.4:
        return with_hue(picture, float(rng.uniform(0.05, 0.95)))
    if draw < 0.55:
        return _like(picture, picture.convert("RGB").convert("L").convert("RGB"))
    if draw < 0.7:
        light, dark = rng.uniform(120, 255, 3), rng.uniform(0, 110, 3)
        return in_two_colours(picture, light, dark) if rng.random() < 0.15 else in_two_colours(picture, dark, light)
    if draw < 0.85:
        return in_flat_colours(picture, int(rng.integers(2, 5)))
    channels = picture.convert("RGB").split()
    return _like(picture, Image.merge("RGB", [channels[i] for i in rng.permutation(3)]))


def _ink(rng: np.random.Generator) -> tuple[int, int, int]:
    draw = rng.random()
    if draw < 0.45:
        return (12, 12, 12)
    return (250, 250, 250) if draw < 0.65 else tuple(int(part) for part in rng.integers(0, 256, 3))


def changed(
    rng: np.random.Generator, pixels: np.ndarray, share: float, *, colours: bool, lines: bool, most: int
) -> np.ndarray:
    """A thing's RGBA ``pixels``, each change made with a chance that ``share`` (0–1) scales; at most ``most`` wide.

    Without ``colours`` it keeps those it has: a shape whose colour is named. ``lines``: it is drawn in lines alone,
    which have one dark colour at most.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if colours and lines:
        if rng.random() < 0.4 * share:
            picture = _like(
                picture, Image.new("RGB", picture.size, tuple(int(part) for part in rng.integers(0, 110, 3)))
            )
        colours = False
    if colours and rng.random() < 0.5 * share:
        picture = _other_colours(rng, picture)
    if colours and rng.random() < 0.2 * share:
        picture = with_lines(picture, bool(rng.random() < 0.6))
    elif colours and rng.random() < 0.06 * share:
        picture = in_ink(picture, (20, 20, 20))
    if not lines and rng.random() < 0.3 * share:
        picture = with_outline(picture, int(rng.integers(1, 5)), _ink(rng))
    if rng.random() < 0.4 * share:
        picture = turned(picture, float(rng.uniform(-MOST_TURNED, MOST_TURNED)))
    if max(picture.size) > most:
        picture.thumbnail((most, most), Image.Resampling.BILINEAR)
    return np.asarray(picture)
