"""Grad-CAM: the vision tower's features, weighted by how much the word's score rises with each of their channels.

Selvaraju et al. 2017, arXiv:1610.02391: the weight of a channel is the mean over all places of the gradient of the
score, and the map is what is above 0 of the weighted sum of the channels. The features are the tower's last ones, as
the language model receives them: one vector per image token in every family, whatever the tower is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.interpret.forward.propagate_relevance import image_tokens
from playground.interpret.forward.teacher_forcing import teacher_forced_forward
from playground.interpret.methods.base import Method
from playground.interpret.painting import paint

if TYPE_CHECKING:
    import numpy as np
    import torch

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(model: ChatModel, trace: Trace, word: int, *, image: int = 0) -> np.ndarray:
    """The map of the sum of the logits of the word's pieces. Runs the model again and back."""
    features, slopes = features_and_slopes(model, trace, word)
    return paint((features @ slopes.mean(0)).clamp(min=0).cpu().numpy(), trace, image)


def features_and_slopes(model: ChatModel, trace: Trace, word: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The tower's features at each image token, and the gradient of the word's logit by them: (image tokens, size)."""
    import torch

    run = teacher_forced_forward(model, trace, features=True, gradients=True)
    score = sum(run.logits[piece, trace.pieces[piece].token_id] for piece in trace.words[word].pieces)
    (gradient,) = torch.autograd.grad(score, run.features)
    places = image_tokens(trace)
    return run.features.detach()[0, places].float(), gradient[0, places].float()


METHOD = Method(
    name="gradcam",
    label="Grad-CAM",
    paper="Selvaraju et al. 2017, arXiv:1610.02391",
    about="features of the picture that raise the word’s score, weighed by their mean slope.",
    explain=explain,
    needs="run",
    keeps=("gradients",),
)
