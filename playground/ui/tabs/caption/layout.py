"""Caption: what is in the picture, in one sentence, in detail or for a blind reader; and of a whole folder."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.tasks.captions.candidates import MOST
from playground.ui.components.card import card_of
from playground.ui.components.examples import example_row, run_on_click
from playground.ui.components.picker import picker
from playground.ui.components.picture_input import picture_input
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.loaded import chat_model
from playground.ui.tabs.caption import bars as caption_bars
from playground.ui.tabs.caption import folder as caption_folder
from playground.ui.tabs.caption.actions import Parts, respond, taken
from playground.ui.tabs.caption.judge import DEFAULT_JUDGE, judges

SECOND = "moji-blip"
_STYLES = [("Short", "short"), ("In detail", "detailed"), ("For a blind reader", "blind")]
_WAYS = [("One caption", "one"), ("Several", "several"), ("Two models", "two")]
_AT_ONCE = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
_IN_PAGE = {"fn": None, **_AT_ONCE}


def build(page: Page) -> Fields:
    """Lay out the tab."""
    chosen = page.chosen
    with gr.Tabs():
        with gr.Tab("One picture"):
            fields = _one_picture(chosen)
        with gr.Tab("A whole folder"):
            caption_folder.build(chosen, _style())
    return fields


TAB = Tab("caption", "Caption", build)


def _style() -> gr.Radio:
    return gr.Radio(
        _STYLES, value="short", label="How much to say",
        info="For a blind reader: the whole first, then what is where, and no guesses.", render=False,
    )  # fmt: skip


def _one_picture(chosen: gr.State) -> Fields:
    scenes = example_row(lambda scene: scene.title)
    found = gr.State(())
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            style = _style()
            style.render()
            way = gr.Radio(
                _WAYS, value="one", label="What to show",
                info="Several: the likeliest captions, with scores. Two models: one after the other.",
            )  # fmt: skip
            with gr.Column(visible=False) as search:
                count = gr.Slider(
                    2, MOST, 5, step=1, label="How many captions", buttons=[],
                    info="Each is one beam of the search; more take longer.",
                )  # fmt: skip
                judge = gr.Dropdown(
                    [("No second opinion", ""), *judges()], value=DEFAULT_JUDGE, label="Second opinion",
                    info="An encoder scores how well each caption fits. Moji's knows only Moji's world.",
                )  # fmt: skip
            with gr.Accordion("The second model", open=False, visible=False) as second_model:
                second = picker("chat", SECOND, chat_model, task="caption")
            with gr.Row():
                describe = gr.Button("Describe", variant="primary", scale=3, min_width=120)
                stop = gr.Button("Stop", scale=1, min_width=80, interactive=False)
            note.render()
        with gr.Column(min_width=300):
            with gr.Row():
                with gr.Column(min_width=210):
                    text, footer = _caption_field("Caption")
                with gr.Column(min_width=210, visible=False) as beside:
                    second_text, second_footer = _caption_field(f"Caption by {SECOND}")
            with gr.Column(visible=False) as several:
                candidates = gr.HTML(caption_bars.WAITING)
                pick = gr.Radio([], label="Take which?", info="It goes into the field above, to be copied.")
    outputs = list(Parts(text, footer, second_text, second_footer, candidates, pick, found, note, stop))
    inputs = [style, way, count, judge, chosen, second.chosen]
    asked = describe.click(js=_switched(False), outputs=describe, **_IN_PAGE)
    described = asked.then(respond, [picture, *inputs], outputs, api_visibility="private", **MODEL_QUEUE)
    for ended in (described.then, described.failure):
        ended(js=_switched(True), outputs=describe, **_IN_PAGE)
    running = [described]
    running += run_on_click(scenes, lambda scene: (str(scene.path),), [picture], respond, inputs, outputs)
    stop.click(lambda: gr.Button(interactive=False), None, stop, cancels=running, **_AT_ONCE)
    way.change(
        lambda way: [gr.update(visible=way == shown) for shown in ("several", "several", "two", "two")],
        way, [search, several, second_model, beside], **_AT_ONCE,
    )  # fmt: skip
    for event in running:
        event.then(_loaded_card, [way, second.chosen, second.offered], second.card, **_AT_ONCE)
    pick.input(taken, [pick, found], text, **_AT_ONCE)
    return Fields(picture, None)


def _switched(on: bool) -> str:
    """Switches a button on or off, in the browser. While a caption is written, “Describe” is off and “Stop” on: a
    second wish that waited behind the first would outlive Stop."""
    return f"() => ({{ __type__: 'update', interactive: {str(on).lower()} }})"


def _loaded_card(way: str, second: str, offered: str) -> Any:
    """The second model's card: it is loaded once it has written; a card that offers another one stays."""
    return card_of(second, "chat", "loaded") if way == "two" and not offered else gr.skip()


def _caption_field(label: str) -> tuple[gr.Textbox, gr.HTML]:
    """Where a caption is written, word by word, and what it cost."""
    text = gr.Textbox(
        label=label, lines=4, max_lines=14, buttons=["copy"], interactive=False,
        placeholder="The description appears here, word by word.",
    )  # fmt: skip
    return text, gr.HTML()
