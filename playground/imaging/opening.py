"""Open pictures that strangers bring: each becomes an upright RGB picture, or one clear sentence.

Nothing here fetches an address, runs an external program or decodes a picture before its size is known. Whatever the
file, opening it takes less than 500 MB of memory (`benchmarks/pictures.py` measures it). Safe to use from several
threads; large pictures are decoded one after another.
"""

from __future__ import annotations

import contextlib
import threading

from PIL import Image

from playground.imaging import memory
from playground.imaging.colour import as_rgb
from playground.imaging.depth import decoded
from playground.imaging.errors import MediaError
from playground.imaging.kinds import ACCEPTED
from playground.imaging.memory import MAX_PIXELS
from playground.imaging.picture import Picture
from playground.imaging.sources import FORMATS, Opened, Source, opened

__all__ = ["ACCEPTED", "FORMATS", "LONGEST_SIDE", "MAX_PIXELS", "MediaError", "Picture", "Source", "open_picture"]

LONGEST_SIDE = 2048
"""Larger pictures are scaled down to this many pixels: hardly a model here sees more."""
SHORTEST_SIDE = 16
"""Smaller pictures are enlarged to this: image processors mistake a side of 1 or 3 for the channels."""
MAX_STRETCH = 100
"""A side may be this many times the other one; Qwen-VL refuses more than 200."""

_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_ORIENTATION = 0x0112  # a tag of EXIF
_LARGE = 100_000_000  # bytes; pictures that take more are decoded one after another
_one_large = threading.Lock()
_one_of_yours = threading.RLock()  # Pillow must not load one image object in two threads


def open_picture(source: Source, *, longest_side: int | None = LONGEST_SIDE) -> Picture:
    """Open a picture, whatever it comes as, as upright RGB; `notes` say what was changed.

    A picture that is so already comes back as it is, and so does a `Picture`: opening twice costs nothing.

    Args:
        source: a path, the bytes of a file, a file opened for reading bytes (it stays open), a data: address or base64
            of a file, a PIL image (an animation at the frame it stands at), or an array or tensor as
            `playground.imaging.arrays.from_array` takes them.
        longest_side: a longer side is scaled down to this many pixels; None leaves the size as it is.

    EXIF orientation is applied, the colour profile converted to sRGB, transparency laid on white; grey of more than
    8 bits is scaled by what the data holds; an animation gives its first frame.

    Raises:
        MediaError: not a picture, empty, truncated, too many pixels for its kind of file, or a thin strip.
    """
    if isinstance(source, Picture):
        return source
    found = opened(source)
    if _is_plain(found.image, longest_side):
        return Picture(found.image, found.notes)
    with _one_of_yours if found.yours else contextlib.nullcontext():
        return _prepared(found, longest_side)


def _is_plain(image: Image.Image, longest_side: int | None) -> bool:
    """Whether there is nothing to do."""
    return (
        type(image) is Image.Image
        and image.mode == "RGB"
        and not image.info
        and not _orientation(image)
        and min(image.size) >= SHORTEST_SIDE
        and max(image.size) <= min(longest_side or max(image.size), MAX_STRETCH * min(image.size))
    )


def _prepared(found: Opened, longest_side: int | None) -> Picture:
    image, size = found.image, found.image.size
    _check_shape(*size)
    shrunk = 1 if found.yours else _draft(image, longest_side)
    need = 0 if _is_decoded(image) else memory.check(image, size, shrunk)
    frames, turned = _frame_note(image), image.format == "TIFF" and image.tag_v2.get(_ORIENTATION, 1) in _TURNED
    with _one_large if need > _LARGE else contextlib.nullcontext():
        image, depth_note = _decoded(found)
        turn = _orientation(image)
        if image.size != size and shrunk == 1:  # TIFF has turned its picture itself, ICO held another one
            size = image.size
            _check_shape(*size)
        factor = max(1, int(2 * max(image.size) / (3 * longest_side))) if longest_side else 1
        image, colour_notes = as_rgb(image, factor)
    if turn:
        image = image.transpose(_TURNED[turn])
        size = size[::-1] if turn >= 5 else size
    upright = ("The picture was turned upright, as its file asks for.",) if turn or turned else ()
    image, size_notes = _fit(image, size, longest_side)
    deep = (depth_note,) if depth_note else ()
    return Picture(image, (*found.notes, *frames, *upright, *deep, *colour_notes, *size_notes), size)


def _is_decoded(image: Image.Image) -> bool:
    try:
        return image.im is not None and not getattr(image, "tile", None)
    except Exception:  # Pillow has no pixels to show yet
        return False


def _check_shape(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise MediaError("The picture has no pixels. Send another one.")
    if max(width, height) > MAX_STRETCH * min(width, height):
        raise MediaError(
            f"A picture of {width:,} × {height:,} pixels is too thin a strip: one side may be up to "
            f"{MAX_STRETCH} times the other. Crop it and send it again."
        )


def _draft(image: Image.Image, longest_side: int | None) -> int:
    """Let a JPEG be shrunk while it is decoded; returns by how much each side is divided."""
    if longest_side is None or image.format not in ("JPEG", "MPO"):
        return 1
    width, height = image.size
    scale = longest_side / max(width, height)
    if scale < 1:
        image.draft(None, (round(width * scale), round(height * scale)))
    return max(1, round(width / image.width))


def _frame_note(image: Image.Image) -> tuple[str, ...]:
    """Say so when there is more than the first frame. MPO is a plain photograph to its owner: no word."""
    try:
        several = bool(getattr(image, "is_animated", False)) and image.format != "MPO"
        place = image.tell() if several else 0
    except Exception:  # counting frames reads on into a file that may be damaged there
        return ()
    if not several:
        return ()
    if image.format == "TIFF":
        return ("The file has several pages: the first one is used.",)
    if image.format in ("ICO", "HEIF", "AVIF") and not image.info.get("duration"):
        return ("The file holds several pictures: one of them is used.",)
    if place:
        return (f"The picture is animated: frame {place + 1} is used.",)
    return ("The picture is animated: its first frame is used.",)


def _decoded(found: Opened) -> tuple[Image.Image, str]:
    try:
        return decoded(found.image, found.again)
    except MediaError:
        raise
    except Exception as error:  # truncated data raises OSError, SyntaxError, EOFError, struct.error, …
        if "MAX_TEXT" in str(error) and found.bare is not None:
            with contextlib.suppress(Exception):  # as damaged as it is with its texts
                return decoded(found.bare(), None)
        raise MediaError(_why_no_pixels(found, str(error))) from error


def _why_no_pixels(found: Opened, error: str) -> str:
    if found.yours and getattr(found.image, "fp", None) is None:
        return "The picture's file was closed before its pixels were read. Open it anew, or give its path."
    if found.image.format == "TIFF" and "decoder error" in error:
        return "The TIFF is damaged, or its compression is not read here. Save it as a PNG."
    return "The picture breaks off or is damaged: its header can be read, its pixels cannot. Send it again."


def _orientation(image: Image.Image) -> int:
    """How the picture has to be turned, as EXIF counts it from 2 to 8; 0 where it is upright."""
    if not image.info and type(image) is Image.Image and not getattr(image, "_exif", None):
        return 0
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged EXIF block is no reason to refuse the pixels
        return 0
    return found if found in _TURNED else 0


def _fit(image: Image.Image, size: tuple[int, int], longest_side: int | None) -> tuple[Image.Image, tuple[str, ...]]:
    """size: what the picture had before it was shrunk while it was decoded, upright."""
    width, height = size
    if longest_side and max(size) > longest_side:
        scale = longest_side / max(size)
        resample, verb = Image.Resampling.LANCZOS, "scaled down from"
    elif min(size) < SHORTEST_SIDE:
        scale = SHORTEST_SIDE / min(size)
        resample, verb = Image.Resampling.NEAREST, "enlarged from only"
    else:
        return image, ()
    wanted = (max(SHORTEST_SIDE, round(width * scale)), max(SHORTEST_SIDE, round(height * scale)))
    note = f"The picture was {verb} {width:,} × {height:,} pixels to {wanted[0]:,} × {wanted[1]:,}."
    return image.resize(wanted, resample), (note,)
