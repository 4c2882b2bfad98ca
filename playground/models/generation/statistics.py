"""What an answer took, and how fast this model reads prompts on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.layout.positions import image_positions
from playground.models.messages import Statistics

if TYPE_CHECKING:
    from transformers import BatchFeature

    from playground.models.base import LocalChat
    from playground.models.generation.generate import GenerationTimings
    from playground.models.messages import Message


def statistics_of(
    chat: LocalChat,
    inputs: BatchFeature,
    messages: Sequence[Message],
    seconds: Sequence[float],
    stopped: bool,
    spent: GenerationTimings,
) -> Statistics:
    """The statistics of an answer; the model learns from them how fast it is.

    seconds: when the preparation ended and when each token came, counted from the request.
    """
    tokens = len(seconds) - 1
    first, last = seconds[min(1, tokens)], seconds[-1]
    _keep_pace(chat, inputs["input_ids"].shape[1], first, spent)
    return Statistics(
        image_tokens=len(image_positions(chat.model, inputs)),
        prompt_tokens=inputs["input_ids"].shape[1],
        new_tokens=tokens,
        seconds_to_first_token=first,
        seconds=last,
        tokens_per_second=(tokens - 1) / (last - first) if last > first else 0.0,
        stopped=stopped,
        reused_tokens=spent.reused,
        cache_miss_reason=spent.cache_miss_reason,
        vision_seconds=spent.vision_seconds,
        language_seconds=max(0.0, spent.seconds - spent.vision_seconds),
        peak_memory=spent.memory,
        limited=_limited(chat, messages),
    )


def _limited(chat: LocalChat, messages: Sequence[Message]) -> tuple[str, ...]:
    """What the limit on a picture's tokens changed, a note for each picture."""
    if chat.unlimited is None:
        return ()
    from playground.models.picture_tokens import picture_tokens

    found = (picture_tokens(chat, image) for message in messages for image in message.images)
    return tuple(f"{each}." for each in found if each is not None and each.limited)


def _keep_pace(chat: LocalChat, tokens: int, seconds: float, spent: GenerationTimings) -> None:
    """Learn from an answer how fast prompts are read, from those that were read whole and are long enough."""
    if spent.reused == 0 and tokens > 200 and seconds > 0.2:
        from playground.models.picture_tokens import reckoned

        chat.pace = seconds / max(reckoned(chat, tokens), 1e-9)
