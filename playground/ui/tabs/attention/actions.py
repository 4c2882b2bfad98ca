"""What happens in the Attention tab when somebody asks, clicks or moves something.

Each function gives values by the names of the tab's parts; parts that are not named stay as they are. None raises:
what goes wrong is said in a sentence where the eye is.
"""

from __future__ import annotations

import inspect
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.imaging.opening import open_picture
from playground.interpret.methods import METHODS
from playground.models.generation.stopping import Stopped
from playground.models.messages import Message
from playground.tasks import TaskError, checked_question
from playground.tasks.attend import attend
from playground.tasks.chat import readable
from playground.tasks.maps import (
    QUICK,
    Looked,
    View,
    believed,
    drawn_map,
    has_view,
    looked_into,
    read_lens,
    ready_map,
    scored_noun,
    telling_word,
    with_leans,
)
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.background import awaited
from playground.ui.components.fields import Why
from playground.ui.components.picture_input import chosen_picture
from playground.ui.gradio_patches import get_upload_folder
from playground.ui.loaded import chat_model, title
from playground.ui.session import session_of
from playground.ui.tabs.attention import figures as attention_figures
from playground.ui.tabs.attention.picture import slug
from playground.ui.tabs.attention.view import Settings, answer_parts, draw, grid, method_parts, place_at, settings

if TYPE_CHECKING:
    from playground.interpret.metrics.check import Check
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

OPACITY = 0.75
_FEW_HEADS = 100  # of so many heads the grid is drawn anew at every step of a play
_PLAY = {"layer": "▶ Play layers", "word": "▶ Play words"}
_PAUSE = "❚❚ Pause"
_STOPPABLE = ("stop", "halt")  # the button beside the question, and the one beside the map
_STOPPED = "Stopped. What was drawn before stays; choose a word or a method to draw another map."


def _told(part: str) -> Callable[[Callable], Callable]:
    """Turn what an action raises into a sentence in the part of this name."""

    def around(act: Callable) -> Callable:
        def sentence(error: Exception) -> dict[str, Any]:
            return {part: snippets.trouble(troubles.sentence(error))}

        @wraps(act)
        def once(*arguments: Any) -> dict[str, Any]:
            try:
                return act(*arguments)
            except Exception as error:
                return sentence(error)

        @wraps(act)
        def steps(*arguments: Any) -> Iterator[dict[str, Any]]:
            try:
                yield from act(*arguments)
            except Exception as error:
                yield sentence(error)

        return steps if inspect.isgeneratorfunction(act) else once

    return around


def _stoppable(act: Callable[..., Iterator[dict[str, Any]]]) -> Callable[..., Iterator[dict[str, Any]]]:
    """While this action runs a model, the buttons that stop it are on."""

    @wraps(act)
    def steps(*arguments: Any) -> Iterator[dict[str, Any]]:
        yield _stops(on=True)
        yield from act(*arguments)
        yield _stops(on=False)

    return steps


def _stops(on: bool) -> dict[str, Any]:
    return {name: gr.Button(interactive=on) for name in _STOPPABLE}


def stopped() -> dict[str, Any]:
    """Stop was pressed: Gradio ends what runs; the buttons are off, and nothing plays."""
    return {**_stops(on=False), **_still(), "verdict": snippets.notes([_STOPPED])}


@_stoppable
@_told("note")
def ask(
    path: str | None, question: str, name: str, opacity: float = OPACITY, request: gr.Request = None
) -> Iterator[dict[str, Any]]:
    """Answer a question, and show how much each word leans on the picture and the map of the most telling one."""
    picture, asked = chosen_picture(path), checked_question(question)
    model = chat_model(name)
    told = {"seen": session_of(request).seen}
    trace = yield from awaited(lambda stop: attend(model, picture.image, asked, stop=stop, **told), {})
    yield from _looking(trace, model, opacity, picture.notes)


@_stoppable
@_told("note")
def look_into(why: Why | None, opacity: float = OPACITY, request: gr.Request = None) -> Iterator[dict[str, Any]]:
    """Show the map of an answer that another tab asks about: that very answer, however it was chosen."""
    from playground.interpret.trace import trace_answer

    if why is None:
        return
    shown = [path for turn in why.turns for path in turn.images]
    asked = next((turn.text for turn in reversed(why.turns) if turn.role == "user"), "")
    yield {"picture": shown[-1] if shown else None, "question": asked, "note": snippets.notes(["Looking …"])}
    model = chat_model(why.model)
    if model.attention_reason:
        raise TaskError(f"{title(why.model)} shows no attention maps. {model.attention_reason}")
    heard, dropped = readable(why.turns, model)
    opened = {path: open_picture(path).image for turn in heard for path in turn.images}
    talk = [Message(turn.role, turn.text, tuple(opened[path] for path in turn.images)) for turn in heard]
    told = {"seen": session_of(request).seen}
    trace = yield from awaited(lambda stop: trace_answer(model, talk, why.answer, stop=stop, **told), {})
    yield from _looking(trace, model, opacity, dropped)


@_told("note")
def open_file(path: str | None, opacity: float = OPACITY) -> Iterator[dict[str, Any]]:
    """Show a trace that was saved: its words, pictures and attention; the model is not needed."""
    from playground.interpret.trace_file import load_trace

    if not path:
        return
    try:
        trace = load_trace(path)
    except ValueError as error:
        raise TaskError(str(error)) from error
    note = f"An answer that {trace.model or 'a model'} gave, from a file: maps that run the model are left out."
    for parts in _looking(trace, None, opacity, (note,)):
        yield parts | {"picture": trace.images[-1], "question": trace.question}


def _looking(trace: Trace, model: ChatModel | None, opacity: float, notes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """All parts for a fresh trace; where the model is slow, first those that need no more of it."""
    if not trace.words:
        raise TaskError("The model said nothing, so there is no word to look at. Ask something else.")
    looked = looked_into(trace, model)
    small = snippets.small_print(snippets.statistics(trace.answer.statistics))
    note = {"note": snippets.notes(notes) + small}
    if model is not None and trace.answer.statistics.seconds > QUICK:
        yield _shown(looked, telling_word(looked), "attention", opacity) | note
    method = "attention"
    if model is not None:
        looked = yield from awaited(lambda stop: _leant(looked, model, stop), {})
        method = believed(looked)
    word = telling_word(looked)
    if model is not None:
        method = yield from awaited(lambda stop: _drawn(looked, model, method, word, stop), {})
    yield _shown(looked, word, method, opacity) | note


def _leant(looked: Looked, model: ChatModel, stop: threading.Event) -> Looked:
    """With the words' leaning; without where the model cannot be run over given answers."""
    try:
        return with_leans(looked, model, stop=stop)
    except Stopped:
        raise
    except Exception as error:
        troubles.sentence(error)
        return looked


def _drawn(looked: Looked, model: ChatModel, method: str, word: int, stop: threading.Event) -> str:
    """The method whose map is there now: the wanted one, or attention where it finds no way."""
    try:
        drawn_map(looked, model, View(method, word, looked.trace.layouts[-1].image), stop=stop)
        return method
    except Stopped:
        raise
    except Exception as error:
        looked.reasons[method] = troubles.sentence(error)
        return "attention"


def _shown(looked: Looked, word: int, method: str, opacity: float) -> dict[str, Any]:
    which = looked.trace.layouts[-1].image  # the newest picture is the one that is talked about
    chosen = Settings(word, method, 0, 0, opacity, scored_noun(looked, word, which), which, 0)
    lens_reason = looked.reasons["activation"]
    return {
        **answer_parts(looked, chosen),
        **draw(looked, chosen),
        **_still(),
        "heads": grid(looked, chosen).image,
        "read": gr.Button(interactive=lens_reason is None),
        "check": gr.Button(visible=bool(looked.model)),
        "save": gr.Button(interactive=True),
    }


@_told("verdict")
def redraw(kept: Looked | None, *values: Any) -> dict[str, Any]:
    """The same map after a slider moved, or against another thing."""
    return draw(kept, settings(kept, values))


@_told("verdict")
def another_map(kept: Looked | None, *values: Any) -> dict[str, Any]:
    """Another layer or head."""
    return draw(kept, settings(kept, values)) | {"checked": ""}


@_told("verdict")
def another_word(kept: Looked | None, *values: Any) -> dict[str, Any]:
    """Another word, held against the thing that it names."""
    chosen = settings(kept, values)
    noun = scored_noun(kept, chosen.word, chosen.which)
    return draw(kept, replace(chosen, against=noun)) | {"against": noun, "checked": ""}


@_told("verdict")
def another_picture(kept: Looked | None, *values: Any) -> dict[str, Any]:
    """Another picture of the same talk: with its own true things and places."""
    chosen = replace(settings(kept, values), place=0)
    chosen = replace(chosen, against=scored_noun(kept, chosen.word, chosen.which))
    anew = {name: part for name, part in answer_parts(kept, chosen).items() if name in ("against", "place", "checked")}
    return draw(kept, chosen) | anew


@_told("verdict")
def another_method(kept: Looked | None, *values: Any) -> dict[str, Any]:
    """Another method: with the sliders that it has."""
    chosen = _with_method(settings(kept, values))
    return method_parts(kept, chosen.method, chosen.layer, chosen.head) | draw(kept, chosen) | {"checked": ""}


def _with_method(chosen: Settings, method: str | None = None) -> Settings:
    """The settings with another method, and layer and head 0 where it does not look at them."""
    method = method or chosen.method
    kept = {name: getattr(chosen, name) if name in METHODS[method].controls else 0 for name in ("layer", "head")}
    return replace(chosen, method=method, **kept)


@_told("verdict")
def show_heads(kept: Looked | None, *values: Any) -> dict[str, Any]:
    """The grid of all heads for the chosen word."""
    return {} if kept is None else {"heads": grid(kept, settings(kept, values)).image}


@_told("verdict")
def choose_head(event: gr.SelectData, kept: Looked | None, *values: Any) -> dict[str, Any]:
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


@_told("verdict")
def choose_place(event: gr.SelectData, kept: Looked | None, *values: Any) -> dict[str, Any]:
    """A click into the map: who looked at that place?"""
    chosen = settings(kept, values)
    place = place_at(kept, *event.index, chosen.which)
    return draw(kept, replace(chosen, place=place)) | {"place": place}


@_stoppable
@_told("verdict")
def run_wanted(kept: Looked | None, wanted: tuple | None, *values: Any) -> Iterator[dict[str, Any]]:
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


@_stoppable
@_told("lens")
def read_place(kept: Looked | None, *values: Any) -> Iterator[dict[str, Any]]:
    """Read the chosen place layer by layer: the model runs once, and is remembered for all places."""
    chosen = settings(kept, values)
    if not chosen.place:
        raise TaskError("No place is chosen yet. Click the map, or move the slider above.")
    model = chat_model(kept.model)
    yield from awaited(lambda stop: read_lens(kept, model, stop=stop), {})
    yield draw(kept, chosen)


@_stoppable
@_told("checked")
def check_map(kept: Looked | None, *values: Any) -> Iterator[dict[str, Any]]:
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


@_told("verdict")
def play(what: str, kept: Looked | None, playing: str, before: str, *values: Any) -> dict[str, Any]:
    """Begin to step through the layers or the words, or pause.

    before: the method to go back to after a play, where it has no layers and attention plays in its place.
    """
    chosen = settings(kept, values)
    back = _as_before(kept, chosen, before) if playing == "layer" else {}
    if playing == what:
        return back | _still()
    if back:
        chosen = _with_method(chosen, before)
    parts = back
    begun = {"playing": what, "timer": gr.Timer(active=True)}
    if what == "layer" and "layer" not in METHODS[chosen.method].controls:
        parts = method_parts(kept, "attention", chosen.layer, chosen.head)
        begun["before"] = chosen.method
    return _still() | parts | begun | {f"play_{what}": gr.Button(_PAUSE)}


@_told("verdict")
def step(kept: Looked | None, playing: str, before: str, *values: Any) -> dict[str, Any]:
    """One step of a play; it waits for maps that are being drawn, and ends where it has been through all."""
    if kept is None or not playing:
        return _still()
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
    return parts | (_as_before(kept, chosen, before) | _still() if ended else {})


def _as_before(kept: Looked, chosen: Settings, before: str) -> dict[str, Any]:
    """The method that was chosen before attention played its layers; nothing where it was not another one, or the
    visitor has chosen anew meanwhile."""
    if not before or chosen.method != "attention":
        return {}
    return method_parts(kept, before) | draw(kept, _with_method(chosen, before)) | {"checked": ""}


def _still() -> dict[str, Any]:
    """Nothing plays."""
    return {
        "playing": "",
        "before": "",
        "timer": gr.Timer(active=False),
        **{f"play_{what}": gr.Button(label) for what, label in _PLAY.items()},
    }


@_told("note")
def save_file(kept: Looked | None) -> dict[str, Any]:
    """Write the trace into a file for the visitor, where Gradio deletes it in time."""
    from playground.interpret.trace_file import save_trace

    if kept is None:
        raise TaskError("No answer is kept here; one is kept for an hour. Ask again, then save it.")
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    name = slug(kept.trace.model) or "answer"
    file = Path(tempfile.mkdtemp(dir=get_upload_folder())) / f"{name}.trace.safetensors"
    return {"saved": gr.File(str(save_trace(kept.trace, file)), visible=True)}
