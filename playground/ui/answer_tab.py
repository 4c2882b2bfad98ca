"""Ask: one question, the answer, its probability and the runners-up."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.tasks import checked_question
from playground.tasks.answer import answer
from playground.ui import snippets, troubles
from playground.ui.examples import example_row, run_on_click
from playground.ui.loaded import chat_model, title
from playground.ui.picture_input import chosen_picture, picture_input
from playground.ui.session import session_of
from playground.ui.streaming import MODEL_QUEUE
from playground.ui.turn import Fields

_WAITING = '<p class="empty">The answer appears here, with how probable it is and what came close.</p>'


def build(chosen: gr.State, why: gr.State) -> Fields:
    """Lay out the tab; `chosen` holds the name of the chat model; a `Why` put into `why` opens Attention."""
    scenes = example_row(lambda scene: scene.question)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            question = gr.Textbox(label="Question", placeholder="how many dogs are there?", max_lines=4)
            ask = gr.Button("Ask", variant="primary")
            note.render()
        with gr.Column(min_width=300):
            result = gr.HTML(_WAITING, elem_classes="result")
    gr.on(
        [ask.click, question.submit], respond, [picture, question, chosen], [result, note],
        api_visibility="private", **MODEL_QUEUE,
    )  # fmt: skip
    run_on_click(
        scenes,
        lambda scene: (str(scene.path), scene.question),
        [picture, question],
        respond,
        [chosen],
        [result, note],
    )
    return Fields(picture, question)


def respond(path: str | None, question: str, name: str, request: gr.Request = None) -> tuple[Any, str]:
    """Values for (result, note); on trouble the last result stays and the note says why."""
    try:
        picture = chosen_picture(path)
        asked = checked_question(question)
        found = answer(chat_model(name), picture.image, asked, seen=session_of(request).seen)
    except Exception as error:
        return gr.skip(), snippets.trouble(troubles.sentence(error))
    footer = f"{title(name)} · {snippets.statistics(found.statistics)}"
    card = snippets.answer_card(found.text, found.probability, found.runners_up, footer)
    return card, snippets.notes(picture.notes)
