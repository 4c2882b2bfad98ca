"""What strangers upload is opened right or refused in one sentence."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.imaging.opening import LONGEST_SIDE, MediaError, open_picture

RED, WHITE = (220, 30, 30), (255, 255, 255)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    """The bytes of the picture in a file of this kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Red on the left, white on the right: a turned or mirrored copy shows at once."""
    image = Image.new("RGB", size, WHITE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    return image


def huge_png(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose header announces this size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def close(pixel: tuple[int, ...], colour: tuple[int, ...], tolerance: int = 12) -> bool:
    return max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_common_files_open_unchanged(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"  # without an ending: the content decides
    path.write_bytes(saved(halves(), kind))
    picture = open_picture(path)
    assert (picture.image.mode, picture.image.size, picture.notes) == ("RGB", (64, 48), ())
    assert close(picture.image.getpixel((5, 20)), RED)
    assert close(picture.image.getpixel((60, 20)), WHITE)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"hello, this is a letter", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (saved(halves((400, 300)), "JPEG")[:900], "breaks off"),
        (saved(Image.effect_noise((300, 300), 90), "PNG")[:2000], "breaks off"),
        (huge_png(20_000, 20_000), "80 million"),
        (huge_png(10_000, 8_500), "10,000 × 8,500"),
        (saved(Image.new("RGB", (5000, 3)), "PNG"), "strip"),
    ],
    ids=["empty", "text", "eps", "cut jpeg", "cut png", "20000x20000", "85 million", "strip"],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(MediaError) as refusal:
        open_picture(data)
    assert says in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_missing_files_and_addresses_are_refused() -> None:
    with pytest.raises(MediaError, match="no file 'nowhere.png'"):
        open_picture("nowhere.png")
    with pytest.raises(MediaError, match="not fetched"):
        open_picture("https://example.com/cat.png")


def test_one_pixel_is_enlarged_and_says_so() -> None:
    picture = open_picture(saved(Image.new("RGB", (1, 1), RED), "PNG"))
    assert picture.image.size == (16, 16)
    assert picture.image.getpixel((15, 15)) == RED
    assert "1 × 1" in picture.notes[0]


def test_large_pictures_are_scaled_down_and_say_so() -> None:
    picture = open_picture(saved(halves((4000, 1000)), "PNG"))
    assert picture.image.size == (LONGEST_SIDE, 512)
    assert "4,000 × 1,000" in picture.notes[0]


def test_cmyk_keeps_its_colours() -> None:
    image = open_picture(saved(halves().convert("CMYK"), "JPEG")).image
    assert close(image.getpixel((5, 20)), RED)
    assert close(image.getpixel((60, 20)), WHITE)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_cut(kind: str) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    grey = np.asarray(open_picture(saved(Image.fromarray(ramp), kind)).image)[..., 0]
    assert abs(grey.astype(int) - ramp / 257).max() <= 1


def test_palette_with_transparency_is_laid_on_white() -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([0, 0, 0, *RED])
    image.paste(1, (20, 0, 40, 40))
    opened = open_picture(saved(image, "PNG", transparency=0)).image
    assert (opened.getpixel((5, 5)), opened.getpixel((30, 5))) == (WHITE, RED)


def test_exif_rotation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    image = open_picture(saved(halves((64, 48)), "JPEG", exif=exif)).image
    assert image.size == (48, 64)
    assert close(image.getpixel((20, 5)), RED)
    assert close(image.getpixel((20, 60)), WHITE)


def test_an_animation_gives_its_first_frame_and_says_so() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    picture = open_picture(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.image.getpixel((9, 9)) == (255, 0, 0)
    assert "first frame" in picture.notes[0]


def test_arrays_and_pil_images_open_too() -> None:
    array = np.asarray(halves())
    assert open_picture(halves()).image.tobytes() == halves().tobytes()
    assert open_picture(array).image.tobytes() == halves().tobytes()
    assert open_picture(array / 255).image.tobytes() == halves().tobytes()
    with pytest.raises(MediaError, match="shape"):
        open_picture(np.zeros((3, 40, 40), np.uint8))
