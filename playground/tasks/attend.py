"""Ask a question and see where the model looked for every word of the answer; score that against truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.messages import asked
from playground.tasks import TaskError, checked_question

if TYPE_CHECKING:
    import threading

    import numpy as np

    from playground.imaging.opening import Source
    from playground.interpret.trace import Trace
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.server.chat import AnyChatModel


@dataclass(frozen=True)
class Score:
    """How well a map points at one true thing.

    Attributes:
        mass: the share of the attention that lies inside the thing, 0 to 1.
        area: the share of the picture that the thing covers: what `mass` would be by chance.
        hit: whether the map's peak lies inside (the pointing game, Zhang et al. 2016).
    """

    mass: float
    area: float
    hit: bool


def attend(
    model: AnyChatModel,
    image: Source,
    question: str,
    *,
    max_new_tokens: int = 48,
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
) -> Trace:
    """Answer the question once and keep the attention of every token, layer and head on the picture.

    `playground.interpret.painting.attention_map` then paints any word, layer and head without another run.
    seen: the session's encoded pictures.

    Raises:
        TaskError: an empty or over-long question, or a model whose attention cannot be read (says why).
    """
    from playground.interpret.trace import trace

    wanted = checked_question(question)
    if model.attention_reason:
        raise TaskError(model.attention_reason)
    return trace(model, asked(wanted, image), max_new_tokens=max_new_tokens, stop=stop, seen=seen)


def score(values: np.ndarray, mask: np.ndarray) -> Score:
    """Score a map (H, W) against the mask (bool, same size) of the thing it should point at."""
    from playground.interpret.metrics.score import mass_inside, pointing_hit

    return Score(float(mass_inside(values, mask)), float(mask.mean()), bool(pointing_hit(values, mask)))
