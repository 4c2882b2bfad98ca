"""Raw attention: how much each head gave to each image token in the step that produced the word.

Bahdanau, Cho and Bengio 2015, arXiv:1409.0473, were the first to draw it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.interpret.trace import attention_map

if TYPE_CHECKING:
    import numpy as np

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel | None, trace: Trace, word: int, *, image: int = 0, layer: int | None = None,
    head: int | None = None,
) -> np.ndarray:  # fmt: skip
    """The mean over the word's pieces, and over all layers and heads that are not chosen."""
    return attention_map(trace, word, layer=layer, head=head, image=image)
