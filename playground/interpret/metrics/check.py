"""Is this map true to the model? Insertion, deletion and random weights for one map: no mask is needed.

The measures are those of `playground.interpret.metrics.faithfulness` and `playground.interpret.metrics.sanity`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from playground.interpret.forward.image_dependence import BLANK, image_dependence
from playground.interpret.metrics.baselines import baseline
from playground.interpret.metrics.faithfulness import Curves, curves
from playground.interpret.metrics.sanity import forgotten_map, randomised, rank_correlation
from playground.models.generation.stopping import stopped_by

if TYPE_CHECKING:
    import threading

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

# What is drawn by chance must be as coarse as a map, so it is patches: single pixels hide everything everywhere; and
# several of them, since one draw is beaten by many random maps. Shares and margin were chosen on 13 words that name
# things; on 20 others (moji-vlm, fresh scenes of seed 8) 18 of the believed maps get "yes", and 1 of 120 random ones.
DRAWS = 8
SHARES = (0.05, 0.1, 0.3)  # of the picture that is shown or hidden: a thing covers 4 %, so it shows early
MARGIN = 0.01  # of an area: what is less may be luck


@dataclass(frozen=True, eq=False)
class Check:
    """What was found for one map.

    own: its curves. draws: those of maps of random patches. lean: how much the word leans on the picture, see
    `playground.interpret.forward.image_dependence`. unchanged: the rank correlation of the map with that of the same
    model with random weights, best near 0; None where there is no room for a second model, or no map of it, and then
    reason says so.
    """

    own: Curves
    draws: tuple[Curves, ...]
    lean: float
    unchanged: float | None
    reason: str = ""

    @property
    def chance(self) -> Curves:
        """The mean of the random maps' curves."""
        rising, falling = (np.mean([getattr(draw, name) for draw in self.draws], axis=0) for name in _KINDS)
        return Curves(rising, falling, self.own.shares)

    @property
    def better(self) -> tuple[bool, bool]:
        """Whether the area of insertion, and that of deletion, clearly beats the best of all random maps."""
        return (
            self.own.insertion_area > max(draw.insertion_area for draw in self.draws) + MARGIN,
            self.own.deletion_area < min(draw.deletion_area for draw in self.draws) - MARGIN,
        )

    @property
    def verdict(self) -> Literal["yes", "half", "no", "cannot tell"]:
        """Whether the map is true to the model; no map can be where the word hardly leans on the picture."""
        if self.lean < BLANK:
            return "cannot tell"
        return ("no", "half", "yes")[sum(self.better)]


_KINDS = ("insertion", "deletion")


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
    lean: float | None = None,
    draws: tuple[Curves, ...] | None = None,
    stop: threading.Event | None = None,
) -> Check:
    """Check a method's map (height, width) of one word of a trace against what the model does.

    image, layer, head: what the map was drawn for. lean: of the word where it is known, else the model runs twice for
    it. draws: what `by_chance` gave for this word and picture, else it is asked. The model runs 9 times, many pictures
    together, and a copy of it with random weights once or as often as the method asks. stop: set it to end that,
    within a layer; then Stopped is raised. Raises what `playground.interpret.methods.explain` raises.
    """
    with stopped_by(stop):
        (own,) = curves(model, trace, word, [values], image=image, shares=SHARES, batch=_batch(trace))
        draws = by_chance(model, trace, word, image=image) if draws is None else draws
        lean = image_dependence(model, trace)[word] if lean is None else lean
        return Check(own, draws, lean, *_unchanged(model, trace, word, method, values, image, layer, head))


def by_chance(model: ChatModel, trace: Trace, word: int, *, image: int = 0, seed: int = 0) -> tuple[Curves, ...]:
    """The curves of `DRAWS` maps of random patches for one word, whatever the method: the model runs 51 times."""
    width, height = trace.image_sizes[image]
    rng = np.random.default_rng(seed)
    maps = [baseline("random", (height, width), rng) for _ in range(DRAWS)]
    return tuple(curves(model, trace, word, maps, image=image, shares=SHARES, batch=_batch(trace)))


def _unchanged(
    model: ChatModel, trace: Trace, word: int, method: str, values: np.ndarray, image: int, layer: int | None,
    head: int | None,
) -> tuple[float | None, str]:  # fmt: skip
    """The rank correlation with the map of random weights, or None and the reason."""
    if reason := _no_room(model):
        return None, reason
    forgotten = forgotten_map(method, randomised(model), trace, word, image=image, layer=layer, head=head)
    if forgotten.max() <= 0:
        return None, "With random weights the method finds nothing at all, as it should."
    return rank_correlation(values, forgotten), ""


def _batch(trace: Trace) -> int:
    """How many pictures are computed together: a large prompt fills a machine by itself."""
    return 16 if trace.attention.shape[-1] <= 256 else 1


def _no_room(model: ChatModel) -> str:
    from playground.checkpoints.device import free_memory

    needed = sum(weight.nbytes for weight in model.model.parameters())
    if needed * 1.5 < free_memory():
        return ""
    return "There is no room in memory for a second copy of this model, so its random twin was not asked."
