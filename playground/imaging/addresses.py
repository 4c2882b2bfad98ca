"""Pictures that are written out as text, data: addresses and plain base64, as programs send them."""

from __future__ import annotations

import base64
import binascii
import re

from playground.imaging.errors import MediaError

LONGEST = 70_000_000
"""The most characters of such a text; 50 MB of a file."""

_DATA = re.compile(r"\s*data:(?P<kind>[^,]{0,200}),", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9+/=_\-\s]+")
# How the base64 of a PNG, JPEG, GIF, WebP, BMP, TIFF, and of what ISO media files (AVIF, HEIC) begin with, begins.
_BEGINNINGS = ("iVBORw0KGgo", "/9j/", "_9j_", "R0lGOD", "UklGR", "Qk", "SUkq", "TU0A", "AAAA")
_SHORTEST = 40  # characters; a shorter text is a name


def is_address(text: str) -> bool:
    """Whether this names something to be fetched: nothing here does so."""
    return bool(re.match(r"\s*[a-z][a-z0-9+.\-]+://", text, re.IGNORECASE))


def is_written_out(text: str) -> bool:
    """Whether this is a picture itself: a data: address, or the base64 of a file of pixels."""
    if _DATA.match(text) or text.lstrip()[:5].lower() == "data:":
        return True
    start = text.lstrip()[:80]
    return len(text) >= _SHORTEST and start.startswith(_BEGINNINGS) and bool(_PLAIN.fullmatch(start))


def read_out(text: str) -> bytes:
    """The bytes of the file that is written out in `text`, with or without padding, line breaks, URL-safe or not.

    Raises:
        MediaError: too long, or no base64; the sentence does not repeat the text.
    """
    if len(text) > LONGEST:
        raise MediaError("The picture in base64 is too long; up to 50 MB are read. Scale the picture down.")
    head = _DATA.match(text)
    if head is None and text.lstrip()[:5].lower() == "data:":
        raise MediaError("The data: address has no comma: write data:image/png;base64, and the file's content.")
    if head is not None and not head["kind"].lower().replace(" ", "").endswith(";base64"):
        raise MediaError("The data: address is not in base64: write data:image/png;base64, and the file's content.")
    content = text[head.end() :] if head else text
    return _decoded(content)


def _decoded(content: str) -> bytes:
    plain = re.sub(r"%([0-9A-Fa-f]{2})", lambda code: chr(int(code[1], 16)), content) if "%" in content else content
    plain = "".join(plain.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):  # ValueError: letters beyond ASCII
        raise MediaError(
            "The picture's base64 is damaged: write data:image/png;base64, and then the file's content in base64, "
            "nothing else."
        ) from None
