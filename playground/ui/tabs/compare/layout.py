"""Side by side: the same question to two models, their answers, maps and scores next to each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from playground.checkpoints.catalog import find, of_kind
from playground.imaging.drawing import enlarged, heatmap_over, masks_over, resized
from playground.interpret.methods import METHODS
from playground.interpret.metrics.baselines import beside_baselines
from playground.tasks import TaskError, checked_question
from playground.tasks.compare import same_word, side
from playground.tasks.examples import Truth, truth_of
from playground.tasks.maps import BELIEVED, most_telling, word_map
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.background import awaited
from playground.ui.components.examples import example_row, run_on_click
from playground.ui.components.picture_input import chosen_picture, picture_input
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.hosting import check_allowed
from playground.ui.loaded import DEFAULT_CHAT, chat_model, must_download
from playground.ui.session import session_of
from playground.ui.tabs.attention import words as attention_words
from playground.ui.tabs.attention.picture import map_field, named
from playground.ui.tabs.compare import view as compare_cards

if TYPE_CHECKING:
    from playground.models.server.chat import AnyChatModel
    from playground.tasks.compare import Side

DEFAULT_OTHER = "moji-blip"
_WAITING = '<p class="empty">{} answers here.</p>'
_NO_THING = "No score here: neither “{}” nor the question names a thing of the scene. Choose a word that does."
_NOT_KEPT = snippets.trouble("These answers are not kept any more; they are for an hour. Ask again.")
_GONE = (gr.skip(), gr.skip(), _NOT_KEPT) * 2
_NO_TRUTH = "No score here: this is not one of the example scenes, so nobody knows where its things truly are."


@dataclass(frozen=True, eq=False)  # compared by identity: Gradio hashes what a session keeps
class Compared:
    """What both models left behind: None for one that gave no answer. chosen: the index of each one's word."""

    image: Image.Image
    question: str
    sides: tuple[Side | None, Side | None]
    chosen: tuple[int, int]
    truth: Truth | None


def build(page: Page) -> Fields:
    """Lay out the tab; the first model is the chosen one, until another one is taken here."""
    chosen = page.chosen
    kept = gr.State(None, time_to_live=3600)
    scenes = example_row(lambda scene: scene.question)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
        with gr.Column(min_width=300):
            question = gr.Textbox(
                label="Question",
                info="Both models are asked the same.",
                placeholder="where is the dog?",
                max_lines=4,
            )
            with gr.Row():
                names = [
                    _model_field(label, name) for label, name in (("First", DEFAULT_CHAT), ("Second", DEFAULT_OTHER))
                ]
            method = gr.Dropdown(
                [(method.label, name) for name, method in METHODS.items()],
                value=BELIEVED,
                label="Maps by",
                info="What draws the maps, for both models alike.",
            )
            with gr.Row():
                ask = gr.Button("Ask both", variant="primary", scale=3, min_width=120)
                stop = gr.Button("Stop", scale=1, min_width=80)
            note.render()
    columns = []
    with gr.Row(elem_classes="sides"):
        for place, name in enumerate((DEFAULT_CHAT, DEFAULT_OTHER)):
            with gr.Column(min_width=300):
                columns.append(_column(place, name))
    heads, words, heats, verdicts = zip(*columns, strict=True)
    drawn = [part for pair in zip(words, heats, verdicts, strict=True) for part in pair]
    outputs = [kept, *heads, *drawn, note]
    inputs = [*names, method]
    asking = gr.on(
        [ask.click, question.submit], respond, [picture, question, *inputs], outputs,
        trigger_mode="always_last", api_visibility="private", **MODEL_QUEUE,
    )  # fmt: skip
    running = [asking] + run_on_click(
        scenes,
        lambda scene: (str(scene.path), scene.question),
        [picture, question],
        respond,
        inputs,
        outputs,
    )
    # Preprocessing would answer a word that an earlier answer left in the page with a bare "Error".
    again = {"preprocess": False, "show_progress": "hidden", "trigger_mode": "always_last", "api_visibility": "private"}
    for place, word in enumerate(words):
        drawing = word.input(partial(choose, place), [kept, word, method], [kept, *drawn], **again, **MODEL_QUEUE)
        running.append(drawing)
    running.append(method.input(redraw, [kept, method], drawn, **again, **MODEL_QUEUE))
    stop.click(
        lambda: snippets.notes(["Stopped."]), None, note, cancels=running, queue=False, show_progress="hidden",
        api_visibility="private",
    )  # fmt: skip
    chosen.change(_first, [chosen, names[1]], names[0], show_progress="hidden", queue=False, api_visibility="private")
    return Fields(picture, question)


TAB = Tab("compare", "Side by side", build)


def _model_field(label: str, name: str) -> gr.Dropdown:
    return gr.Dropdown(
        [entry.name for entry in of_kind("chat")],
        value=name,
        label=f"{label} model",
        info="On this machine already, or loaded with the list above the tabs.",
        allow_custom_value=True,
        min_width=140,
    )


def _column(place: int, name: str) -> tuple[gr.HTML, gr.Radio, gr.Image, gr.HTML]:
    """What one model gets: (head, words, heat, verdict)."""
    head = gr.HTML(_WAITING.format(name))
    word = gr.Radio([], label="Its answer: choose a word", elem_id=_field(place), elem_classes="words", visible=False)
    heat = map_field(
        label="Where it looked",
        height=340,
        visible=False,
        elem_id=f"side-heat-{place}",
        alt_text="The picture, glowing where the model looked",
    )
    return head, word, heat, gr.HTML()


def _first(name: str, other: str) -> Any:
    """The picked model becomes the first one, unless it is compared already, or is in no list here."""
    return gr.skip() if name == other or find(name) is None else name


def respond(
    path: str | None, question: str, first: str, second: str, method: str, request: gr.Request = None
) -> Iterator[tuple[Any, ...]]:
    """Values for (kept, two heads, word, heat and verdict of each, note), nothing new while a model works; trouble
    changes the note alone.

    A model that fails says so in its own column; the other one answers all the same.
    """
    try:
        picture = chosen_picture(path)
        asked = checked_question(question)
    except Exception as error:
        yield *(gr.skip() for _ in range(9)), snippets.trouble(troubles.sentence(error))
        return
    seen = session_of(request).seen
    heads, sides = [], []
    for name in (first, second):
        try:
            work = partial(side, _model(name), picture.image, asked, seen=seen)
            sides.append((yield from awaited(lambda stop, work=work: work(stop=stop), (gr.skip(),) * 10)))
            heads.append(compare_cards.head(sides[-1], asked))
        except Exception as error:
            sides.append(None)
            heads.append(compare_cards.failed(name or "No model", troubles.sentence(error)))
    truth = truth_of(picture.image)
    begin = [most_telling(found.words, found.leans, [truth]) if found else 0 for found in sides]
    if all(found and found.words for found in sides):
        begin[1] = _or(same_word(sides[0], begin[0], sides[1]), begin[1])
    kept = Compared(picture.image, asked, tuple(sides), tuple(begin), truth)
    drawn = yield from awaited(lambda stop: _both_drawn(kept, method, stop), (gr.skip(),) * 10)
    yield kept, *heads, *drawn, snippets.notes(picture.notes)


def choose(place: int, kept: Compared | None, word: int, method: str) -> Iterator[tuple[Any, ...]]:
    """Values for (kept, word, heat and verdict of each): another word on one side, and the same on the other."""
    if kept is None or kept.sides[place] is None or word not in range(len(kept.sides[place].words)):
        yield gr.skip(), *_GONE
        return
    chosen, other = list(kept.chosen), kept.sides[1 - place]
    chosen[place] = word
    if other is not None:
        chosen[1 - place] = _or(same_word(kept.sides[place], word, other), chosen[1 - place])
    changed = [now != before for now, before in zip(chosen, kept.chosen, strict=True)]
    kept = replace(kept, chosen=tuple(chosen))
    parts = yield from awaited(
        lambda stop: [
            _drawn(kept, each, method, stop) if changed[each] else (gr.skip(),) * 3 for each in (0, 1)
        ], (gr.skip(),) * 7,
    )  # fmt: skip
    yield kept, *parts[0], *parts[1]


def redraw(kept: Compared | None, method: str) -> Iterator[tuple[Any, ...]]:
    """Values for word, heat and verdict of each side, by another method; nothing new while a model works. Never
    raises."""
    if kept is None:
        yield _GONE
        return
    yield (yield from awaited(lambda stop: _both_drawn(kept, method, stop), (gr.skip(),) * 6))


def _both_drawn(kept: Compared, method: str, stop: threading.Event) -> tuple[Any, ...]:
    return *_drawn(kept, 0, method, stop), *_drawn(kept, 1, method, stop)


def _drawn(kept: Compared, place: int, method: str, stop: threading.Event) -> tuple[Any, Any, str]:
    """Word, heat and verdict of one side; where there is no map the reason stands in its place."""
    found, word = kept.sides[place], kept.chosen[place]
    if found is None or not found.words:
        why = f"No map: {found.reason}" if found and found.reason else ""
        return gr.Radio([], visible=False), gr.Image(None, visible=False), snippets.notes([why] if why else [])
    words = gr.Radio([(text, index) for index, text in enumerate(found.words)], value=word, visible=True)
    try:
        seen = word_map(_model(found.name), found.trace, word, method, stop=stop)
    except Exception as error:
        return words, gr.Image(None, visible=False), snippets.trouble(troubles.sentence(error))
    picture = heatmap_over(enlarged(kept.image), seen.values)
    label, names = METHODS[seen.method].label, (found.name, found.words[word], seen.method)
    marks = compare_cards.marks(_field(place), found.words, found.leans)
    text, told = found.words[word], attention_words.little(found.words[word], found.lean(word))
    noun = None if told or kept.truth is None else kept.truth.named_in([text, kept.question])
    if noun is None:
        told = told or (_NO_THING.format(text) if kept.truth else _NO_TRUTH)
        return (
            words,
            gr.Image(named(picture, *names), visible=True, label=label),
            marks + compare_cards.little(told, seen.note),
        )
    mask = kept.truth.mask(noun)
    outlined = masks_over(picture, resized(mask, picture.size)[None] > 0.5, opacity=0)
    told = compare_cards.verdict(text, kept.truth.called(noun), beside_baselines(seen.values, mask), label, seen.note)
    return words, gr.Image(named(outlined, *names), visible=True, label=label), marks + told


def _field(place: int) -> str:
    """The id of one side's words."""
    return f"side-words-{place}"


def _model(name: str | None) -> AnyChatModel:
    """As `chat_model`, but nothing is downloaded unasked.

    Raises:
        TaskError: no name, a model that is not on this machine, or what `chat_model` raises.
    """
    if not name:
        raise TaskError(f"No model is chosen here. Choose one, such as {DEFAULT_CHAT}.")
    check_allowed(name)
    if must_download(name):
        raise TaskError(f"{name} is not on this machine yet. Load it with the list above the tabs, then ask again.")
    return chat_model(name)


def _or(found: int | None, otherwise: int) -> int:
    return otherwise if found is None else found
