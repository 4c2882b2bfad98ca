"""From one token of an answer back through the layers of attention to the picture's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def propagate_relevance(
    row: int,
    attention: Sequence[torch.Tensor],
    cross: Sequence[torch.Tensor] = (),
    encoder: Sequence[torch.Tensor] = (),
    *,
    keep: float,
    pass_on: float,
) -> torch.Tensor:
    """How much of what stands at `row` came from each token: from the prompt's, or with `cross` from the encoder's.

    attention, cross, encoder: one (tokens, tokens seen) per layer, heads already merged, the first layer first.
    Every layer makes keep · identity + pass_on · attention of what stands below it. One row of the product of all of
    them is wanted, so it is multiplied from the last layer down: a vector times a matrix each.
    """
    words = attention[0].new_zeros(len(attention[0]))
    words[row] = 1
    seen = cross[0].new_zeros(cross[0].shape[-1]) if cross else None
    for place in reversed(range(len(attention))):
        if cross:  # a layer looks at its own words first and then at the picture
            seen, words = seen + pass_on * words @ cross[place], keep * words
        words = keep * words + pass_on * words @ attention[place]
    if seen is None:
        return words
    for layer in reversed(encoder):
        seen = keep * seen + pass_on * seen @ layer
    return seen


def image_tokens(trace: Trace) -> list[int]:
    """The positions of all image tokens, the layouts one after the other."""
    return [token for layout in trace.layouts for token in layout.tokens]


def not_followed(model: ChatModel, trace: Trace | None = None) -> str | None:
    """None where every layer of the language model attends; else a sentence, as for those of Qwen3.5 that keep a
    running state in place of attention. trace: counts nothing."""
    kinds = getattr(model.model.config.get_text_config(decoder=True), "layer_types", None) or ()
    if all(kind.endswith("_attention") and kind != "linear_attention" for kind in kinds):
        return None
    return "Some of its layers work without attention, so it cannot be followed down through them."
