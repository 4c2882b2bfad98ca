"""Does a map depend on what the model learnt? The sanity check: the same map of a model with random weights.

Adebayo et al. 2018, arXiv:1810.03292: where the map of a model that knows nothing looks like the map of the trained
one, the method draws the picture or the architecture, and explains nothing.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.methods import METHODS, explain
from playground.interpret.metrics.score import levels

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def randomised(model: ChatModel, seed: int = 0) -> ChatModel:
    """A copy of a model that has forgotten everything: the numbers of each of its weights in random order.

    Every weight keeps its values, and so its mean and scale, but none stands where training put it.
    """
    import torch

    from playground.models.generation.stopping import check_stop

    rng = torch.Generator().manual_seed(seed)
    forgetful = copy.deepcopy(model.model)
    with torch.no_grad():
        for weight in forgetful.parameters():
            check_stop()
            order = torch.randperm(weight.numel(), generator=rng).to(weight.device)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return replace(model, model=forgetful, lock=threading.Lock())


def given(model: ChatModel, trace: Trace) -> Trace:
    """A trace as this model would have left it, had it given the same answer: with its own attention.

    Runs the model once over prompt and answer, with attention that is kept whole.
    """
    import torch

    from playground.interpret.forward.propagate_relevance import image_tokens
    from playground.interpret.forward.teacher_forcing import teacher_forced_forward

    run = teacher_forced_forward(model, trace, attention=True)
    squares = torch.cat(run.cross or run.attention)  # layers, heads, tokens, tokens seen
    rows = squares[:, :, run.rows : run.rows + len(trace.pieces)][..., image_tokens(trace)]
    return replace(trace, attention=rows.permute(2, 0, 1, 3).detach().float().cpu().numpy())


def forgotten_map(
    method: str, forgetful: ChatModel, trace: Trace, word: int, *, image: int = 0, layer: int | None = None,
    head: int | None = None,
) -> np.ndarray:  # fmt: skip
    """A method's map (height, width) of a word that the trained model said, drawn of the model that has forgotten.

    forgetful: what `randomised` gave. image, layer, head: as in `explain`. `rank_correlation` with the trained model's
    map is the check: best near 0.
    Raises what `explain` raises.
    """
    seen = given(forgetful, trace) if METHODS[method].needs == "trace" else trace
    return explain(method, forgetful, seen, word, image=image, layer=layer, head=head)


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation of two maps of the same size: 1 for the same order of all places, -1 for the opposite.

    Equal values share the mean of their ranks. Where one map is the same everywhere there is no order: 1 if both are,
    else 0.
    """
    from scipy.stats import spearmanr  # half a second of imports

    orders = [levels(values).ravel() for values in (one, other)]
    flat = [not order.any() for order in orders]
    return float(all(flat)) if any(flat) else float(spearmanr(*orders).statistic)
