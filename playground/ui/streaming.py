"""From a stream of pieces to growing text."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from playground.models.chat import Piece

Result = TypeVar("Result")

MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1}
"""Every event that runs a model waits in one line: two runs at once would only slow each other down."""
ASKED_AGAIN = {"trigger_mode": "always_last"}
"""Who asks again while an answer is awaited is answered once more after it, with what the fields hold then: Gradio
alone would drop the second wish without a word, and leave its words beside the first one's answer."""


def growing(stream: Generator[Piece, None, Result]) -> Iterator[tuple[str, Result | None]]:
    """(text so far, None) after every piece, and (text, what the stream returned) at the end.

    Closing this generator closes the stream, and with it the computation.
    """
    text = ""
    try:
        while True:
            try:
                text += next(stream).text
            except StopIteration as end:
                yield text, end.value
                return
            yield text, None
    finally:
        stream.close()
