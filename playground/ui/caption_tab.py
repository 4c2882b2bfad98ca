"""Caption: what is in the picture, short or in detail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from playground.tasks.caption import caption
from playground.ui import snippets, troubles
from playground.ui.examples import example_row, run_on_click
from playground.ui.loaded import chat_model, title
from playground.ui.picture_input import chosen_picture, picture_input
from playground.ui.session import session_of
from playground.ui.streaming import MODEL_QUEUE, growing
from playground.ui.turn import Fields


def build(chosen: gr.State) -> Fields:
    """Lay out the tab; `chosen` holds the name of the chat model."""
    scenes = example_row(lambda scene: scene.title)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            style = gr.Radio([("Short", "short"), ("In detail", "detailed")], value="short", label="How much to say")
            with gr.Row():
                describe = gr.Button("Describe", variant="primary", scale=3, min_width=120)
                stop = gr.Button("Stop", scale=1, min_width=80, interactive=False)
            note.render()
        with gr.Column(min_width=300):
            text = gr.Textbox(
                label="Caption", lines=7, buttons=["copy"], interactive=False,
                placeholder="The description appears here, word by word.",
            )  # fmt: skip
            footer = gr.HTML()
    outputs = [text, footer, note, stop]
    running = [describe.click(respond, [picture, style, chosen], outputs, api_visibility="private", **MODEL_QUEUE)]
    running += run_on_click(scenes, lambda scene: (str(scene.path),), [picture], respond, [style, chosen], outputs)
    stop.click(
        lambda: gr.Button(interactive=False), None, stop,
        cancels=running, queue=False, api_visibility="private",
    )  # fmt: skip
    return Fields(picture, None)


def respond(path: str | None, style: str, name: str, request: gr.Request = None) -> Iterator[tuple[Any, ...]]:
    """Values for (text, footer, note, stop button), growing as the caption is written. Never raises."""
    try:
        picture = chosen_picture(path)
        yield "", "", snippets.notes(picture.notes), gr.Button(interactive=True)
        stream = caption(chat_model(name), picture.image, style, seen=session_of(request).seen)
        with closing(growing(stream)) as parts:
            for text, answer in parts:
                if answer is None:
                    yield text, gr.skip(), gr.skip(), gr.skip()
        footer = snippets.small_print(f"{title(name)} · {snippets.statistics(answer.statistics)}")
        yield answer.text.strip(), footer, gr.skip(), gr.Button(interactive=False)
    except Exception as error:
        trouble = snippets.trouble(troubles.sentence(error))
        yield gr.skip(), gr.skip(), trouble, gr.Button(interactive=False)
