"""Token activation map (TAM): how strongly each image token already says the word, less what other words explain.

Li et al. 2025, arXiv:2506.23270. The last hidden state of an image token, through the output head's row of a word,
is its activation for that word. A word's activations also carry those of the words before it, which the estimated
causal inference takes away: the words before are weighted by how strongly *they* say the word, their maps are added,
and as much of the sum as fits best (least squares) is subtracted. A rank Gaussian filter then removes lone peaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.forward.logit_lens import apart, normalised
from playground.interpret.forward.propagate_relevance import image_tokens
from playground.interpret.forward.teacher_forcing import teacher_forced_forward
from playground.interpret.methods.base import Method
from playground.interpret.painting import paint

if TYPE_CHECKING:
    import torch

    from playground.interpret.forward.teacher_forcing import ForcedRun
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(model: ChatModel, trace: Trace, word: int, *, image: int = 0, layer: int | None = None) -> np.ndarray:
    """The mean over the word's pieces, each after its own subtraction. Only the wanted rows of the head are used.

    layer: after which layer the image tokens are read; None after the last one, as in the paper. In a small model
    the early layers say more: its last ones have nothing to predict at an image token. Raises IndexError for a
    layer that is not there.
    """
    run = teacher_forced_forward(model, trace, hidden=True)
    states = normalised(model.model, run, len(run.hidden) - 1 if layer is None else 1 + range(trace.layers)[layer])
    special = set(model.processor.tokenizer.all_special_ids)
    each = [_cleaned(model, trace, run, states, piece, special) for piece in trace.words[word].pieces]
    cleaned = np.mean(each, axis=0)
    filtered, start = [], 0
    for layout in trace.layouts:
        end = start + len(layout.tokens)
        filtered.append(rank_gaussian(cleaned[start:end].reshape(layout.grid)).ravel())
        start = end
    return paint(np.concatenate(filtered).astype(np.float32), trace, image)


def _cleaned(
    model: ChatModel, trace: Trace, run: ForcedRun, states: torch.Tensor, piece: int, special: set[int]
) -> np.ndarray:
    """The activations of the image tokens for one piece, less what the words before it explain: (image tokens,)."""
    wanted = trace.pieces[piece].token_id
    places = image_tokens(trace)
    shown = {*places, *(place for place, token in enumerate(run.tokens) if token == run.tokens[places[0]])}
    before = [
        place
        for place, token in enumerate(run.tokens[: run.rows + piece + 1])
        if place not in shown and token != wanted and token not in special
    ]
    said = [run.tokens[place] for place in before]
    head = model.model.get_output_embeddings()
    rows = head.weight[[wanted, *said]].float()
    values = (states[[*places, *before]].float() @ rows.T).clamp(min=0).detach().cpu().numpy()
    own, maps, weights = values[: len(places), 0], values[: len(places), 1:], values[len(places) :, 0]
    if not weights.sum():
        return own
    interference = maps @ (weights / weights.sum())
    scale = own @ interference / max(interference @ interference, 1e-12)
    return (own - scale * interference).clip(0)


def rank_gaussian(grid: np.ndarray, size: int = 3) -> np.ndarray:
    """Smooth a grid: the values of each window in order of rank, weighted by a Gaussian around the median.

    Its width is the window's deviation over its mean: where the values agree it takes the median, and where they
    differ more of them. A grid of one row or column stays as it is.
    """
    if min(grid.shape) < 2:
        return grid
    padded = np.pad(grid.astype(np.float64), size // 2, mode="reflect")
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, (size, size)).reshape(*grid.shape, -1))
    mean = windows.mean(-1, keepdims=True)
    width = np.divide(windows.std(-1, keepdims=True), mean, out=np.full_like(mean, 1e-3), where=mean > 0).clip(1e-3)
    ranks = np.arange(size**2) - size**2 // 2
    weights = np.exp(-np.square(ranks) / (2 * np.square(width)))
    return (windows * weights).sum(-1) / weights.sum(-1)


METHOD = Method(
    name="activation",
    label="Token activation map",
    paper="Li et al. 2025, arXiv:2506.23270",
    about="how strongly each place already says the word, less what other words explain.",
    explain=explain,
    needs="run",
    controls=("layer",),
    keeps=("hidden",),
    refuses=lambda model, trace: apart(model),
)
