"""How much memory a picture will take to decode, told from its header, so that none takes more than there is room for.

Bytes for each pixel, as measured by `benchmarks/pictures.py`. JPEG alone is shrunk while it is decoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.imaging.errors import MediaError

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 80_000_000
"""Pictures with more pixels are refused before they are decoded, but for JPEGs, which are shrunk while decoded."""
MAX_JPEG_PIXELS = 400_000_000
BUDGET = 390_000_000
"""The most bytes that decoding one picture may take; with what is made of it that stays below 500 MB."""

_SMALL = ("1", "L", "P")
_BY_FORMAT = {
    "WEBP": 16.0,
    "AVIF": 18.0,
    "HEIF": 12.0,
    "ICO": 12.0,
}  # WebP takes 19, but nothing is made of it meanwhile


def check(image: Image.Image, size: tuple[int, int], shrink: int = 1) -> int:
    """How many bytes decoding will take. size: width and height in pixels of the whole picture as its header has them.

    shrink: by how much the decoder divides each side while it decodes (JPEG only).

    Raises:
        MediaError: it has too many pixels for its kind of file.
    """
    pixels, each = size[0] * size[1], _bytes_per_pixel(image, shrink)
    whole = MAX_JPEG_PIXELS if image.format in ("JPEG", "MPO") else MAX_PIXELS
    most = min(whole, int(BUDGET / each))
    if pixels > most:
        raise MediaError(_sentence(size, most, image))
    return int(pixels * each)


def _bytes_per_pixel(image: Image.Image, shrink: int) -> float:
    kind = image.format
    if kind in ("JPEG", "MPO"):
        return 4 / shrink**2 + (_coefficients(image) if in_several_scans(image) else 0) + 0.05
    if kind in _BY_FORMAT:
        return _BY_FORMAT[kind]
    core = 1 if image.mode in _SMALL else 2 if image.mode.startswith("I;16") else 4
    if kind == "TIFF":
        return core + _tiff_extra(image, core)
    if kind == "GIF":
        return core + 4
    return core + (1 if kind == "BMP" and core == 1 else 0)


def _tiff_extra(image: Image.Image, core: int) -> float:
    """A compressed strip is unpacked whole before it is copied; a turned picture is turned after it was decoded."""
    extra = 0.0
    if image.tile and image.tile[0].codec_name == "libtiff":
        bits = image.tag_v2.get(258, (8,))
        total = sum(bits) if isinstance(bits, tuple) else bits
        extra += max(total / 8, 4 if image.tag_v2.get(262) == 6 else 0)
    if image.tag_v2.get(0x0112, 1) != 1:
        extra += core
    return extra


def in_several_scans(image: Image.Image) -> bool:
    """Whether a JPEG, opened and not yet loaded, holds all its coefficients until the last of its scans was read.

    Progressive files do, and those whose first scan has not all components.
    """
    if image.info.get("progressive"):
        return True
    layers = len(getattr(image, "layer", ())) or 3
    try:
        return 0 < _components_of_first_scan(image.fp) < layers
    except Exception:  # the file breaks off, or is none any more: decoding it will tell
        return False


def _components_of_first_scan(file: object) -> int:
    place = file.tell()
    try:
        file.seek(2)
        for _ in range(10_000):
            marker = file.read(4)
            if len(marker) < 4 or marker[0] != 0xFF:
                return 0
            if marker[1] == 0xDA:
                return file.read(1)[0]
            if marker[1] == 0xFF:  # padding before a marker
                file.seek(-3, 1)
                continue
            file.seek(int.from_bytes(marker[2:4], "big") - 2, 1)
        return 0
    finally:
        file.seek(place)


def _coefficients(image: Image.Image) -> float:
    """Bytes for each pixel of a JPEG's coefficients: two for each sample, fewer where colours are subsampled."""
    layers = getattr(image, "layer", None) or [(0, 1, 1)] * 3
    across, down = (max(part[place] for part in layers) for place in (1, 2))
    return sum(2 * part[1] * part[2] / (across * down) for part in layers)


def _sentence(size: tuple[int, int], most: int, image: Image.Image) -> str:
    side = int(most**0.5 // 100 * 100)
    kind = f"of a {image.format} file" if most < MAX_PIXELS and image.format else "of a picture"
    way = "Scale it down, or save it as a JPEG," if most < MAX_PIXELS else "Scale it down"
    return (
        f"A picture of {size[0]:,} × {size[1]:,} pixels is too large: up to {most // 1_000_000} million pixels {kind} "
        f"are read (about {side:,} × {side:,}). {way} and send it again."
    )
