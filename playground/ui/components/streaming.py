"""From a stream of pieces to growing text."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from playground.ui.components.background import while_working

if TYPE_CHECKING:
    from playground.models.messages import GeneratedToken

Result = TypeVar("Result")

MODEL_QUEUE = {"concurrency_id": "model", "concurrency_limit": 1}
"""Every event that runs a model waits in one line: two runs at once would only slow each other down."""
ASKED_AGAIN = {"trigger_mode": "always_last"}
"""Who asks again while an answer is awaited is answered once more after it, with what the fields hold then: Gradio
alone would drop the second wish without a word, and leave its words beside the first one's answer."""


def growing(stream: Generator[GeneratedToken, None, Result]) -> Iterator[tuple[str, Result | None]]:
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


def growing_while_watched(
    stream: Callable[[threading.Event], Generator[GeneratedToken, None, Result]], stop: threading.Event | None = None
) -> Iterator[tuple[str, Result | None] | None]:
    """`growing` for a page that may be closed, or whose Stop may be pressed, while the model still reads.

    stream: begins to stream; the event that it gets, `stop` or a new one, ends it. Yields None, to be handed on as
    nothing new, every tenth of a second in which nothing comes; see `background.while_working`.
    """
    finished = False
    with closing(while_working(lambda stop: growing(stream(stop)), stop)) as parts:
        for part in parts:
            if part is not None:
                finished = part[1] is not None
            elif finished:  # the work takes a moment to end after its result, which is the last that is to be seen
                continue
            yield part
