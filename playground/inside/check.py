"""Is this map true to the model? Insertion, deletion and random weights for one map: no mask is needed.

The measures are those of `playground.inside.faithfulness` and `playground.inside.sanity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.inside.faithfulness import Curves, curves
from playground.inside.sanity import forgotten_map, randomised, rank_correlation
from playground.inside.score import baseline

if TYPE_CHECKING:
    from playground.inside.trace import Trace
    from playground.models.chat import ChatModel


@dataclass(frozen=True, eq=False)
class Check:
    """What was found for one map.

    own: its curves. chance: those of pixels in random order. unchanged: the rank correlation of the map with that of
    the same model with random weights, best near 0; None where there is no room for a second model, or no map of it,
    and then reason says so.
    """

    own: Curves
    chance: Curves
    unchanged: float | None
    reason: str = ""


def check(
    model: ChatModel,
    trace: Trace,
    word: int,
    method: str,
    values: np.ndarray,
    *,
    image: int = 0,
    layer: int | None = None,
    head: int | None = None,
    steps: int = 10,
) -> Check:
    """Check a method's map (height, width) of one word of a trace against what the model does.

    image, layer, head: what the map was drawn for. The model runs 4 · (steps - 1) + 3 times, and a copy of it with
    random weights once or as often as the method asks. Raises what `playground.inside.methods.explain` raises.
    """
    maps = [values, baseline("uniform", values.shape, np.random.default_rng(0))]
    own, chance = curves(model, trace, word, maps, image=image, steps=steps, batch=_batch(trace))
    if reason := _no_room(model):
        return Check(own, chance, None, reason)
    forgotten = forgotten_map(method, randomised(model), trace, word, image=image, layer=layer, head=head)
    if forgotten.max() <= 0:
        return Check(own, chance, None, "With random weights the method finds nothing at all, as it should.")
    return Check(own, chance, rank_correlation(values, forgotten))


def _batch(trace: Trace) -> int:
    """How many pictures are computed together: a large prompt fills a machine by itself."""
    return 16 if trace.attention.shape[-1] <= 256 else 1


def _no_room(model: ChatModel) -> str:
    from playground.checkpoints.device import free_memory

    needed = sum(weight.nbytes for weight in model.model.parameters())
    if needed * 1.5 < free_memory():
        return ""
    return "There is no room in memory for a second copy of this model, so its random twin was not asked."
