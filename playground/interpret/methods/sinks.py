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

from playground.interpret.methods.attention import picked
from playground.interpret.methods.base import BOTH, Method
from playground.interpret.painting import paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel | None, trace: Trace, word: int, *, image: int = 0, layer: int | None = None,
    head: int | None = None, layers: Sequence[int] | None = None, heads: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """What is above the mean of the other pieces, head by head; the mean over layers and heads that are not left out.

    The raw attention where the answer has no other piece.
    """
    own = list(trace.words[word].pieces)
    others = [piece for piece in range(len(trace.pieces)) if piece not in own]
    places, counted = picked(trace, layer=layer, head=head, layers=layers, heads=heads)
    total = np.float32(0)
    for place in places:  # layer by layer: all at once would take gigabytes for a large picture
        above = trace.attention[own, place][:, counted].mean(axis=0)
        if others:
            above = (above - trace.attention[others, place][:, counted].mean(axis=0)).clip(0)
        total = total + above.mean(axis=0)
    return paint(total / len(places), trace, image)


METHOD = Method(
    name="sinks",
    label="Attention without sinks",
    paper="Zhang et al. 2025, arXiv:2502.17422",
    about="attention above what the other words of the answer gave to the same place.",
    explain=explain,
    needs="trace",
    controls=BOTH,
    keeps=("rows",),
)
