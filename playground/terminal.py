"""Text for a terminal, whatever it can show, and for a reader who may leave: `… | head -1`."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

_PLAIN = {"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "×": "x", "\u00a0": " ", "→": "->"}


@contextlib.contextmanager
def forgiving_output() -> Iterator[None]:
    """Within it, signs that a terminal cannot show are written plainly, and a reader who leaves ends the program.

    Where output or errors were closed from the beginning, what is written there goes nowhere.

    Raises:
        SystemExit: with 141 where nobody reads any more, as programs end that the pipe's signal ends; with a sentence
            where the disk that the output goes to is full.
    """
    sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
    codecs.register_error("playground_plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not within a notebook
            stream.reconfigure(errors="playground_plain")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        raise SystemExit(141) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or error.filename is not None:
            raise
        _drop_output()
        raise SystemExit(f"Nothing more can be written: {os.strerror(error.errno).lower()}. Make room there.") from None


def _drop_output() -> None:
    """What waits in the buffer would be tried once more at the end, with a message that nobody asked for."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
