"""An answer as it comes: each generated token with its text, its probability and its runners-up, then the whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from playground.models.generation import generate as generation
from playground.models.generation.detokenize import spelled
from playground.models.generation.statistics import statistics_of
from playground.models.messages import Answer, GeneratedToken, notes_of, why_empty

if TYPE_CHECKING:
    from playground.models.base import LocalChat
    from playground.models.generation.generate import Step
    from playground.models.messages import Message


def generated(
    chat: LocalChat,
    messages: Sequence[Message],
    streaming: bool,
    max_new_tokens: int,
    temperature: float,
    stop: threading.Event | None,
    **options: Any,
) -> Generator[GeneratedToken, None, Answer]:
    """What `ChatModel.stream` yields and returns.

    streaming: whether anybody waits for single tokens. options: what else `generate.run` takes.
    """
    asked = time.perf_counter()
    inputs = chat.prepare(messages)
    preparation = time.perf_counter() - asked
    stop, spent, room = stop or threading.Event(), generation.GenerationTimings(), chat.room(inputs, max_new_tokens)
    steps = generation.run(
        chat.model,
        inputs,
        streaming=streaming,
        lock=chat.lock,
        stop=stop,
        spent=spent,
        max_new_tokens=room,
        num_beams=1,
        **_choice(temperature),
        **({} if options.get("forced_token_ids") else chat.stopping),
        **options,
    )
    pieces, seconds = [], [preparation]
    with closing(steps):
        for step, text in spelled(chat.processor.tokenizer, steps):
            pieces.append(_piece(chat, step, text))
            seconds.append(preparation + step.seconds)
            yield pieces[-1]
    statistics = statistics_of(chat, inputs, messages, seconds, stop.is_set(), spent)
    text = "".join(piece.text for piece in pieces)
    reason = why_empty(chat.name, text, statistics, room)
    return Answer(text, tuple(pieces), statistics, notes_of(messages), reason)


def _choice(temperature: float) -> dict[str, Any]:
    """How `generate` takes each token. A checkpoint's own top_k and top_p would quietly overrule the temperature."""
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    return {"do_sample": False}


def _piece(chat: LocalChat, step: Step, text: str) -> GeneratedToken:
    others = tuple((chat.text_of(token), probability) for token, probability in step.others)
    return GeneratedToken(text, step.token_id, step.probability, others)
