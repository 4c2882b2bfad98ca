"""What every method for maps is described by, and how it says that it cannot draw one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class CannotExplain(ValueError):
    """There is no map from this method of this model; the message says why."""


@dataclass(frozen=True)
class Method:
    """A way to draw a map.

    name: for programs; also the name of its file here. label: for people. paper: where it comes from.
    needs: "trace" where it reads the trace again (milliseconds), "run" where the model runs again.
    controls: which of "layer" and "head" change its map.
    """

    name: str
    label: str
    paper: str
    needs: Literal["trace", "run"]
    controls: tuple[str, ...] = ()
