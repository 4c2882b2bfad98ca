"""Attention without sinks: what a word looked at more than the answer's other words did.

Some image tokens draw attention whatever is said, and nothing depends on them (Kang et al. 2025, arXiv:2503.03321).
They are told here as Zhang et al. 2025, arXiv:2502.17422, tell what a question is about: by comparing the attention to
what the model gives anyway. They divide by the attention for a question of no content; here the answer's other words
are what it is compared to, since they stand in the trace, and it is subtracted, so that columns of next to nothing do
not become the highest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.trace import paint

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel | None, trace: Trace, word: int, *, image: int = 0, layer: int | None = None,
    head: int | None = None,
) -> np.ndarray:  # fmt: skip
    """What is above the mean of the other pieces, head by head; the mean over layers and heads that are not chosen.

    The raw attention where the answer has no other piece.
    """
    own = list(trace.words[word].pieces)
    others = [piece for piece in range(len(trace.pieces)) if piece not in own]
    rows = trace.attention[:, _one(layer)][:, :, _one(head)].astype(np.float32)
    above = rows[own].mean(axis=0)
    if others:
        above = (above - rows[others].mean(axis=0)).clip(0)
    return paint(above.mean(axis=(0, 1)), trace, image)


def _one(chosen: int | None) -> slice | list[int]:
    """What picks one layer or head, or all, and leaves the axis."""
    return slice(None) if chosen is None else [chosen]
