"""A new answer in the Attention tab: asked for, handed over by another tab, opened from a file; and saved into one."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from playground.imaging.opening import open_picture
from playground.models.generation.stopping import Stopped
from playground.models.messages import Message
from playground.tasks import TaskError, checked_question
from playground.tasks.attend import attend
from playground.tasks.chat import readable
from playground.tasks.maps import (
    QUICK,
    AnswerMaps,
    View,
    answer_maps,
    believed,
    drawn_map,
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
from playground.ui.tabs.attention.events import in_sentences, still, stoppable
from playground.ui.tabs.attention.picture import slug
from playground.ui.tabs.attention.view import Settings, answer_parts, draw, grid

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

OPACITY = 0.75


@stoppable
@in_sentences("note")
def ask(
    path: str | None, question: str, name: str, opacity: float = OPACITY, request: gr.Request = None
) -> Iterator[dict[str, Any]]:
    """Answer a question, and show how much each word leans on the picture and the map of the most telling one."""
    picture, asked = chosen_picture(path), checked_question(question)
    model = chat_model(name)
    options = {"seen": session_of(request).seen}
    trace = yield from awaited(lambda stop: attend(model, picture.image, asked, stop=stop, **options), {})
    yield from _looking(trace, model, opacity, picture.notes)


@stoppable
@in_sentences("note")
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
    options = {"seen": session_of(request).seen}
    trace = yield from awaited(lambda stop: trace_answer(model, talk, why.answer, stop=stop, **options), {})
    yield from _looking(trace, model, opacity, dropped)


@in_sentences("note")
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
    maps = answer_maps(trace, model)
    small = snippets.small_print(snippets.statistics(trace.answer.statistics))
    note = {"note": snippets.notes(notes) + small}
    if model is not None and trace.answer.statistics.seconds > QUICK:
        yield _shown(maps, telling_word(maps), "attention", opacity) | note
    method = "attention"
    if model is not None:
        maps = yield from awaited(lambda stop: _leant(maps, model, stop), {})
        method = believed(maps)
    word = telling_word(maps)
    if model is not None:
        method = yield from awaited(lambda stop: _drawn(maps, model, method, word, stop), {})
    yield _shown(maps, word, method, opacity) | note


def _leant(maps: AnswerMaps, model: ChatModel, stop: threading.Event) -> AnswerMaps:
    """With the words' leaning; without where the model cannot be run over given answers."""
    try:
        return with_leans(maps, model, stop=stop)
    except Stopped:
        raise
    except Exception as error:
        troubles.sentence(error)
        return maps


def _drawn(maps: AnswerMaps, model: ChatModel, method: str, word: int, stop: threading.Event) -> str:
    """The method whose map is there now: the wanted one, or attention where it finds no way."""
    try:
        drawn_map(maps, model, View(method, word, maps.trace.layouts[-1].image), stop=stop)
        return method
    except Stopped:
        raise
    except Exception as error:
        maps.reasons[method] = troubles.sentence(error)
        return "attention"


def _shown(maps: AnswerMaps, word: int, method: str, opacity: float) -> dict[str, Any]:
    which = maps.trace.layouts[-1].image  # the newest picture is the one that is talked about
    chosen = Settings(word, method, 0, 0, opacity, scored_noun(maps, word, which), which, 0)
    lens_reason = maps.reasons["activation"]
    return {
        **answer_parts(maps, chosen),
        **draw(maps, chosen),
        **still(),
        "heads": grid(maps, chosen).image,
        "read": gr.Button(interactive=lens_reason is None),
        "check": gr.Button(visible=bool(maps.model)),
        "save": gr.Button(interactive=True),
    }


@in_sentences("note")
def save_file(kept: AnswerMaps | None) -> dict[str, Any]:
    """Write the trace into a file for the visitor, where Gradio deletes it in time."""
    from playground.interpret.trace_file import save_trace

    if kept is None:
        raise TaskError("No answer is kept here; one is kept for an hour. Ask again, then save it.")
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    name = slug(kept.trace.model) or "answer"
    file = Path(tempfile.mkdtemp(dir=get_upload_folder())) / f"{name}.trace.safetensors"
    return {"saved": gr.File(str(save_trace(kept.trace, file)), visible=True)}
