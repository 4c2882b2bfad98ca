"""What a file is that cannot be opened as a picture, and the way out: told from its first bytes, not from its name."""

from __future__ import annotations

import re

ACCEPTED = "PNG, JPEG, WebP, GIF, AVIF, BMP or TIFF"
HEAD = 1024
"""How many of a file's first bytes say what it is."""

_HEIC = ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")
_VIDEOS = ("isom", "iso", "mp4", "avc1", "qt", "m4v", "M4V", "3gp", "3g2", "dash", "f4v", "mmp4", "MSNV", "XAVC")

# (first bytes, where they stand, what the file is, what to do)
_SIGNATURES: tuple[tuple[bytes, int, str, str], ...] = (
    (b"%PDF", 0, "a PDF document", "Save the page as a PNG, or take a screenshot of it"),
    (b"%!PS", 0, "a PostScript file", "Save it as a PNG"),
    (b"\xc5\xd0\xd3\xc6", 0, "a PostScript file", "Save it as a PNG"),
    (b"8BPS", 0, "a Photoshop document", "Export it as a PNG"),
    (b"gimp xcf", 0, "a GIMP document", "Export it as a PNG"),
    (b"\x00\x00\x00\x0cjP  ", 0, "a JPEG 2000 picture, which is not read here", "Save it as a PNG or JPEG"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture, which is not read here", "Save it as a PNG or JPEG"),
    (b"\xff\x0a", 0, "a JPEG XL picture, which is not read here", "Save it as a PNG or JPEG"),
    (b"\x00\x00\x00\x0cJXL ", 0, "a JPEG XL picture, which is not read here", "Save it as a PNG or JPEG"),
    (b"\x76\x2f\x31\x01", 0, "an OpenEXR picture, which is not read here", "Save it as a PNG"),
    (b"#?RADIANCE", 0, "a Radiance HDR picture, which is not read here", "Save it as a PNG"),
    (b"FUJIFILM", 0, "a camera's raw file", "Develop it and save it as a JPEG"),
    (b"DICM", 128, "a DICOM file", "Read it with pydicom and hand its array over, or save it as a PNG"),
    (b"SIMPLE  =", 0, "a FITS file", "Read it with astropy and hand its array over"),
    (b"\x93NUMPY", 0, "a NumPy array", "Read it with numpy.load and hand the array over"),
    (b"\x89HDF", 0, "an HDF5 file", "Take the picture out of it"),
    (b"\x1aE\xdf\xa3", 0, "a video", "Take a frame out of it and send that as a picture"),
    (b"FLV\x01", 0, "a video", "Take a frame out of it and send that as a picture"),
    (b"\x00\x00\x01\xba", 0, "a video", "Take a frame out of it and send that as a picture"),
    (b"\x00\x00\x01\xb3", 0, "a video", "Take a frame out of it and send that as a picture"),
    (b"AVI ", 8, "a video", "Take a frame out of it and send that as a picture"),
    (b"WAVE", 8, "a sound file", "Send a picture"),
    (b"OggS", 0, "a sound or video file", "Send a picture"),
    (b"ID3", 0, "a sound file", "Send a picture"),
    (b"fLaC", 0, "a sound file", "Send a picture"),
    (b"PK\x03\x04", 0, "a ZIP archive or an Office document", "Unpack it and send one picture out of it"),
    (b"\xd0\xcf\x11\xe0", 0, "an Office document", "Save its picture as a PNG"),
    (b"\x1f\x8b", 0, "a compressed file (gzip)", "Unpack it first"),
    (b"BZh", 0, "a compressed file (bzip2)", "Unpack it first"),
    (b"\xfd7zXZ", 0, "a compressed file (xz)", "Unpack it first"),
    (b"7z\xbc\xaf", 0, "a 7-Zip archive", "Unpack it and send one picture out of it"),
    (b"Rar!", 0, "a RAR archive", "Unpack it and send one picture out of it"),
    (b"\x7fELF", 0, "a program", "Send a picture"),
    (b"MZ", 0, "a program", "Send a picture"),
    (b"SQLite format", 0, "a database", "Send a picture"),
    (
        b"version https://git-lfs",
        0,
        "a Git LFS pointer that stands for the real file",
        "Fetch that one with “git lfs pull”",
    ),
    (b"{\\rtf", 0, "a text document", "Send a picture"),
)


def brand_of(head: bytes) -> str:
    """The brand of an ISO media file (HEIC, AVIF, MP4 …) from its first bytes; "" for another file."""
    return head[8:12].decode("latin-1") if head[4:8] == b"ftyp" else ""


def is_heic(head: bytes) -> bool:
    """Whether a file that begins so is a HEIC picture, as iPhones take them."""
    brand = brand_of(head)
    return brand in _HEIC and b"avif" not in head[8:64]


def told(head: bytes, size: int | None = None) -> str:
    """Why a file that begins with these bytes is no picture that can be read here: what it is, and what to do.

    size: of the whole file in bytes, where it is known.
    """
    if not head:
        return f"The file is empty. Send a picture as {ACCEPTED}."
    if is_heic(head):
        return (
            "This is a HEIC picture, as iPhones take them, and HEIC is not read here. Save it as a JPEG; or run "
            "“pip install pillow-heif” (the extra “heic”) where the playground runs: then HEIC opens too."
        )
    brand = brand_of(head)
    if brand in ("avif", "avis") or (brand in _HEIC and b"avif" in head[8:64]):
        return "This is an AVIF picture that cannot be read here. Save it as a PNG or JPEG."
    if brand:
        video = brand.startswith(_VIDEOS)
        return _sentence("a video" if video else "a media file", "Take a frame out of it and send that as a picture")
    for first, place, what, way in _SIGNATURES:
        if head[place : place + len(first)] == first:
            return _sentence(what, way)
    if not head.strip(b"\0"):
        return f"The file holds nothing but zeros: its content was lost. Send the picture again, as {ACCEPTED}."
    return _text(head) or f"The file is not a picture that can be read here. Send it as {ACCEPTED}."


def _text(head: bytes) -> str:
    """The sentence for a file of text; "" for another one."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        text = head.decode(encoding, "strict" if len(head) < HEAD else "ignore").lstrip("\ufeff \r\n\t")
    except UnicodeDecodeError:
        return ""
    if "\0" in text or sum(not letter.isprintable() and not letter.isspace() for letter in text) > len(text) // 20:
        return ""
    lower = text.lower()
    if "<svg" in lower:
        return _sentence("an SVG drawing, which is made of lines and not of pixels", "Save it as a PNG")
    if re.match(r"<!doctype html|<html|<head", lower):
        return _sentence("a web page", "Open it, and save the picture itself")
    return _sentence("a text, whatever its name says", f"Send a picture as {ACCEPTED}")


def _sentence(what: str, way: str) -> str:
    return f"The file is not a picture that can be read here: it is {what}. {way}."
