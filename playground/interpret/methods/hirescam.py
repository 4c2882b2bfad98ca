"""HiResCAM: Grad-CAM without the mean over places.

Draelos and Carin 2020, arXiv:2011.08891: each place's features are weighted by the gradient at that very place. Where
the classifier is no mean over places, and a language model is none, the mean of Grad-CAM can mark what was not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.interpret.methods.base import Method
from playground.interpret.methods.gradcam import features_and_slopes
from playground.interpret.painting import paint

if TYPE_CHECKING:
    import numpy as np

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


def explain(model: ChatModel, trace: Trace, word: int, *, image: int = 0) -> np.ndarray:
    """The map of the sum of the logits of the word's pieces. Runs the model again and back."""
    features, slopes = features_and_slopes(model, trace, word)
    return paint((features * slopes).sum(-1).clamp(min=0).cpu().numpy(), trace, image)


METHOD = Method(
    name="hirescam",
    label="HiResCAM",
    paper="Draelos & Carin 2020, arXiv:2011.08891",
    about="as Grad-CAM, but each place is weighed by its own slope.",
    explain=explain,
    needs="run",
    keeps=("gradients",),
)
