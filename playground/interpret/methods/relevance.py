"""Gradient × attention: attention counts as far as the word's score depends on it.

Chefer, Gur and Wolf 2021, arXiv:2103.15679: in each layer Ā = mean over heads of (∇A ⊙ A)⁺, with the gradient of the
word's logit, and relevance flows by R ← R + Ā R (their equations 5 and 6), which is the product of all 1 + Ā. Where a
decoder looks at the picture by cross-attention, words and picture are read as one sequence and the same rule holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.interpret.forward.propagate_relevance import image_tokens, not_followed, propagate_relevance
from playground.interpret.forward.teacher_forcing import teacher_forced_forward
from playground.interpret.methods.base import BOTH, Method
from playground.interpret.painting import paint

if TYPE_CHECKING:
    import torch

    from playground.interpret.forward.streamed import Chosen
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel, trace: Trace, word: int, *, image: int = 0, layer: int | None = None, head: int | None = None,
    layers: Sequence[int] | None = None, heads: Sequence[int] | None = None,
) -> np.ndarray:  # fmt: skip
    """The sum over the word's pieces. layer: only up to this layer. head: this one alone in each layer, else the mean.

    layers, heads: only these count; fewer layers, counted from the last one, take less memory. Runs the model again
    and back, see `playground.interpret.forward.streamed`; where its attention function cannot be exchanged (BLIP,
    Florence-2) with attention that is kept whole: some four times layers × heads × tokens² numbers. Raises IndexError
    for a layer or head that is not there.
    """
    own = relevances(model, trace, word, layer=layer, head=head, layers=layers, heads=heads)
    return paint(own, trace, image)


def relevances(model: ChatModel, trace: Trace, word: int, **which: Any) -> np.ndarray:
    """How relevant each image token is to the word: float32 (image tokens,), ≥ 0. What it takes is as in `explain`."""
    return all_relevances(model, trace, [word], **which)[0]


def all_relevances(model: ChatModel, trace: Trace, words: Sequence[int], **which: Any) -> list[np.ndarray]:
    """The same for several words, in their order: the model runs forward once, and back for each of their pieces."""
    from playground.interpret.forward.streamed import chosen, relevant  # brings torch, which the page does without
    from playground.models.attention import is_plugged_in

    pieces = sorted({piece for word in words for piece in trace.words[word].pieces})
    followed = relevant if is_plugged_in(model.model) else _by_squares
    tokens, found = image_tokens(trace), followed(model, trace, pieces, chosen(trace, **which))
    each = {piece: shares[tokens].cpu().numpy() for piece, shares in found.items()}
    return [np.sum([each[piece] for piece in trace.words[word].pieces], axis=0) for word in words]


def _by_squares(model: ChatModel, trace: Trace, pieces: Sequence[int], counted: Chosen) -> dict[int, torch.Tensor]:
    """As `relevant`, with attention and its gradient kept whole."""
    import torch

    from playground.models.generation.stopping import check_stop

    run = teacher_forced_forward(model, trace, attention=True, gradients=True)
    kept = [place for place in range(len(run.attention)) if counted.layer(place)]
    groups = (
        *([group[place] for place in kept if place < len(group)] for group in (run.attention, run.cross)),
        run.encoder,
    )
    squares = [square for group in groups for square in group]
    found = {}
    for piece in pieces:
        check_stop()
        score = run.logits[piece, trace.pieces[piece].token_id]
        gradients = iter(torch.autograd.grad(score, squares, retain_graph=piece != pieces[-1]))
        flows = [[_flow(square, next(gradients), counted.heads) for square in group] for group in groups]
        found[piece] = propagate_relevance(run.rows + piece, *flows, keep=1, pass_on=1)
    return found


def _flow(square: torch.Tensor, gradient: torch.Tensor, heads: Sequence[int] | None) -> torch.Tensor:
    positive = (square.detach().float() * gradient.float())[0].clamp(min=0)
    return positive.mean(0) if heads is None else positive[list(heads)].mean(0)


METHOD = Method(
    name="relevance",
    label="Gradient × attention",
    paper="Chefer et al. 2021, arXiv:2103.15679",
    about="attention, as far as the word’s score depends on it.",
    explain=explain,
    needs="run",
    controls=BOTH,
    keeps=("gradients", "squares"),
    refuses=not_followed,
)
