"""Anatomy: a picture's way through the model, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from playground.tasks import checked_question
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.background import awaited
from playground.ui.components.examples import example_row, run_on_click
from playground.ui.components.picture_input import chosen_picture, picture_input
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.loaded import chat_model
from playground.ui.tabs.anatomy.view import cards

_WAITING = (
    '<p class="empty">Walk through, and see what becomes of the picture: pixels, patches, vectors, tokens among words, '
    "the next word.</p>"
)


def build(page: Page) -> Fields:
    """Lay out the tab."""
    chosen = page.chosen
    scenes = example_row(lambda scene: scene.question)
    with gr.Row():
        with gr.Column(min_width=300, scale=2):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            question = gr.Textbox(
                label="Question",
                info="The words that stand behind the picture; the model begins to answer them.",
                placeholder="where is the dog?",
                max_lines=4,
            )
            with gr.Row():
                walk = gr.Button("Walk through", variant="primary", scale=3, min_width=120)
                stop = gr.Button("Stop", scale=1, min_width=80)
            note.render()
        with gr.Column(min_width=300, scale=3):
            result = gr.HTML(_WAITING, elem_classes="anatomy")
    outputs = [result, note]
    walking = gr.on(
        [walk.click, question.submit], respond, [picture, question, chosen], outputs,
        trigger_mode="always_last", api_visibility="private", **MODEL_QUEUE,
    )  # fmt: skip
    running = run_on_click(
        scenes,
        lambda scene: (str(scene.path), scene.question),
        [picture, question],
        respond,
        [chosen],
        outputs,
    )
    stop.click(
        lambda: snippets.notes(["Stopped."]), None, note, cancels=[walking, *running], queue=False,
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip
    return Fields(picture, question)


TAB = Tab("anatomy", "Anatomy", build)


def respond(path: str | None, question: str, name: str) -> Iterator[tuple[Any, Any]]:
    """Values for (result, note), nothing new while the model works; on trouble the last walk stays.

    The note then says why.
    """
    try:
        from playground.interpret.anatomy.anatomy import anatomy

        picture = chosen_picture(path)
        model, asked = chat_model(name), checked_question(question)
        found = yield from awaited(
            lambda stop: anatomy(model, picture.image, asked, stop=stop), (gr.skip(), gr.skip())
        )  # fmt: skip
    except Exception as error:
        yield gr.skip(), snippets.trouble(troubles.sentence(error))
        return
    yield cards(found), snippets.notes(picture.notes)
