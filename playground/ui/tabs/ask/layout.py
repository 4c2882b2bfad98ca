"""Ask: an answer, how sure the model is, and what it looked at; or which of given choices it finds likely.

One question about one picture stands here; many at once stand in `answer_many`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from playground.imaging.drawing import enlarged, heatmap_over
from playground.models.loading import is_address
from playground.models.server.chat import NO_LIKELIHOODS
from playground.tasks import checked_question
from playground.tasks.answer import Answered, answer
from playground.tasks.choose import LONGEST, MOST, YES_NO, Chosen, checked_choices, choose
from playground.tasks.lines import Lines, distinct_lines
from playground.tasks.preview_map import preview_map
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.background import awaited
from playground.ui.components.examples import example_row, run_on_click
from playground.ui.components.fields import Turn, Why
from playground.ui.components.picture_input import chosen_picture, picture_input
from playground.ui.components.streaming import ASKED_AGAIN, MODEL_QUEUE
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.loaded import chat_model, title
from playground.ui.queue_limits import say_when_full
from playground.ui.session import session_of
from playground.ui.tabs.ask import many as answer_many
from playground.ui.tabs.ask import view as answer_html

_WAITING = '<p class="empty">The answer appears here, with how probable it is and what came close.</p>'
_MODES = [("In its own words", "free"), ("Yes or no", "yes-no"), ("One of my choices", "choices")]
_MODE_HELP = (
    "Its own words come with what else it nearly said. Yes or no, and choices, are compared by how likely the model "
    "finds each, not by reading what it writes."
)
_MEASURES = [("Whole answers", "sum"), ("Per token", "mean")]
_MEASURE_HELP = (
    "Whole answers: the model's own odds, best for choices of like length. Per token: the mean over a choice's tokens, "
    "so that long ones are not less likely for their length alone."
)


def build(page: Page) -> Fields:
    """Lay out the tab."""
    chosen, why = page.chosen, page.why
    with gr.Tabs():
        with gr.Tab("One picture"):
            fields = _one(chosen, why)
        with gr.Tab("Many pictures"):
            answer_many.build(chosen)
    return fields


TAB = Tab("ask", "Ask", build)


def _one(chosen: gr.State, why: gr.State) -> Fields:
    scenes = example_row(lambda scene: scene.question)
    kept = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            question = gr.Textbox(
                label="Question", info="One question about the picture.", max_lines=4,
                placeholder="how many dogs are there?",
            )  # fmt: skip
            mode = gr.Radio(_MODES, label="Answer", **able(chosen.value))
            with gr.Group(visible=False) as several:
                choices = gr.Textbox(
                    label="Choices", lines=4, max_lines=12, placeholder="a dog\na cat\nnothing",
                    info=f"One a line, two to {MOST}.",
                )  # fmt: skip
                measure = gr.Radio(_MEASURES, value="sum", label="Compare", info=_MEASURE_HELP)
            ask = gr.Button("Ask", variant="primary")
            note.render()
        with gr.Column(min_width=300):
            result = gr.HTML(_WAITING, elem_classes="result")
            seen = gr.HTML()
            look = gr.Button("Where did it look?", size="sm", visible=False)
    settings, outputs = [mode, choices, measure, chosen], [result, seen, look, kept, note]
    quick = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    asked = gr.on(
        [ask.click, question.submit], respond, [picture, question, *settings], outputs,
        api_visibility="private", **ASKED_AGAIN, **MODEL_QUEUE,
    )  # fmt: skip
    clicked = run_on_click(
        scenes, lambda scene: (str(scene.path), scene.question), [picture, question], respond, settings, outputs
    )
    say_when_full((asked, *clicked), outputs, note)
    for event in (asked, *clicked):
        event.then(glimpse, kept, seen, show_progress="hidden", api_visibility="private", **ASKED_AGAIN, **MODEL_QUEUE)
    mode.change(lambda picked: gr.Group(visible=picked == "choices"), mode, several, **quick)
    chosen.change(lambda name: gr.Radio(**able(name)), chosen, mode, **quick)
    # A new one each time, since asking why a second time is a new wish; in the queue, or the page is told of no change.
    look.click(
        lambda asked: replace(asked) if asked else gr.skip(), kept, why,
        show_progress="hidden", concurrency_limit=None, api_visibility="private",
    )  # fmt: skip
    return Fields(picture, question)


def respond(
    path: str | None, question: str, mode: str, choices: str, measure: str, name: str, request: gr.Request = None
) -> Iterator[tuple[Any, ...]]:
    """Values for (result, map, button, kept, note), nothing new while the model works; on trouble the last result stays
    and the note says why."""
    try:
        picture = chosen_picture(path)
        asked = checked_question(question)
        given = _choices(mode, choices)
        model, seen = chat_model(name), session_of(request).seen

        def work(stop: threading.Event) -> Answered | Chosen:
            told = {"stop": stop, "seen": seen}
            if mode == "free":
                return answer(model, picture.image, asked, **told)
            return choose(model, picture.image, asked, given.items, measure=_measure(mode, measure), **told)

        found = yield from awaited(work, (gr.skip(),) * 5)
    except Exception as error:
        yield *(gr.skip() for _ in range(4)), snippets.trouble(troubles.sentence(error))
        return
    text, card = (found.text, answer_html.answer_card) if mode == "free" else (found.best.text, answer_html.choice_card)
    footer = f"{title(name)} · {snippets.statistics(found.statistics)}"
    kept = Why((Turn("user", asked, (path,)),), text, name)
    notes = snippets.notes((*picture.notes, *given.notes))
    yield card(asked, found, footer), *_looking(model.attention_reason, text), kept, notes


def glimpse(asked: Why | None, request: gr.Request = None) -> Iterator[Any]:
    """The small map under an answer; what goes wrong is said in its place. Never raises."""
    if asked is None or not asked.answer:
        yield gr.skip()
        return
    try:
        model = chat_model(asked.model)
        if model.attention_reason:
            yield gr.skip()
            return
        [turn] = asked.turns
        image = chosen_picture(turn.images[0]).image
        seen = session_of(request).seen
        found = yield from awaited(
            lambda stop: preview_map(model, image, turn.text, asked.answer, seen, stop=stop), gr.skip()
        )  # fmt: skip
        from playground.interpret.methods import METHODS

        overlay = heatmap_over(enlarged(image, 320), found.values)
        overlay.thumbnail((320, 320))
        yield answer_html.map_figure(overlay, found.word, METHODS[found.method].label.lower())
    except Exception as error:
        yield snippets.small_print(f"No map of this answer: {troubles.sentence(error)}")


def _looking(reason: str | None, text: str) -> tuple[str, Any]:
    """Values for (map, button): what is said until the map is drawn, and whether there will be one."""
    if reason or not text:
        why = reason or "The model said nothing, so there is no word to look at."
        return snippets.small_print(f"No map of this answer: {why}"), gr.Button(visible=True, interactive=False)
    return "", gr.Button(visible=True, interactive=True)


def able(name: str) -> dict[str, Any]:
    """The settings of the choice of modes: off, with the reason, for a model that cannot score given answers."""
    if not is_address(name):
        return {"value": "free", "interactive": True, "info": _MODE_HELP}
    return {"value": "free", "interactive": False, "info": f"Only in its own words. {NO_LIKELIHOODS}"}


def _choices(mode: str, typed: str) -> Lines:
    """The choices to compare; none where the model answers in its own words."""
    if mode != "choices":
        return Lines(YES_NO if mode == "yes-no" else ())
    lines = distinct_lines(typed, "choices", MOST, LONGEST)
    checked_choices(lines.items)
    return lines


def _measure(mode: str, measure: str) -> str:
    """Yes and no are compared as whole answers: what is set for one's own choices is out of sight then."""
    return measure if mode == "choices" else "sum"
