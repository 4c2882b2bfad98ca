"""From tokens to text: a piece at a time as they arrive, and whole answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from playground.models.generation.generate import Step

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"
_NEIGHBOURS = 8


def spelled(tokenizer: PreTrainedTokenizerBase, steps: Iterable[Step]) -> Iterator[tuple[Step, str]]:
    """Pair each step with the text that it adds; joined, the texts are exactly the decoded answer.

    The last tokens are decoded anew at each step, since a token's text depends on its neighbours (spaces, bytes
    of one character). Steps wait while the text ends in an incomplete character and then come together: the
    last of them carries the character, those before it "". (Byte-fallback tokenizers decode a run of bytes that
    an incomplete character ends as broken throughout; what was complete when it came stays as it was shown.)
    """
    ids: list[int] = []
    whole: list[int] = []  # lengths of `ids` at which no character was incomplete
    waiting: list[Step] = []
    shown = ""
    for step in steps:
        if len(whole) >= 2 * _NEIGHBOURS and not waiting:  # decoding all of it each time would cost the square
            start = whole[-_NEIGHBOURS]
            ids, whole = ids[start:], [length - start for length in whole if length > start]
            shown = decoded(tokenizer, ids)
        ids.append(step.token_id)
        waiting.append(step)
        text = decoded(tokenizer, ids)
        if not text.endswith(_INCOMPLETE):
            yield from _with_text(waiting, text[len(shown) :])
            waiting, shown = [], text
            whole.append(len(ids))
    yield from _with_text(waiting, decoded(tokenizer, ids)[len(shown) :])


def token_text(tokenizer: PreTrainedTokenizerBase, token_id: int) -> str:
    """One token by itself, special ones by their name, for showing to people."""
    return tokenizer.decode([token_id], skip_special_tokens=False, clean_up_tokenization_spaces=False)


def decoded(tokenizer: PreTrainedTokenizerBase, ids: list[int]) -> str:
    """The text of generated tokens without the special ones; spaces stay as they were generated."""
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def _with_text(steps: list[Step], text: str) -> Iterator[tuple[Step, str]]:
    for place, step in enumerate(steps, start=1):
        yield step, text if place == len(steps) else ""
