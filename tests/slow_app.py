"""The app with a model that takes half a second for every piece, to see what happens meanwhile.

A long description is followed by a silence of two minutes; several captions at once end no sooner than after a second,
stopped or not. python tests/slow_app.py takes the options of app.py.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import app  # noqa: E402
from playground.models.chat import ChatModel
from playground.models.messages import Answer, GeneratedToken, Message  # noqa: E402

_SILENCE = 240
_stream, _batch = ChatModel.stream, ChatModel.generate_batch


def slow_stream(
    model: ChatModel, messages: Sequence[Message], **options: Any
) -> Generator[GeneratedToken, None, Answer]:
    """`ChatModel.stream`, half a second later each time."""
    stop = options.get("stop") or threading.Event()
    with closing(_stream(model, messages, **options)) as pieces:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                answer = end.value
                break
            stop.wait(0.5)
            yield piece
    for _ in range(_SILENCE if "in detail" in messages[-1].text else 0):
        if stop.wait(0.5):
            break
        yield replace(piece, text="")
    return answer


def slow_batch(model: ChatModel, *arguments: Any, **options: Any) -> list[str]:
    """`ChatModel.generate_batch`, a second later."""
    time.sleep(1)
    return _batch(model, *arguments, **options)


if __name__ == "__main__":
    ChatModel.stream, ChatModel.generate_batch = slow_stream, slow_batch
    app.main()
