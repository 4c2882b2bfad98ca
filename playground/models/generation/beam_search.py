"""The likeliest whole answers, found by a beam search."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.generation import generate as generation
from playground.models.generation.detokenize import decoded
from playground.models.generation.stopping import acquire_or_stop
from playground.models.messages import Candidate
from playground.models.prompt import answer_start

if TYPE_CHECKING:
    from playground.models.base import LocalChat
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.prefix_cache import PrefixCache
    from playground.models.messages import Message


def candidates(
    chat: LocalChat,
    messages: Sequence[Message],
    *,
    count: int,
    max_new_tokens: int,
    stop: threading.Event,
    conversation: PrefixCache | None,
    seen: ImageFeatureCache | None,
) -> tuple[Candidate, ...]:
    """What `ChatModel.candidates` returns."""
    inputs = chat.prepare(messages)
    with acquire_or_stop(chat.lock, stop) as mine:
        found = mine and generation.once(
            chat.model,
            inputs,
            stop=(stop,),
            spent=generation.GenerationTimings(),
            conversation=conversation,
            seen=seen,
            max_new_tokens=chat.room(inputs, max_new_tokens),
            do_sample=False,
            num_beams=max(2, count),
            num_return_sequences=count,
            length_penalty=0.0,
            repetition_penalty=1.0,
            **chat.stopping,
            return_dict_in_generate=True,
            output_scores=True,
        )
    if not found or stop.is_set():
        return ()
    answers = found.sequences[:, answer_start(chat.model, inputs) :]
    texts = [decoded(chat.processor.tokenizer, ids).strip() for ids in answers.tolist()]
    probabilities: dict[str, float] = {}
    for text, score in zip(texts, found.sequences_scores.tolist(), strict=True):
        probabilities[text] = probabilities.get(text, 0.0) + math.exp(score)
    ranked = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
    return tuple(Candidate(text, probability) for text, probability in ranked)
