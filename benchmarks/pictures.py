"""How much memory, and time, opening one picture takes, whatever the file: large ones of every kind, and bombs.

    python benchmarks/pictures.py

Each file is opened in a process of its own; counted is how far its memory (resident set) rises above what it was.
Files that are refused count too: refusing must not cost more than opening.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playground.imaging.opening import MediaError, open_picture  # noqa: E402

LIMIT_MB = 500


def main() -> None:
    """Write the files, open each in a process of its own, and print a table; exits with 1 where one took too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="the files whose name has this text")
    options = parser.parse_args()
    if options.open:
        print(_measured(options.open))
        return
    print("| file | size on disk | peak memory | time | outcome |\n|---|--:|--:|--:|---|")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, write in _files():
            if options.only not in name:
                continue
            path = Path(folder, "picture")
            write(path)
            risen, seconds, outcome = _alone(path)
            worst = max(worst, risen)
            print(
                f"| {name} | {path.stat().st_size / 1e6:,.1f} MB | {risen:,.0f} MB | {seconds:.1f} s | {outcome} |",
                flush=True,
            )
    print(f"\nThe most: {worst:,.0f} MB; the limit: {LIMIT_MB} MB.")
    sys.exit(worst > LIMIT_MB)


def _alone(path: Path) -> tuple[float, float, str]:
    """Megabytes, seconds and outcome of opening a file in a process of its own."""
    command = [sys.executable, __file__, "--open", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    risen, seconds, outcome = said.split("\t")
    return float(risen), float(seconds), outcome


def _measured(path: Path) -> str:
    warm = io.BytesIO()
    Image.new("RGB", (64, 48)).save(
        warm, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    open_picture(warm)  # what is imported at the first picture is no part of the second
    before = _forget_peak()
    began = time.perf_counter()
    try:
        picture = open_picture(path)
        outcome = f"opened at {picture.image.width:,} × {picture.image.height:,}"
    except MediaError as error:
        outcome = f"refused: {str(error).split(': ')[0]}"
    return f"{(_peak() - before) / 1e6}\t{time.perf_counter() - began}\t{outcome}"


def _forget_peak() -> int:
    """Begin counting anew where the system lets one; the bytes of the process until now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """The most bytes that the process had."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _files() -> Iterator[tuple[str, Callable[[Path], None]]]:
    """The name of each file, and what writes it to a path."""
    yield "PNG, RGB, 8,900 × 8,900", _saver("RGB", (8900, 8900), "PNG")
    yield "PNG, RGBA, 8,900 × 8,900, half transparent", _saver("RGBA", (8900, 8900), "PNG")
    yield "PNG, 16-bit grey, 8,900 × 8,900", _saver("I;16", (8900, 8900), "PNG")
    yield "PNG, 16-bit RGB with 12-bit data, 6,900 × 6,900", lambda path: path.write_bytes(_deep_png(6900))
    yield "PNG, palette with transparency, 8,900 × 8,900", _saver("P", (8900, 8900), "PNG", transparency=0)
    yield (
        "PNG, RGB with a printer's size of profile, 8,900 × 8,900",
        _saver("RGB", (8900, 8900), "PNG", icc_profile=_p3()),
    )
    yield "PNG, RGB, 6,140 × 6,140 (the largest that is not shrunk in strips)", _saver("RGB", (6140, 6140), "PNG")
    yield "JPEG, 12,000 × 9,000, as a phone of 108 megapixels", _saver("RGB", (12000, 9000), "JPEG")
    yield (
        "JPEG, progressive, 4:4:4, 7,300 × 7,300",
        _saver("RGB", (7300, 7300), "JPEG", progressive=True, subsampling=0),
    )
    yield "JPEG, progressive, 4:2:0, 10,400 × 10,400", _saver("RGB", (10400, 10400), "JPEG", progressive=True)
    yield "JPEG, CMYK, 8,900 × 8,900", _saver("CMYK", (8900, 8900), "JPEG")
    yield "WebP, lossless, 8,900 × 8,900, one colour", _saver("RGB", (8900, 8900), "WEBP", lossless=True)
    yield "WebP, lossless, 6,000 × 4,000", _saver("RGBA", (6000, 4000), "WEBP", lossless=True)
    yield "WebP, 4,400 × 4,400", _saver("RGB", (4400, 4400), "WEBP", method=0)
    yield "AVIF, 4,600 × 4,600", _saver("RGBA", (4600, 4600), "AVIF", speed=10)
    yield "GIF, 8,700 × 8,700", _saver("P", (8700, 8700), "GIF", transparency=0)
    yield "TIFF, 16-bit grey, 8,900 × 8,900", _saver("I;16", (8900, 8900), "TIFF")
    yield "TIFF, 32-bit grey, 8,900 × 8,900", _saver("I", (8900, 8900), "TIFF")
    yield "TIFF, floats, 8,900 × 8,900, deflate", _saver("F", (6900, 6900), "TIFF", compression="tiff_deflate")
    yield (
        "TIFF, RGBA, LZW in one strip, 6,900 × 6,900",
        _saver("RGBA", (6900, 6900), "TIFF", compression="tiff_lzw", strip_size=1 << 30),
    )
    yield "TIFF, RGB, turned, 6,900 × 6,900", _saver("RGB", (6900, 6900), "TIFF", tiffinfo={0x0112: 6})
    yield "BMP, RGB, 8,900 × 8,900", _saver("RGB", (8900, 8900), "BMP")
    yield "PPM, 8,900 × 8,900", _saver("RGB", (8900, 8900), "PPM")


def _saver(mode: str, size: tuple[int, int], kind: str, **options) -> Callable[[Path], None]:
    """What writes a picture of this mode: a colour ramp in rows, so that it compresses fast."""

    def write(path: Path) -> None:
        if mode in ("I;16", "I", "F"):
            dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
            ramp = np.broadcast_to(np.linspace(0, 4000, size[0]).astype(dtype), size[::-1])
            image = Image.fromarray(np.ascontiguousarray(ramp))
        else:
            image = Image.linear_gradient("L").resize(size).convert("RGB" if mode == "RGBA" else mode)
            if mode == "RGBA":
                image.putalpha(128)
        image.save(path, kind, **options)

    return write


def _p3() -> bytes:
    """A profile that is not sRGB: one for Lab's white at 5,000 K would do as well; this one is large too."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    place = profile.find(b"rXYZ")
    offset = int.from_bytes(profile[place + 4 : place + 8], "big")
    profile[offset + 8 : offset + 12] = struct.pack(">i", int(0.60 * 65536))  # another red
    return bytes(profile) + bytes(900_000)


def _deep_png(side: int) -> bytes:
    """A PNG of 16-bit RGB whose values reach 4,000 only; Pillow cannot write one."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + np.linspace(0, 4000, side * 3).astype(">u2").tobytes()
    header = struct.pack(">IIBBBBB", side, side, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * side, 1))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
