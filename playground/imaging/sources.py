"""What people have in hand (a path, bytes, an open file, a picture, an array, a tensor), opened and not yet decoded."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from playground.imaging import kinds
from playground.imaging.addresses import is_address, is_written_out, read_out
from playground.imaging.arrays import from_array, from_tensor, is_tensor
from playground.imaging.errors import MediaError
from playground.imaging.tiff import mended

if TYPE_CHECKING:
    import torch

    from playground.imaging.picture import Picture

Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | np.ndarray | torch.Tensor | "
    "Picture"
)
"""Anything that `open_picture` takes."""

# Named, so that Pillow never hands an upload to Ghostscript (EPS) or to one of its rarely used parsers.
# (MPO, two photographs in one file, is opened as a JPEG.)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "ICO")
_TOO_MUCH_TEXT = "MAX_TEXT"
_STREAM = 512_000_000  # bytes; the most that is read of a file object which cannot be wound back

# A large colour profile or text is no bomb: Pillow would call a whole picture broken that has more than a megabyte.
PngImagePlugin.MAX_TEXT_CHUNK = max(PngImagePlugin.MAX_TEXT_CHUNK, 32 * ImageFile.SAFEBLOCK)


@dataclass(frozen=True)
class Opened:
    """A source as a Pillow image, the pixels not decoded where it is a file.

    notes: how it was read. again: opens the same file once more; None where there is none. bare: the same, of a PNG
    without its texts. yours: whether the image is the very object that was handed over, which must be left as it is.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()
    again: Callable[[], Image.Image] | None = None
    bare: Callable[[], Image.Image] | None = None
    yours: bool = False


def opened(source: Any) -> Opened:
    """Open a source.

    Raises:
        MediaError: it is no picture; the sentence says what it is, and what to do.
    """
    if isinstance(source, Image.Image):
        return _of_yours(source)
    if isinstance(source, np.ndarray):
        return Opened(*from_array(source))
    if is_tensor(source):
        return Opened(*from_tensor(source))
    if isinstance(source, bytes | bytearray | memoryview):
        return _of_bytes(source)
    if isinstance(source, str) and is_written_out(source) and not _is_file(source):
        return _of_file(io.BytesIO(read_out(source)))
    if isinstance(source, str | os.PathLike):
        return _of_file(_existing_file(source))
    if hasattr(source, "read"):
        return _of_file(_binary(source))
    if hasattr(source, "__array__"):
        return Opened(*from_array(np.asarray(source)))
    if isinstance(source, list | tuple):
        raise MediaError(
            f"A {type(source).__name__} is no picture. Hand several pictures over one by one, and numbers as an array "
            "(numpy.asarray)."
        )
    raise MediaError(
        f"A {type(source).__name__} is no picture. Give a path, the bytes of a file, an open file, a PIL image, an "
        "array or a tensor."
    )


def _of_bytes(source: bytes | bytearray | memoryview) -> Opened:
    """A file's bytes; or those of a data: address or of base64, as they come over a wire."""
    text = bytes(source[:80]).decode("latin-1")
    return _of_file(io.BytesIO(read_out(bytes(source).decode("latin-1")) if is_written_out(text) else source))


def _of_file(data: Path | BinaryIO) -> Opened:
    return Opened(_opened(data), again=lambda: _opened(data), bare=lambda: without_text(data))


def _of_yours(image: Image.Image) -> Opened:
    """A PIL image; one that is not decoded yet and comes from a file is opened anew, and so left as it is."""
    if min(image.size) < 1:
        raise MediaError("The picture has no pixels. Send another one.")
    name = getattr(image, "filename", "")
    if getattr(image, "tile", None) and isinstance(name, str | Path) and _is_file(str(name)):
        try:
            anew = _of_file(Path(name))
        except MediaError:
            return Opened(image, yours=True)
        if (anew.image.size, anew.image.mode) == (image.size, image.mode) and not _frame(image):
            return anew
    return Opened(image, yours=True)


def _frame(image: Image.Image) -> int:
    try:
        return image.tell()
    except Exception:  # some kinds of file cannot tell
        return 0


def _is_file(name: str) -> bool:
    try:
        return len(name) < 4096 and Path(name).is_file()
    except (OSError, ValueError):
        return False


def _existing_file(source: str | os.PathLike[str]) -> Path:
    """The path of a plain file that is there."""
    name = os.fspath(source)
    name = os.fsdecode(name) if isinstance(name, bytes) else name
    if not name.strip():
        raise MediaError("The picture's name is empty. Give the path of a file.")
    if is_address(name):
        raise MediaError("Addresses are not fetched. Save the picture and give the file.")
    path, shown = Path(os.path.expanduser(name)), _shown(name)
    try:
        folder, there, plain = path.is_dir(), path.exists(), path.is_file()
    except (OSError, ValueError):  # a name that no file can have, or a folder that is closed to us
        folder = there = plain = False
    if folder:
        raise MediaError(f"{shown} is a folder. Name a picture in it.")
    if not there:
        raise MediaError(f"There is no file {shown}. Choose a picture from your disk.")
    if not plain:
        raise MediaError(f"{shown} is no plain file. Choose a picture from your disk.")
    return path


def _shown(name: str) -> str:
    """The file's own name, for a sentence: quoted, and never long."""
    own = name.rstrip("/").rpartition("/")[2] or name
    return repr(own if len(own) <= 80 else own[:79] + "…")


def _binary(file: Any) -> BinaryIO:
    """A file object that gives bytes and can be wound back."""
    try:
        if file.seekable():
            file.seek(0)
            first = file.read(1)
            file.seek(0)
        else:
            first = file.read(_STREAM + 1)
            file = io.BytesIO(first) if isinstance(first, bytes) else file
    except (OSError, ValueError, AttributeError) as error:
        raise MediaError(f"The open file cannot be read ({error}). Open it anew, or give its path.") from None
    if not isinstance(first, bytes):
        raise MediaError("The file was opened as text. Open it with mode “rb”, or give its path.")
    if len(first) > _STREAM:
        raise MediaError("The picture's file is larger than 512 MB. Give its path.")
    return file


def _opened(data: Path | BinaryIO) -> Image.Image:
    """Read the header only; the pixels are decoded after the size was checked."""
    try:
        head, size = _head(data)
    except OSError as error:
        name = _shown(str(data)) if isinstance(data, Path) else "The file"
        raise MediaError(f"{name} cannot be read ({error.strerror or error}).") from None
    if kinds.is_heic(head) and not _reads_heic():
        raise MediaError(kinds.told(head, size))
    try:
        return _by_pillow(data, head)
    except Image.DecompressionBombError as error:
        raise MediaError("The picture has far too many pixels. Scale it down and send it again.") from error
    except (UnidentifiedImageError, OSError, NotImplementedError) as error:
        raise MediaError(_damaged_or_other(head, size, str(error))) from error
    except Exception as error:  # a malformed header may raise anything: struct.error, SyntaxError, …
        if _TOO_MUCH_TEXT in str(error):
            return without_text(data)
        raise MediaError(_damaged(head)) from error


def _by_pillow(data: Path | BinaryIO, head: bytes) -> Image.Image:
    """What `Image.open` does, but for its check of the size: a JPEG may be large, see `playground.imaging.memory`."""
    Image.init()
    for name in (*FORMATS, "HEIF"):  # Pillow may be built without some
        factory, accepts = Image.OPEN.get(name, (None, None))
        if factory is None or not (accepts is None or accepts(head[:16]) is True):
            continue
        if not isinstance(data, Path):
            data.seek(0)
        try:
            return mended(factory(str(data) if isinstance(data, Path) else data, ""))
        except (SyntaxError, IndexError, TypeError, struct.error):  # as in Pillow: then it is of another kind
            continue
    raise UnidentifiedImageError("no kind of picture that is read here")


def _head(data: Path | BinaryIO) -> tuple[bytes, int]:
    """The first bytes, and how many there are in all."""
    if isinstance(data, Path):
        with data.open("rb") as file:
            return file.read(kinds.HEAD), data.stat().st_size
    data.seek(0)
    head = data.read(kinds.HEAD)
    size = data.seek(0, os.SEEK_END)
    data.seek(0)
    return head, size


def _reads_heic() -> bool:
    """Whether the extra `pillow-heif` is installed; it is then made known to Pillow."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP"), (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"), (b"RIFF", "WebP"),
)  # fmt: skip


def _damaged_or_other(head: bytes, size: int, why: str) -> str:
    """The sentence for a file that Pillow does not open. why: what it says."""
    kind = next((kind for first, kind in _PICTURES if head.startswith(first)), "")
    if not kind or (kind == "WebP" and head[8:12] != b"WEBP"):
        return kinds.told(head, size)
    if kind == "TIFF":
        return (
            "The file is a TIFF whose header is damaged, or whose kind of pixels is not read here (such as RGB in "
            "floats). Save it as a PNG."
        )
    if why.startswith("Unsupported"):
        return f"This kind of {kind} is not read here, or its header is damaged ({why}). Save it as a PNG."
    return _damaged(head)


def _damaged(head: bytes) -> str:
    return f"The file's header is damaged. Send the picture again, as {kinds.ACCEPTED}."


def without_text(data: Path | BinaryIO) -> Image.Image:
    """A PNG opened without its texts and colour profile, which are too large for Pillow.

    Raises:
        MediaError: it cannot be opened without them either.
    """
    if isinstance(data, Path):
        with data.open("rb") as file:
            plain = _pixels_of_png(file)
    else:
        data.seek(0)
        plain = _pixels_of_png(data)
    try:
        return _by_pillow(plain, plain.getvalue()[: kinds.HEAD])
    except Exception as error:
        raise MediaError(_damaged(b"\x89PNG")) from error


def _pixels_of_png(file: BinaryIO) -> io.BytesIO:
    """The chunks of a PNG that its pixels need, and no others."""
    kept = io.BytesIO()
    kept.write(file.read(8))
    while len(start := file.read(8)) == 8:
        length = int.from_bytes(start[:4], "big") + 4
        if start[4:] in (b"tEXt", b"zTXt", b"iTXt", b"iCCP"):
            file.seek(length, 1)
        else:
            kept.write(start + file.read(length))
    kept.seek(0)
    return kept
