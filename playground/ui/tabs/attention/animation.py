"""The animation in the Attention tab: a map goes step by step through its layers or its words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from playground.interpret.methods import METHODS
from playground.tasks.maps import AnswerMaps, ready_map, scored_noun
from playground.ui.tabs.attention.events import in_sentences, still
from playground.ui.tabs.attention.view import Settings, draw, grid, method_parts, settings, with_method

_FEW_HEADS = 100  # of so many heads the grid is drawn anew at every step of a play
_PAUSE = "❚❚ Pause"


@in_sentences("verdict")
def play(what: str, kept: AnswerMaps | None, playing: str, before: str, *values: Any) -> dict[str, Any]:
    """Begin to step through the layers or the words, or pause.

    before: the method to go back to after a play, where it has no layers and attention plays in its place.
    """
    chosen = settings(kept, values)
    back = _as_before(kept, chosen, before) if playing == "layer" else {}
    if playing == what:
        return back | still()
    if back:
        chosen = with_method(chosen, before)
    parts = back
    begun = {"playing": what, "timer": gr.Timer(active=True)}
    if what == "layer" and "layer" not in METHODS[chosen.method].controls:
        parts = method_parts(kept, "attention", chosen.layer, chosen.head)
        begun["before"] = chosen.method
    return still() | parts | begun | {f"play_{what}": gr.Button(_PAUSE)}


@in_sentences("verdict")
def step(kept: AnswerMaps | None, playing: str, before: str, *values: Any) -> dict[str, Any]:
    """One step of a play; it waits for maps that are being drawn, and ends where it has been through all."""
    if kept is None or not playing:
        return still()
    chosen = settings(kept, values)
    if ready_map(kept, chosen.view) is None:
        return {}
    if playing == "layer":
        following = (chosen.layer + 1) % (kept.trace.layers + 1)
        chosen, ended = replace(chosen, layer=following), not following
    else:
        following = (chosen.word + 1) % len(kept.trace.words)
        noun = scored_noun(kept, following, chosen.which)
        chosen, ended = replace(chosen, word=following, against=noun), following == len(kept.trace.words) - 1
    parts = draw(kept, chosen) | {playing: following, "checked": ""}
    parts |= {"against": chosen.against} if playing == "word" else {}
    if kept.trace.layers * kept.trace.heads <= _FEW_HEADS:
        parts["heads"] = grid(kept, chosen).image
    return parts | (_as_before(kept, chosen, before) | still() if ended else {})


def _as_before(kept: AnswerMaps, chosen: Settings, before: str) -> dict[str, Any]:
    """The method that was chosen before attention played its layers; nothing where it was not another one, or the
    visitor has chosen anew meanwhile."""
    if not before or chosen.method != "attention":
        return {}
    return method_parts(kept, before) | draw(kept, with_method(chosen, before)) | {"checked": ""}
