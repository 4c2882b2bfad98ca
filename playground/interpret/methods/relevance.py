"""Gradient × attention: attention counts as far as the word's score depends on it.

Chefer, Gur and Wolf 2021, arXiv:2103.15679: in each layer Ā = mean over heads of (∇A ⊙ A)⁺, with the gradient of the
word's logit, and relevance flows by R ← R + Ā R (their equations 5 and 6), which is the product of all 1 + Ā. Where a
decoder looks at the picture by cross-attention, words and picture are read as one sequence and the same rule holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.methods.propagate_relevance import back, image_tokens
from playground.interpret.methods.teacher_forcing import rerun
from playground.interpret.trace import paint

if TYPE_CHECKING:
    import torch

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel, trace: Trace, word: int, *, image: int = 0, layer: int | None = None, head: int | None = None
) -> np.ndarray:
    """The sum over the word's pieces. layer: only up to this layer. head: this one alone in each layer, else the mean.

    Runs the model again and back, with attention that is kept whole: twice layers × heads × tokens² numbers. Raises
    IndexError for a layer or head that is not there.
    """
    return paint(relevances(model, trace, word, layer=layer, head=head), trace, image)


def relevances(
    model: ChatModel, trace: Trace, word: int, *, layer: int | None = None, head: int | None = None
) -> np.ndarray:
    """How relevant each image token is to the word: float32 (image tokens,), ≥ 0. What it takes is as in `explain`."""
    return all_relevances(model, trace, [word], layer=layer, head=head)[0]


def all_relevances(
    model: ChatModel, trace: Trace, words: Sequence[int], *, layer: int | None = None, head: int | None = None
) -> list[np.ndarray]:
    """The same for several words, in their order: the model runs forward once, and back for each of their pieces."""
    import torch

    run = rerun(model, trace, attention=True, gradients=True)
    kept = slice(None) if layer is None else slice(range(len(run.attention))[layer] + 1)
    groups = run.attention[kept], run.cross[kept], run.encoder
    layers = [square for group in groups for square in group]
    tokens = image_tokens(trace)
    found = {}
    for piece in sorted({piece for word in words for piece in trace.words[word].pieces}):
        score = run.logits[piece, trace.pieces[piece].token_id]
        gradients = iter(torch.autograd.grad(score, layers, retain_graph=True))
        flows = [[_flow(square, next(gradients), head) for square in group] for group in groups]
        found[piece] = back(run.rows + piece, *flows, keep=1, pass_on=1)[tokens].cpu().numpy()
    return [np.sum([found[piece] for piece in trace.words[word].pieces], axis=0) for word in words]


def _flow(square: torch.Tensor, gradient: torch.Tensor, head: int | None) -> torch.Tensor:
    positive = (square.detach().float() * gradient.float())[0].clamp(min=0)
    return positive.mean(0) if head is None else positive[head]
