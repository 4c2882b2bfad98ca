"""Any kind of pixels to RGB of 8 bits: deep grey, palettes, transparency, CMYK, Lab, other colour profiles.

It is done strip by strip, and a strip is shrunk at once, so that a large picture never stands in memory twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from PIL import Image

from playground.imaging.errors import MediaError
from playground.imaging.levels import Levels, levels_of
from playground.imaging.profiles import ToSRGB, to_srgb

_STRIP = 1_000_000  # pixels that are worked on together
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_WHITE_IS_ZERO, _PHOTOMETRIC = 0, 262  # a tag of TIFF and its value


def as_rgb(image: Image.Image, factor: int = 1) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture as RGB on white, each side divided by `factor` and rounded up, and notes on what was changed.

    Raises:
        MediaError: colours that cannot be read.
    """
    try:
        return _converted(image, factor)
    except (ValueError, KeyError, OSError) as error:
        if isinstance(error, MediaError):
            raise
        raise MediaError(f"Its colours ({image.mode}) cannot be read. Save it as an RGB picture.") from error


def is_deep(image: Image.Image) -> bool:
    """Whether its values are beyond 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def _converted(image: Image.Image, factor: int) -> tuple[Image.Image, tuple[str, ...]]:
    notes, keyed = [], "transparency" in image.info
    levels = _deep_levels(image) if is_deep(image) else None
    colours = to_srgb(image) if levels is None else ToSRGB("L", None)
    clear = keyed or image.mode in _ALPHA
    if levels is None and not clear and factor == 1 and colours.transform is None:
        plain = image.convert("RGB")  # a copy, in one go
    else:
        plain = Image.new("RGB", tuple(-(-side // factor) for side in image.size))
        clear = False
        for strip, top in _strips(image, factor):
            flat, seen_through = _strip_as_rgb(strip, image, levels, colours)
            clear |= seen_through
            plain.paste(flat.reduce(factor) if factor > 1 else flat, (0, top // factor))
    plain.info = {}
    notes += [note for note in (levels.note if levels else "", colours.note) if note]
    if clear:
        notes.append("The picture's transparent parts were laid on white.")
    return plain, tuple(notes)


def _strips(image: Image.Image, factor: int) -> Iterator[tuple[Image.Image, int]]:
    """Parts of the picture from top to bottom, each as wide as it, with the row where it begins."""
    rows = max(1, _STRIP // max(1, image.width) // factor) * factor
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height))), top


def _strip_as_rgb(
    strip: Image.Image, whole: Image.Image, levels: Levels | None, colours: ToSRGB
) -> tuple[Image.Image, bool]:
    """A strip as RGB on white, and whether anything of it was transparent."""
    key = whole.info.get("transparency")
    if levels is not None:
        values = np.asarray(strip)
        alpha = None if not isinstance(key, int) else Image.fromarray((values != key).astype(np.uint8) * 255)
        return _on_white(Image.fromarray(levels.applied(values)).convert("RGB"), alpha)
    if strip.mode in _ALPHA or key is not None:
        straight = _with_alpha(strip, key)
        return _on_white(colours.applied(_bands(straight)), straight.getchannel("A"))
    return colours.applied(strip), False


def _with_alpha(strip: Image.Image, key: object) -> Image.Image:
    """RGBA or LA, not multiplied."""
    if key is not None and strip.mode not in _ALPHA:
        strip.info["transparency"] = key  # `crop` keeps it in some modes only
        try:
            return strip.convert("RGBA")
        except (ValueError, TypeError, IndexError, OverflowError):  # no key that this mode has
            strip.info.pop("transparency")
            return strip.convert("RGB").convert("RGBA")
    return strip if strip.mode in ("LA", "RGBA") else strip.convert("LA" if strip.mode == "La" else "RGBA")


def _bands(straight: Image.Image) -> Image.Image:
    """The colours without their alpha."""
    bands = straight.split()[:-1]
    return bands[0] if len(bands) == 1 else Image.merge("RGB", bands)


def _on_white(colours: Image.Image, alpha: Image.Image | None) -> tuple[Image.Image, bool]:
    if alpha is None or alpha.getextrema()[0] == 255:
        return colours, False
    ground = Image.new("RGB", colours.size, "white")
    return Image.composite(colours, ground, alpha), True


def _deep_levels(image: Image.Image) -> Levels:
    """The levels of a picture of 16 bits and more; what TIFF calls white where 0 is gets turned round."""
    low, high = reduce(_wider, (_extremes(strip) for strip, _ in _strips(image, 1)), (np.inf, -np.inf))
    low, high = (low, high) if low <= high else (0.0, 0.0)
    natural = 65535 if image.mode.startswith("I;16") or image.format == "PPM" else None
    levels = levels_of(low, high, floats=image.mode == "F", natural=natural)
    if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        return Levels(levels.white, levels.black, levels.note)
    return levels


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return min(one[0], other[0]), max(one[1], other[1])


def _extremes(strip: Image.Image) -> tuple[float, float]:
    values = np.asarray(strip)
    values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return (float(values.min()), float(values.max())) if values.size else (np.inf, -np.inf)
