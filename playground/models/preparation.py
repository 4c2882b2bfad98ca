"""What became of the messages that a model prepared last, kept as long as these messages live."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models import prompt
from playground.models.messages import CannotRead, Message, PromptTooLong

if TYPE_CHECKING:
    from transformers import BatchFeature

    from playground.models.base import LocalChat


@dataclass(frozen=True, eq=False)
class Prepared:
    """The inputs that messages became: an answer, its runners-up and its trace ask for them in turn.

    messages: held weakly, so that no picture outlives its conversation here.
    """

    messages: tuple[weakref.ref[Message], ...]
    inputs: BatchFeature

    def is_of(self, messages: Sequence[Message]) -> bool:
        """Whether these are the very same messages."""
        same = len(messages) == len(self.messages)
        return same and all(held() is message for held, message in zip(self.messages, messages, strict=True))


def prepared(chat: LocalChat, messages: Sequence[Message]) -> Prepared:
    """A conversation as the model's inputs; the model forgets them when one of the messages is gone.

    Raises PromptTooLong when no room is left for an answer, CannotRead when the conversation is refused.
    """
    try:
        inputs = prompt.prepare(chat.model, chat.processor, messages)
    except ValueError as error:  # for example, Qwen-VL refuses pictures 200 times as wide as high
        raise CannotRead(f"{chat.name} cannot read this conversation: {error}") from error
    had, allowed = inputs["input_ids"].shape[1], chat.context_length
    if allowed is not None and had >= allowed:
        raise PromptTooLong(
            f"This conversation has {had:,} tokens; {chat.name} reads {allowed:,} at most, its answer "
            "included. Shorten the message, show fewer pictures, or start a new conversation."
        )
    owner = weakref.ref(chat)  # a reference to the model itself would keep it, and its weights, in a circle

    def forget(_: weakref.ref) -> None:  # a message is gone: nobody will ask about it again
        if (model := owner()) is not None:
            model._prepared = None

    return Prepared(tuple(weakref.ref(message, forget) for message in messages), inputs)
