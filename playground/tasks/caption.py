"""Describe a picture, in a sentence or in detail."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Literal, TypeAlias

from playground.models.chat import Message
from playground.tasks import TaskError

if TYPE_CHECKING:
    import threading

    from PIL import Image

    from playground.models.chat import Answer, Piece
    from playground.models.remote import AnyChatModel
    from playground.models.seen import Seen

Style: TypeAlias = Literal["short", "detailed"]

# The two sentences that Moji was taught; other models understand them as well.
PROMPTS: dict[Style, str] = {"short": "describe the picture.", "detailed": "describe the picture in detail."}
NEW_TOKENS: dict[Style, int] = {"short": 64, "detailed": 256}


def caption(
    model: AnyChatModel,
    image: Image.Image,
    style: Style = "short",
    stop: threading.Event | None = None,
    *,
    seen: Seen | None = None,
) -> Generator[Piece, None, Answer]:
    """Stream a description of the picture; the generator returns the whole `Answer`.

    Args:
        style: "short" is a sentence of up to 64 tokens, "detailed" says more, in up to 256.
        seen: the session's encoded pictures; those that are among them are not encoded again.

    Raises:
        TaskError: an unknown style.
    """
    if style not in PROMPTS:
        raise TaskError(f"There is no caption style {style!r}. Choose one of: {', '.join(PROMPTS)}.")
    messages = (Message("user", PROMPTS[style], (image,)),)
    return (yield from model.stream(messages, max_new_tokens=NEW_TOKENS[style], stop=stop, seen=seen))
