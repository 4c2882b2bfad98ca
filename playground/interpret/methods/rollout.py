"""Attention rollout: attention followed down through the layers to where the information came in.

Abnar and Zuidema 2020, arXiv:2005.00928: a layer's output is half what it attends to and half what was there before,
so the layers' matrices ½ A + ½ I are multiplied. Here a prompt's image tokens are where a picture comes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.interpret.methods.propagate_relevance import back, image_tokens
from playground.interpret.methods.teacher_forcing import rerun
from playground.interpret.trace import paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(
    model: ChatModel, trace: Trace, word: int, *, image: int = 0, layer: int | None = None, head: int | None = None
) -> np.ndarray:
    """The mean over the word's pieces. layer: only up to this layer. head: this one alone in each layer, else the mean.

    Runs the model again with attention that is kept whole: layers × heads × tokens² numbers. Raises IndexError for
    a layer or head that is not there.
    """
    run = rerun(model, trace, attention=True)
    kept = slice(None) if layer is None else slice(range(len(run.attention))[layer] + 1)
    squares = _merged(run.attention[kept], head), _merged(run.cross[kept], head), _merged(run.encoder, None)
    rows = [run.rows + piece for piece in trace.words[word].pieces]
    shares = sum(back(row, *squares, keep=0.5, pass_on=0.5) for row in rows)
    return paint(shares[image_tokens(trace)].cpu().numpy(), trace, image)


def _merged(layers: Sequence[torch.Tensor], head: int | None) -> list[torch.Tensor]:
    return [(heads.mean(0) if head is None else heads[head]).float() for (heads,) in layers]
