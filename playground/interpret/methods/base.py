"""The methods for maps, what each is described by, and how one says that it cannot draw a map."""

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


BOTH = ("layer", "head")
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("attention", "Attention", "Bahdanau et al. 2015, arXiv:1409.0473", "trace", BOTH),
        Method("sinks", "Attention without sinks", "Zhang et al. 2025, arXiv:2502.17422", "trace", BOTH),
        Method("rollout", "Attention rollout", "Abnar & Zuidema 2020, arXiv:2005.00928", "run", BOTH),
        Method("relevance", "Gradient × attention", "Chefer et al. 2021, arXiv:2103.15679", "run", BOTH),
        Method("patches", "Relevance down to the patches", "Chefer et al. 2021, arXiv:2103.15679", "run"),
        Method("gradcam", "Grad-CAM", "Selvaraju et al. 2017, arXiv:1610.02391", "run"),
        Method("hirescam", "HiResCAM", "Draelos & Carin 2020, arXiv:2011.08891", "run"),
        Method("activation", "Token activation map", "Li et al. 2025, arXiv:2506.23270", "run", ("layer",)),
        Method("occlusion", "Occlusion", "Zeiler & Fergus 2014, arXiv:1311.2901", "run"),
    )
}
