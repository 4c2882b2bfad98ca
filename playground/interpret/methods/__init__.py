"""Methods: each answers, in its own way, which part of a picture a word of an answer comes from.

A method takes a trace and one of its words and gives a map: float32 (height, width) in pixels of the picture, nothing
below 0, its sum 1, or zero everywhere where it finds nothing. `playground.interpret.metrics.score` tells how far to
believe which.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from playground.interpret.methods.base import BOTH, CannotExplain, Method

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    import numpy as np

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

# A method is a file here and its name in this list, in the order in which people see them. What a method is called,
# says of itself, takes and refuses stands in its file; none of them imports torch before it draws.
_FILES = (
    "attention",
    "sinks",
    "rollout",
    "relevance",
    "patches",
    "gradcam",
    "hirescam",
    "activation",
    "occlusion",
)
METHODS: dict[str, Method] = {name: import_module(f"{__name__}.{name}").METHOD for name in _FILES}

__all__ = ["METHODS", "CannotExplain", "Method", "explain", "reason"]


def explain(
    method: str,
    model: ChatModel | None,
    trace: Trace,
    word: int,
    *,
    image: int = 0,
    layer: int | None = None,
    head: int | None = None,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    stop: threading.Event | None = None,
) -> np.ndarray:
    """Which part of a picture a word comes from: a map, float32 (height, width), ≥ 0, of sum 1 or all zero.

    method: a name in METHODS. model: may be None where the method needs the trace alone. word: index in
    `trace.words`. image: which picture. layer, head: for methods that have them among their `controls`; None is all.
    layers, heads: for methods with both controls, the only ones that count; fewer of them take less memory.
    stop: set it to end a method that runs the model, within a layer; then Stopped is raised.
    Raises CannotExplain, with what `reason` says, also where memory is short; IndexError for a word, picture, layer or
    head that is not there.
    """
    if method not in METHODS:
        raise CannotExplain(f"There is no method “{method}”; there are {', '.join(METHODS)}.")
    if model is None and METHODS[method].needs == "run":
        raise CannotExplain(f"{METHODS[method].label} runs the model again: load the model that gave this answer.")
    if model is not None and (why := reason(method, model)):
        raise CannotExplain(why)
    _check(trace, word=word, image=image, layer=layer, head=head)
    for name, several in (("layer", layers), ("head", heads)):
        if several is not None and not len(several):
            raise IndexError(f"No {name} is chosen: name at least one, or leave `{name}s` out.")
        for value in several or ():
            _check(trace, **{name: value})
    chosen = {"layer": layer, "head": head}
    options: dict[str, Any] = {name: chosen[name] for name in METHODS[method].controls}
    several = {"layers": layers, "heads": heads}
    if METHODS[method].controls == BOTH:
        options |= several
    else:
        several = {}
    if model is not None and (short := METHODS[method].too_large(model, trace, **several)):
        raise CannotExplain(short)
    explained = METHODS[method].explain
    if stop is None:
        return explained(model, trace, word, image=image, **options)
    from playground.models.generation.stopping import stopped_by

    with stopped_by(stop):
        return explained(model, trace, word, image=image, **options)


def _check(trace: Trace, **chosen: int | None) -> None:
    """Raise IndexError for what is not there, also where the method would not look at it; from the end is allowed."""
    there = {"layer": "layers", "head": "heads", "word": "words", "image": "image_sizes"}
    for name, value in chosen.items():
        if value is None:
            continue
        many = getattr(trace, there[name])
        many = many if isinstance(many, int) else len(many)
        if value not in range(-many, many):
            raise IndexError(f"There is no {name} {value} in this answer: there are {many}, counted from 0.")


def reason(method: str, model: ChatModel, trace: Trace | None = None) -> str | None:
    """None where a method can draw maps of this model, otherwise a sentence that says why not.

    trace: the answer that is asked about, where one is: some methods cannot follow a picture that was cut into tiles.
    """
    if not hasattr(model, "model"):
        return "The model runs on a server, which does not show what goes on inside it."
    if METHODS[method].needs == "trace" and model.attention_reason:
        return model.attention_reason
    if why := METHODS[method].refuses(model, trace):
        return why
    return None if trace is None else METHODS[method].too_large(model, trace)
