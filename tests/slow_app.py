"""The app with a model that takes half a second for every piece, to see what happens meanwhile.

python tests/slow_app.py takes the options of app.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import app  # noqa: E402
from playground.models.chat import Answer, ChatModel, Piece  # noqa: E402

_stream = ChatModel.stream


def slow_stream(model: ChatModel, *arguments: Any, **options: Any) -> Generator[Piece, None, Answer]:
    """`ChatModel.stream`, half a second later each time."""
    with closing(_stream(model, *arguments, **options)) as pieces:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                return end.value
            time.sleep(0.5)
            yield piece


if __name__ == "__main__":
    ChatModel.stream = slow_stream
    app.main()
