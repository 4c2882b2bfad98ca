"""How likely given answers are: the model is made to say each of them, and what it thought of every token is added up.

That is the same run as any answer of its own (the cache, the positions, the picture's features, cross-attention), only
that another one chooses the tokens, so it holds for every family that can answer.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from transformers import LogitsProcessor

from playground.models.generation import generate as generation
from playground.models.generation.stopping import acquire_or_stop
from playground.models.messages import Likelihood
from playground.models.prompt import answer_start, answer_tokens

if TYPE_CHECKING:
    from playground.models.base import LocalChat
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.prefix_cache import PrefixCache
    from playground.models.messages import Message

_TOGETHER = 16  # answers that are said side by side

# Rewards and rules of a checkpoint's own settings would have a say in what is measured.
_PLAIN = {
    **dict(do_sample=True, num_beams=1, temperature=1.0, top_k=0, top_p=1.0),
    **dict(repetition_penalty=1.0, no_repeat_ngram_size=0),
    **dict(suppress_tokens=None, begin_suppress_tokens=None, bad_words_ids=None),
}


class ForcedDecodingScorer(LogitsProcessor):
    """Lets every row of a batch say its own tokens and adds up their log-probabilities.

    totals: float32 (rows,), natural logarithms; complete once the longest row is said.
    """

    def __init__(self, rows: Sequence[Sequence[int]], device: torch.device) -> None:
        longest = max(map(len, rows))
        # What follows a row's end is not counted: any token will do.
        padded = [[*row, *[row[-1]] * (longest - len(row))] for row in rows]
        self._tokens = torch.tensor(padded, device=device)
        self._counts = torch.tensor([[place < len(row) for place in range(longest)] for row in rows], device=device)
        self._place = 0
        self.totals = torch.zeros(len(rows), device=device)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        said = self._tokens[:, min(self._place, self._tokens.shape[1] - 1), None].to(scores.device)
        if self._place < self._tokens.shape[1]:
            likely = scores.float().log_softmax(-1).gather(-1, said)[:, 0].to(self.totals.device)
            self.totals += torch.where(self._counts[:, self._place], likely, 0.0)
        self._place += 1
        return torch.full_like(scores, float("-inf")).scatter(-1, said, 0.0)


def likelihoods(
    chat: LocalChat,
    messages: Sequence[Message],
    answers: Sequence[str],
    *,
    stop: threading.Event,
    conversation: PrefixCache | None,
    seen: ImageFeatureCache | None,
) -> tuple[Likelihood, ...]:
    """What `ChatModel.likelihoods` returns."""
    from playground.models.messages import PromptTooLong

    inputs = chat.prepare(messages)
    # Florence-2: each answer begins with it. Behind a prompt of its own no answer does.
    forced = chat.model.generation_config.forced_bos_token_id if answer_start(chat.model, inputs) == 1 else None
    start = [] if forced is None else [forced]
    rows = [[*start, *answer_tokens(chat.model, chat.processor, messages, answer)] for answer in answers]
    longest = max(map(len, rows), default=0)
    if chat.context_length is not None and longest > chat.context_length - answer_start(chat.model, inputs):
        raise PromptTooLong(
            f"The longest of these answers has {longest:,} tokens, and behind this question {chat.name} has room for "
            f"{max(0, chat.context_length - answer_start(chat.model, inputs)):,}. Shorten it."
        )
    found: list[float] = []
    for begin in range(0, len(rows), _TOGETHER):
        batch = rows[begin : begin + _TOGETHER]
        # Never one alone: with several the conversation is read and left as it was.
        dictation = ForcedDecodingScorer(batch if len(batch) > 1 else batch * 2, chat.device)
        with acquire_or_stop(chat.lock, stop) as mine:
            done = mine and generation.once(
                chat.model,
                inputs,
                stop=(stop,),
                spent=generation.GenerationTimings(),
                conversation=conversation,
                seen=seen,
                max_new_tokens=max(map(len, batch)),
                num_return_sequences=max(2, len(batch)),
                logits_processor=[dictation],
                forced_eos_token_id=None,
                **_PLAIN,
            )
        if done is None or done is False or stop.is_set():
            return ()
        found += dictation.totals.tolist()[: len(batch)]
    return tuple(
        Likelihood(answer, total, len(row) - len(start))
        for answer, total, row in zip(answers, found, rows, strict=True)
    )
