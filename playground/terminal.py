"""Text for a terminal, whatever it can show, and for a reader who may leave: `… | head -1`."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

_PLAIN = {"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "×": "x", "\u00a0": " ", "→": "->"}


@contextlib.contextmanager
def forgiving_output() -> Iterator[None]:
    """Within it, signs that a terminal cannot show are written plainly, and a reader who leaves ends the program.

    Raises:
        SystemExit: with 141 where nobody reads any more, as programs end that the pipe's signal ends.
    """
    codecs.register_error("playground_plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not within a notebook
            stream.reconfigure(errors="playground_plain")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What waits in the buffer would be tried once more at the end, with a message that nobody asked for.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def shows(text: str, stream: TextIO) -> bool:
    """Whether a stream can show all of a text as it is."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """A plain sign for each that cannot be encoded: its like in ASCII, or a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end
