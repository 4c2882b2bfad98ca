"""What a method for maps is described by, and how one says that it cannot draw a map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from playground.interpret.forward import cost

if TYPE_CHECKING:
    import numpy as np

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

BOTH = ("layer", "head")


class CannotExplain(ValueError):
    """There is no map from this method of this model; the message says why."""


def any_model(model: ChatModel, trace: Trace | None) -> None:
    """No reason against any model: what a method has whose maps ask for nothing special."""


@dataclass(frozen=True)
class Method:
    """A way to draw a map. Its file defines one as `METHOD`, and one line of `playground.interpret.methods` lists it.

    Attributes:
        name: for the API and the command line.
        label: for people.
        paper: where it comes from.
        about: what its maps show, in a line that begins with a small letter.
        explain: draws the map of a word: (model, trace, word, image=…, and its controls) to float32 (height, width).
        needs: "trace" where it reads the trace again (milliseconds), "run" where the model runs again.
        controls: which of "layer" and "head" change its map. With both it also takes `layers=` and `heads=`.
        keeps: what it holds in memory at a time, see `playground.interpret.forward.cost`.
        slow: whether the model runs a hundred times and more for a map.
        refuses: (model, trace or None) to why it draws no maps of this model or answer, None where it does.
    """

    name: str
    label: str
    paper: str
    about: str
    explain: Callable[..., np.ndarray]
    needs: Literal["trace", "run"]
    controls: tuple[str, ...] = ()
    keeps: cost.Keeps = ()
    slow: bool = False
    refuses: Callable[[Any, Any], str | None] = any_model

    def too_large(
        self,
        model: ChatModel,
        trace: Trace,
        *,
        layers: Sequence[int] | None = None,
        heads: Sequence[int] | None = None,
    ) -> str | None:
        """None where there is memory for a map of this answer, otherwise a sentence that says what would fit."""
        several = self.controls == BOTH
        return cost.refusal(self.label, self.keeps, model, trace, layers=layers, heads=heads, several=several)
