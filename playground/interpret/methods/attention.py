"""Raw attention: how much each head gave to each image token in the step that produced the word.

Bahdanau, Cho and Bengio 2015, arXiv:1409.0473, were the first to draw it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.interpret.methods.base import BOTH, Method
from playground.interpret.painting import paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel | None, trace: Trace, word: int, *, image: int = 0, layer: int | None = None,
    head: int | None = None, layers: Sequence[int] | None = None, heads: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """The mean over the word's pieces, and over all layers and heads that are not left out."""
    counted = picked(trace, layer=layer, head=head, layers=layers, heads=heads)
    shares = sum(
        trace.attention[list(trace.words[word].pieces), place].mean(axis=0)[counted[1]] for place in counted[0]
    )
    return paint(shares.mean(axis=0) / len(counted[0]), trace, image)


def picked(trace: Trace, *, layer: int | None, head: int | None, layers, heads) -> tuple[list[int], list[int]]:
    """The layers and the heads that count: the one that is chosen, several, or all."""
    of = ((layer, layers, trace.layers), (head, heads, trace.heads))
    return tuple([one] if one is not None else list(range(many) if some is None else some) for one, some, many in of)


METHOD = Method(
    name="attention",
    label="Attention",
    paper="Bahdanau et al. 2015, arXiv:1409.0473",
    about="how much attention each place got in the step that wrote the word.",
    explain=explain,
    needs="trace",
    controls=BOTH,
    keeps=("row",),
)
