"""What happens in the Attention tab when somebody clicks or moves something: another map of the same answer.

Each function gives values by the names of the tab's parts; parts that are not named stay as they are. None raises:
what goes wrong is said in a sentence where the eye is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.interpret.methods import METHODS
from playground.tasks import TaskError
from playground.tasks.maps import AnswerMaps, drawn_map, has_view, read_lens, scored_noun
from playground.ui.components.background import awaited
from playground.ui.loaded import chat_model
from playground.ui.tabs.attention import figures as attention_figures
from playground.ui.tabs.attention.events import in_sentences, stoppable
from playground.ui.tabs.attention.view import answer_parts, draw, grid, method_parts, place_at, settings, with_method

if TYPE_CHECKING:
    from playground.interpret.metrics.check import Check


@in_sentences("verdict")
def redraw(kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """The same map after a slider moved, or against another thing."""
    return draw(kept, settings(kept, values))


@in_sentences("verdict")
def another_map(kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """Another layer or head."""
    return draw(kept, settings(kept, values)) | {"checked": ""}


@in_sentences("verdict")
def another_word(kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """Another word, held against the thing that it names."""
    chosen = settings(kept, values)
    noun = scored_noun(kept, chosen.word, chosen.which)
    return draw(kept, replace(chosen, against=noun)) | {"against": noun, "checked": ""}


@in_sentences("verdict")
def another_picture(kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """Another picture of the same talk: with its own true things and places."""
    chosen = replace(settings(kept, values), place=0)
    chosen = replace(chosen, against=scored_noun(kept, chosen.word, chosen.which))
    anew = {name: part for name, part in answer_parts(kept, chosen).items() if name in ("against", "place", "checked")}
    return draw(kept, chosen) | anew


@in_sentences("verdict")
def another_method(kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """Another method: with the sliders that it has."""
    chosen = with_method(settings(kept, values))
    return method_parts(kept, chosen.method, chosen.layer, chosen.head) | draw(kept, chosen) | {"checked": ""}


@in_sentences("verdict")
def show_heads(kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """The grid of all heads for the chosen word."""
    return {} if kept is None else {"heads": grid(kept, settings(kept, values)).image}


@in_sentences("verdict")
def choose_head(event: gr.SelectData, kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """A click into the grid: that layer and head, by a method that looks at them."""
    chosen = settings(kept, values)
    cell = grid(kept, chosen).at(*event.index)
    if cell is None:
        return {}
    if len(METHODS[chosen.method].controls) < 2:
        chosen = replace(chosen, method="attention")
    chosen = replace(chosen, layer=cell[0], head=cell[1])
    anew = method_parts(kept, chosen.method, chosen.layer, chosen.head)
    return anew | draw(kept, chosen) | {"heads": grid(kept, chosen).image, "checked": ""}


@in_sentences("verdict")
def choose_place(event: gr.SelectData, kept: AnswerMaps | None, *values: Any) -> dict[str, Any]:
    """A click into the map: who looked at that place?"""
    chosen = settings(kept, values)
    place = place_at(kept, *event.index, chosen.which)
    return draw(kept, replace(chosen, place=place)) | {"place": place}


@stoppable
@in_sentences("verdict")
def run_wanted(kept: AnswerMaps | None, wanted: tuple | None, *values: Any) -> Iterator[dict[str, Any]]:
    """Draw a map that takes a run of the model, and show what is set now."""
    if kept is None or wanted is None:
        return
    chosen = settings(kept, values)
    if not has_view(kept, wanted[0]):  # it belongs to the answer before this one, which shows its own
        return
    if not kept.model:
        raise TaskError("This answer came from a file, and this method runs its model. Choose another method.")
    model = chat_model(kept.model)
    yield from awaited(lambda stop: drawn_map(kept, model, wanted[0], stop=stop), {})
    yield draw(kept, chosen)


@stoppable
@in_sentences("lens")
def read_place(kept: AnswerMaps | None, *values: Any) -> Iterator[dict[str, Any]]:
    """Read the chosen place layer by layer: the model runs once, and is remembered for all places."""
    chosen = settings(kept, values)
    if not chosen.place:
        raise TaskError("No place is chosen yet. Click the map, or move the slider above.")
    model = chat_model(kept.model)
    yield from awaited(lambda stop: read_lens(kept, model, stop=stop), {})
    yield draw(kept, chosen)


@stoppable
@in_sentences("checked")
def check_map(kept: AnswerMaps | None, *values: Any) -> Iterator[dict[str, Any]]:
    """Is this map true to the model? Insertion, deletion, and the same map of random weights."""
    from playground.interpret.metrics.check import check

    chosen = settings(kept, values)
    model, view = chat_model(kept.model), chosen.view
    place = {"image": view.image, "layer": view.layer, "head": view.head, "lean": kept.lean(view.word)}

    def checked(stop: threading.Event) -> Check:
        values = drawn_map(kept, model, view, stop=stop)
        return check(model, kept.trace, view.word, view.method, values, stop=stop, **place)

    found = yield from awaited(checked, {})
    yield {"checked": attention_figures.checked(found, kept.trace.words[view.word].text)}
