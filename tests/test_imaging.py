"""What strangers upload is opened right or refused in one sentence."""

from __future__ import annotations

import base64
import io
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, PngImagePlugin

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


def png(header: bytes, rows: bytes) -> bytes:
    """A PNG file of this header and these compressed rows."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def huge_png(width: int, height: int) -> bytes:
    """A PNG file of a few bytes whose header announces this size."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"")


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


def _bitmap(depth: int) -> bytes:
    data = bytearray(saved(halves(), "BMP"))
    data[28] = depth
    return bytes(data)


def _of_a_closed_file() -> Image.Image:
    with Image.open(io.BytesIO(saved(halves(), "PNG"))) as image:
        return image


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


def png16(values: np.ndarray) -> bytes:
    """A PNG of 16 bits, (H, W, 3) or (H, W, 4), which Pillow cannot write."""

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, {3: 2, 4: 6}[values.shape[2]], 0, 0, 0)
    return png(header, zlib.compress(rows))


def swapped_profile() -> bytes:
    """A profile whose red and green are those of sRGB exchanged: a picture that ignores it is wrong at sight."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = (profile.find(name, 128) for name in (b"rXYZ", b"gXYZ"))
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12], profile[red + 4 : red + 12],
    )  # fmt: skip
    return bytes(profile)


RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)
GREY = np.round(RAMP * 255).astype(np.uint8)


def tiff(values: np.ndarray, **tags) -> bytes:
    return saved(Image.fromarray(values), "TIFF", **tags)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (saved(Image.fromarray((RAMP * 4095).astype(np.uint16)), "PNG"), "4,095"),
        (saved(Image.fromarray((RAMP * 1023).astype(np.uint16)), "PNG"), "1,023"),
        (tiff((RAMP * 4095).astype(np.uint16)), "4,095"),
        (tiff((RAMP * 255).astype(np.int32)), "255"),
        (tiff((RAMP * 65535).astype(np.int32)), "65,535"),
        (tiff((RAMP * 1e6).astype(np.int32)), "stretched"),
        (tiff((RAMP * 200 - 100).astype(np.float32)), "stretched"),
        (tiff((RAMP * 255).astype(np.float32)), "255"),
        (tiff(RAMP.astype(np.float32)), ""),
        (png16(np.repeat((RAMP * 4095).astype(np.uint16)[..., None], 3, 2)), "4,095"),
        ((RAMP * 4095).astype(np.uint16), "4,095"),
        ((RAMP * 255).astype(np.int64), "255"),
        (RAMP * 255, "255"),
        (RAMP.astype(np.float16), ""),
        (RAMP * 1e300, "stretched"),
        (torch.tensor(RAMP).to_sparse(), ""),
        (torch.complex(torch.zeros(RAMP.shape), -torch.tensor(RAMP).float()).conj().imag, ""),
    ],
    ids=lambda value: None,
)
def test_deep_values_are_scaled_by_what_they_hold(source: bytes | np.ndarray, said: str) -> None:
    picture = open_picture(source)
    assert np.abs(np.asarray(picture.image)[..., 1].astype(int) - GREY).max() <= 2
    assert (said in " ".join(picture.notes)) if said else picture.notes == ()


@pytest.mark.parametrize("value", [70_000, 2**64 - 1, -(2**62), 1.7e308, -1.7e308])
def test_data_of_one_value_is_black_whatever_it_is(value: float) -> None:
    picture = open_picture(np.full((20, 30), value))
    assert np.asarray(picture.image).max() == 0 and "stretched" in picture.notes[0]


def test_what_reaches_white_is_not_said_to_fall_short_of_it() -> None:
    assert "go up to 255: 255" in open_picture(GREY.astype(np.int32)).notes[0]
    grey = b"P5 64 48 65535 " + (RAMP * 65535).astype(">u2").tobytes()
    assert open_picture(grey).notes == ()


def test_bright_colours_of_16_bits_keep_their_scale_and_white_may_be_zero() -> None:
    bright = np.repeat((RAMP * 65535).astype(np.uint16)[..., None], 4, 2)
    bright[..., 3] = 65535
    picture = open_picture(png16(bright))
    assert picture.notes == ()
    assert np.abs(np.asarray(picture.image)[..., 0].astype(int) - GREY).max() <= 1
    inverted = open_picture(tiff((RAMP * 65535).astype(np.uint16), tiffinfo={262: 0}))
    assert np.abs(np.asarray(inverted.image)[..., 0].astype(int) - (255 - GREY)).max() <= 1


def test_a_value_that_is_no_number_does_not_spoil_the_others() -> None:
    values = RAMP.astype(np.float32)
    values[0, 0], values[0, 1] = np.nan, np.inf
    for source in (tiff(values), values):
        assert np.abs(np.asarray(open_picture(source).image)[1:, :, 0].astype(int) - GREY[1:]).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_colour_profile_is_applied_and_said(kind: str) -> None:
    image = Image.new("RGB", (64, 48), (200, 0, 0))
    picture = open_picture(saved(image, kind, icc_profile=swapped_profile(), quality=95))
    red, green, _ = picture.image.getpixel((30, 20))
    assert green > 150 > red
    assert "converted to sRGB" in picture.notes[0]


def test_profiles_that_change_nothing_do_not_fit_or_are_broken() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = open_picture(saved(halves(), "PNG", icc_profile=srgb))
    assert (picture.image.tobytes(), picture.notes) == (halves().tobytes(), ())
    for profile, image in ((b"nonsense" * 30, halves()), (srgb[:200], halves()), (srgb, halves().convert("CMYK"))):
        kind = "PNG" if image.mode == "RGB" else "TIFF"
        picture = open_picture(saved(image, kind, icc_profile=profile))
        assert "left aside" in picture.notes[0]
        assert close(picture.image.getpixel((5, 20)), RED)
    grey = open_picture(saved(halves().convert("L"), "PNG", icc_profile=swapped_profile()))
    assert close(grey.image.getpixel((60, 20)), WHITE)


def test_lab_and_ycbcr_tiffs_keep_their_colours() -> None:
    spaces = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
    lab = ImageCms.profileToProfile(halves(), *spaces, outputMode="LAB")
    for image, options in (
        (lab, {}),
        (halves().convert("YCbCr"), {}),
        (halves().convert("YCbCr"), {"compression": "tiff_lzw"}),
    ):
        picture = open_picture(saved(image, "TIFF", **options))
        assert close(picture.image.getpixel((5, 20)), RED)
        assert close(picture.image.getpixel((60, 20)), WHITE)


@pytest.mark.parametrize("megabytes", [2, 40])
def test_a_png_with_large_texts_and_profile_opens(megabytes: int) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("before", "x" * megabytes * 1_000_000, zip=True)
    data = saved(halves(), "PNG", pnginfo=text, icc_profile=swapped_profile() + bytes(megabytes * 1_000_000))
    assert close(open_picture(data).image.getpixel((60, 20)), WHITE)
    assert close(open_picture(io.BytesIO(data)).image.getpixel((60, 20)), WHITE)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "La", "PA", "1", "L", "P", "RGB", "I;16"])
def test_transparency_is_laid_on_white_and_said(mode: str, tmp_path: Path) -> None:
    key = mode in ("1", "L", "P", "RGB", "I;16")
    if key:
        image = Image.new(mode, (40, 40), 0)
        image.paste({"RGB": (90, 90, 90), "I;16": 20000}.get(mode, 1 if mode == "1" else 90), (20, 0, 40, 40))
        image.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    else:
        layer = Image.new("LA", (40, 40), (0, 0))
        layer.paste((90, 255), (20, 0, 40, 40))
        image = layer.convert("P").convert("PA") if mode == "PA" else layer.convert(mode)
        if mode == "PA":
            image.putalpha(layer.getchannel("A"))
    picture = open_picture(image)
    assert picture.image.getpixel((5, 5)) == WHITE
    assert picture.image.getpixel((30, 30)) != WHITE or mode == "1"
    assert any("white" in note for note in picture.notes)


def test_an_opaque_alpha_is_no_change() -> None:
    assert open_picture(saved(halves().convert("RGBA"), "PNG")).notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_undone_and_said(orientation: int) -> None:
    turned = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # how the camera lay
    lying = halves() if turned is None else halves().transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for source in (
        saved(lying, "JPEG", exif=exif, quality=95),
        saved(lying, "TIFF", exif=exif),
        saved(lying, "PNG", exif=exif),
    ):
        for given in (source, Image.open(io.BytesIO(source))):
            picture = open_picture(given)
            assert picture.image.size == picture.size == (64, 48)
            assert close(picture.image.getpixel((5, 20)), RED)
            assert any("upright" in note for note in picture.notes) == (orientation > 1)


def test_whatever_people_have_opens_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    data = saved(halves(), "PNG")
    path = tmp_path / "a picture.png"
    path.write_bytes(data)
    written = base64.b64encode(data).decode()
    array = np.asarray(halves())
    tensor = torch.from_numpy(array.copy())
    sources = [
        path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), halves(), Image.open(path), array,
        array.astype(np.float32) / 255, array.transpose(2, 0, 1), array[None],
        np.dstack([array, array[..., 0] * 0 + 255]), tensor, tensor.permute(2, 0, 1),
        tensor.permute(2, 0, 1)[None] / 255,
        (tensor / 255).bfloat16().requires_grad_(),
        f"data:image/png;base64,{written}", f"DATA:;base64,{written.rstrip('=')}", written,
        "data:image/png;base64," + base64.encodebytes(data).decode(), base64.urlsafe_b64encode(data).decode(),
        written.encode(), f"data:image/png;base64,{written}".encode(),
        open_picture(path),
    ]  # fmt: skip
    for place, source in enumerate(sources):
        picture = open_picture(source)
        assert np.abs(np.asarray(picture.image).astype(int) - array).max() <= 1, place
        assert picture.notes == (), place
    with path.open("rb") as file:
        file.read(7)  # wherever it stands
        assert open_picture(file).image.tobytes() == halves().tobytes()
        assert not file.closed
    with zipped(tmp_path, data) as stream:
        assert open_picture(stream).image.tobytes() == halves().tobytes()


def zipped(folder: Path, data: bytes):
    """A file object that cannot be wound back to its beginning by everybody: a member of an archive."""
    import zipfile

    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", data)
    return zipfile.ZipFile(folder / "a.zip").open("a.png")


def test_what_was_opened_opens_again_as_it_is() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for source in (saved(halves(), "JPEG", exif=exif), saved(halves((4000, 1000)), "PNG"), halves()):
        first = open_picture(source)
        again = open_picture(first.image)
        assert again.image is first.image
        assert again.notes == ()


def test_your_own_image_is_left_as_it_is(tmp_path: Path) -> None:
    halves((4000, 3000)).save(tmp_path / "large.jpg")
    mine = Image.open(tmp_path / "large.jpg")
    assert open_picture(mine).image.size == (2048, 1536)
    assert mine.size == (4000, 3000)
    assert mine.load() is not None  # it was neither shrunk nor closed
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime", "blue")]
    animation = Image.open(io.BytesIO(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    animation.seek(2)
    assert close(open_picture(animation).image.getpixel((9, 9)), (0, 0, 255))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic" + bytes(99), "pillow-heif"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2" + bytes(99), "video"),
        (b"\x1aE\xdf\xa3" + bytes(99), "video"),
        (b"RIFF\x10\0\0\0AVI LIST" + bytes(99), "video"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        ("Grüße, ein Brief".encode(), "a text"),
        (b'{"a": 1}', "a text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"PK\x03\x04" + bytes(99), "ZIP"),
        (bytes(5000), "zeros"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        ("data:image/png;base64,????", "base64 is damaged"),
        ("data:image/png,hello", "not in base64"),
        ("data:nonsense", "no comma"),
        ("https://example.com/cat.png", "not fetched"),
        ("file:///etc/passwd", "not fetched"),
        ("x" * 5000, "no file"),
        ("a\0b", "no file"),
        ("", "name is empty"),
        (b"", "empty"),
        (_bitmap(depth=2), "kind of BMP is not read here"),
        (
            bytes.fromhex("0000010001001010020001000100b00000001600000028000000ffff0000ffff000001000100") + bytes(160),
            "too many pixels",
        ),
        (_of_a_closed_file(), "closed before"),
        ([np.zeros((9, 9))], "one by one"),
        (torch.empty(3, 9, 9, device="meta"), "cannot be read (Cannot copy out of meta tensor"),
        (io.StringIO("a"), "as text"),
        (42, "A int is no picture"),
        (None, "NoneType is no picture"),
        (np.zeros((5, 40, 40)), "shape"),
        (np.zeros((2, 8, 8, 3), np.uint8), "batch of 2"),
        (np.zeros((0, 4), np.uint8), "shape"),
        (np.array([["a"]]), "an array of".capitalize()),
        (np.zeros((40, 40), complex), "complex128"),
    ],
    ids=lambda value: None,
)
def test_every_other_thing_is_named_in_a_sentence(source: object, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MediaError) as refusal:
        open_picture(source)
    said = str(refusal.value)
    assert says in said
    assert said.endswith(".")
    assert len(said) < 300


def test_a_folder_and_a_file_that_is_closed_to_us(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        open_picture(tmp_path)
    file = (tmp_path / "a.png").open("wb")
    file.close()
    with pytest.raises(MediaError, match="cannot be read"):
        open_picture(file)


def test_heic_opens_with_its_extra() -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    picture = open_picture(saved(halves(), "HEIF", quality=95))
    assert close(picture.image.getpixel((5, 20)), RED, 30)


def test_memory_is_bounded_whatever_the_file(tmp_path: Path) -> None:
    """The two that took 1.5 and 2.2 GB, each in a process of its own."""
    benchmark = Path(__file__).parents[1] / "benchmarks" / "pictures.py"
    header = struct.pack(">IIBBBBB", 8900, 8900, 16, 0, 0, 0, 0)
    rows = zlib.compress(bytes(8900 * (8900 * 2 + 1)), 1)
    (tmp_path / "grey.png").write_bytes(png(header, rows))
    Image.new("RGB", (8900, 8900)).save(tmp_path / "bomb.webp", lossless=True, method=0)
    outcomes = {}
    for path in sorted(tmp_path.iterdir()):
        run = subprocess.run([sys.executable, benchmark, "--open", path], capture_output=True, text=True, check=True)
        megabytes, _, outcomes[path.name] = run.stdout.strip().split("\t")
        assert float(megabytes) < 500, path.name
    assert outcomes["grey.png"].startswith("opened")
    assert outcomes["bomb.webp"].startswith("refused: A picture of 8,900 × 8,900 pixels is too large")


def test_a_phone_s_photograph_of_108_megapixels_is_shrunk_while_it_is_decoded() -> None:
    data = saved(halves((12000, 9000)), "JPEG", quality=30)
    picture = open_picture(data)
    assert picture.size == (12000, 9000)
    assert picture.image.size == (2048, 1536)
    assert close(picture.image.getpixel((500, 700)), RED)


def test_one_image_may_be_opened_in_several_threads() -> None:
    mine = Image.open(io.BytesIO(saved(Image.effect_noise((1500, 1500), 90), "PNG")))
    found, threads = [], []
    for _ in range(4):
        threads.append(threading.Thread(target=lambda: found.append(open_picture(mine).image.tobytes())))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(found)) == 1
