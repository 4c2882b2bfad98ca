"""Open pictures that strangers upload: each becomes a plain RGB picture, or one clear sentence.

Nothing here fetches an address, runs an external program or decodes a picture before its size is known.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

Source: TypeAlias = "str | Path | bytes | Image.Image | np.ndarray"

MAX_PIXELS = 80_000_000
"""Pictures with more pixels are refused before they are decoded (decoded they would take 240 MB and more)."""
LONGEST_SIDE = 2048
"""Larger pictures are scaled down to this many pixels: no model here sees more."""
SHORTEST_SIDE = 16
"""Smaller pictures are enlarged to this: image processors mistake a side of 1 or 3 for the channels."""
MAX_STRETCH = 100
"""A side may be this many times the other one; Qwen-VL refuses more than 200."""

# Named, so that Pillow never hands an upload to Ghostscript (EPS) or to one of its rarely used parsers.
# (MPO, two photographs in one file, is opened as a JPEG.)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "ICO")
ACCEPTED = "PNG, JPEG, WebP, GIF, AVIF, BMP or TIFF"


class MediaError(ValueError):
    """A picture that cannot be used; the message is one sentence or two for the person who sent it."""


@dataclass(frozen=True)
class Picture:
    """An opened picture.

    Attributes:
        image: RGB, upright, each side between `SHORTEST_SIDE` and `LONGEST_SIDE` pixels.
        notes: what was done to it that the sender should know, one sentence each; often empty.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


def open_picture(source: Source) -> Picture:
    """Open a picture from a path, the bytes of a file, a PIL image or an array, as upright RGB.

    EXIF rotation is applied, transparency is laid on white, 16-bit grey is scaled to 8 bits, an animation
    gives its first frame. Arrays are (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), of type bool, uint8, uint16
    or floats from 0 to 1.

    Raises:
        MediaError: not a picture, empty, truncated, more than `MAX_PIXELS` pixels, or a thin strip.
    """
    image = _from_array(source) if isinstance(source, np.ndarray) else source
    if not isinstance(image, Image.Image):
        image = _open(image)
    _check_size(*image.size)
    notes = list(_frame_note(image))
    image = _upright(_decoded(image))
    image, colour_notes = _as_rgb(image)
    image, size_notes = _fit(image)
    return Picture(image, (*notes, *colour_notes, *size_notes))


def _open(source: str | Path | bytes) -> Image.Image:
    """Read the header only; the pixels are decoded after the size was checked."""
    data = io.BytesIO(source) if isinstance(source, bytes) else _existing_file(source)
    Image.init()
    known = [name for name in FORMATS if name in Image.OPEN]  # Pillow may be built without AVIF or WebP
    try:
        return Image.open(data, formats=known)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise MediaError(_too_large("The picture")) from None
    except (UnidentifiedImageError, OSError):
        raise MediaError(_unreadable(data)) from None
    except Exception as error:  # a malformed header may raise anything: struct.error, SyntaxError, …
        raise MediaError(f"The file's header is damaged. Send the picture again, as {ACCEPTED}.") from error


def _existing_file(source: str | Path) -> Path:
    """The path of a file that is there and is not empty."""
    if str(source).startswith(("http://", "https://", "data:")):
        raise MediaError("Addresses are not fetched. Save the picture and give the file.")
    path = Path(source)
    if not path.is_file():
        raise MediaError(f"There is no file {path.name!r}. Choose a picture from your disk.")
    return path


def _unreadable(data: io.BytesIO | Path) -> str:
    size = len(data.getbuffer()) if isinstance(data, io.BytesIO) else data.stat().st_size
    if size == 0:
        return f"The file is empty. Send a picture as {ACCEPTED}."
    return f"The file is not a picture that can be read here. Send it as {ACCEPTED}."


def _too_large(what: str) -> str:
    side = int(MAX_PIXELS**0.5 // 100 * 100)
    return (
        f"{what} is too large: up to {MAX_PIXELS // 1_000_000} million pixels are read "
        f"(about {side:,} × {side:,}). Scale it down and send it again."
    )


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise MediaError("The picture has no pixels. Send another one.")
    if width * height > MAX_PIXELS:
        raise MediaError(_too_large(f"A picture of {width:,} × {height:,} pixels"))
    if max(width, height) > MAX_STRETCH * min(width, height):
        raise MediaError(
            f"A picture of {width:,} × {height:,} pixels is too thin a strip: one side may be up to "
            f"{MAX_STRETCH} times the other. Crop it and send it again."
        )


def _frame_note(image: Image.Image) -> tuple[str, ...]:
    """Say so when there is more than the first frame. MPO is a plain photograph to its owner: no word."""
    try:
        several = bool(getattr(image, "is_animated", False)) and image.format != "MPO"
    except Exception:  # counting frames reads on into a file that may be damaged there
        several = False
    if not several:
        return ()
    if image.format == "TIFF":
        return ("The file has several pages: the first one is used.",)
    return ("The picture is animated: its first frame is used.",)


def _decoded(image: Image.Image) -> Image.Image:
    try:
        image.load()
    except Exception as error:  # truncated data raises OSError, SyntaxError, EOFError, struct.error, …
        raise MediaError(
            "The picture breaks off or is damaged: its header can be read, its pixels cannot. Send it again."
        ) from error
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block is no reason to refuse the pixels
        return image


def _as_rgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    if image.mode.startswith("I") or image.mode == "F":
        return _grey_from_deep(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _on_white(image), ()
    try:
        return image.convert("RGB"), ()
    except ValueError:
        raise MediaError(f"Its colours ({image.mode}) cannot be read. Save it as an RGB picture.") from None


def _grey_from_deep(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """Grey of 16 bits keeps its scale (65,535 is white); any other range is stretched from black to white."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        grey, notes = values / 257, ()
    else:
        grey = (values - low) / max(high - low, 1e-12) * 255
        notes = ("The picture's grey values were stretched to run from black to white.",)
    return Image.fromarray(grey.round().astype(np.uint8)).convert("RGB"), notes


def _on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def _fit(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    width, height = image.size
    if max(width, height) > LONGEST_SIDE:
        scale = LONGEST_SIDE / max(width, height)
        resample, verb = Image.Resampling.LANCZOS, "scaled down from"
    elif min(width, height) < SHORTEST_SIDE:
        scale = SHORTEST_SIDE / min(width, height)
        resample, verb = Image.Resampling.NEAREST, "enlarged from only"
    else:
        return image, ()
    size = (max(SHORTEST_SIDE, round(width * scale)), max(SHORTEST_SIDE, round(height * scale)))
    note = f"The picture was {verb} {width:,} × {height:,} pixels to {size[0]:,} × {size[1]:,}."
    return image.resize(size, resample), (note,)


def _from_array(values: np.ndarray) -> Image.Image:
    """A PIL image of the array; `open_picture` documents what is accepted."""
    grey = values[..., 0] if values.ndim == 3 and values.shape[2] == 1 else values
    if not (grey.ndim == 2 or (grey.ndim == 3 and grey.shape[2] in (3, 4))) or 0 in grey.shape:
        raise MediaError(f"An array of shape {values.shape} is no picture: (H, W), (H, W, 3) or (H, W, 4).")
    if grey.dtype == np.uint16:
        grey = (grey / 257).round().astype(np.uint8)
    elif grey.dtype == bool:
        grey = grey.astype(np.uint8) * 255
    elif np.issubdtype(grey.dtype, np.floating):
        if not (np.isfinite(grey).all() and grey.min() >= 0 and grey.max() <= 1):
            raise MediaError("An array of floats must hold values from 0 (black) to 1 (white).")
        grey = (grey * 255).round().astype(np.uint8)
    elif grey.dtype != np.uint8:
        raise MediaError(f"An array of {grey.dtype} is no picture: use uint8, uint16, bool or floats 0–1.")
    return Image.fromarray(grey)
