"""Attention rollout: attention followed down through the layers to where the information came in.

Abnar and Zuidema 2020, arXiv:2005.00928: a layer's output is half what it attends to and half what was there before,
so the layers' matrices ½ A + ½ I are multiplied. Here a prompt's image tokens are where a picture comes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.interpret.forward.propagate_relevance import image_tokens, not_followed, propagate_relevance
from playground.interpret.forward.teacher_forcing import teacher_forced_forward
from playground.interpret.methods.base import BOTH, Method
from playground.interpret.painting import paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel, trace: Trace, word: int, *, image: int = 0, layer: int | None = None, head: int | None = None,
    layers: Sequence[int] | None = None, heads: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """The mean over the word's pieces. layer: only up to this layer. head: this one alone in each layer, else the mean.

    layers, heads: only these count; the other layers pass on what stood below them. Runs the model again, see
    `playground.interpret.forward.streamed`; where its attention function cannot be exchanged (BLIP, Florence-2) with
    attention that is kept whole: layers × heads × tokens² numbers. Raises IndexError for a layer or head that is not
    there.
    """
    from playground.interpret.forward.streamed import chosen, rolled_out  # brings torch, which the page does without
    from playground.models.attention import is_plugged_in

    if is_plugged_in(model.model):
        pieces = trace.words[word].pieces
        shares = rolled_out(model, trace, pieces, chosen(trace, layer=layer, head=head, layers=layers, heads=heads))
        return paint(shares[image_tokens(trace)].cpu().numpy(), trace, image)
    run = teacher_forced_forward(model, trace, attention=True)
    counted = chosen(trace, layer=layer, head=head, layers=layers, heads=heads)
    kept = [place for place in range(len(run.attention)) if counted.layer(place)]
    groups = ([group[place] for place in kept if place < len(group)] for group in (run.attention, run.cross))
    squares = *(_merged(group, counted.heads) for group in groups), _merged(run.encoder, None)
    rows = [run.rows + piece for piece in trace.words[word].pieces]
    shares = sum(propagate_relevance(row, *squares, keep=0.5, pass_on=0.5) for row in rows)
    return paint(shares[image_tokens(trace)].cpu().numpy(), trace, image)


def _merged(layers: Sequence[torch.Tensor], heads: Sequence[int] | None) -> list[torch.Tensor]:
    return [(square.mean(0) if heads is None else square[list(heads)].mean(0)).float() for (square,) in layers]


METHOD = Method(
    name="rollout",
    label="Attention rollout",
    paper="Abnar & Zuidema 2020, arXiv:2005.00928",
    about="attention multiplied through all layers, from the word down to the picture.",
    explain=explain,
    needs="run",
    controls=BOTH,
    keeps=("squares",),
    refuses=not_followed,
)
