"""Segment: words or clicks to coloured masks; what is shown changes at once, from the logits that were kept."""

from __future__ import annotations

from functools import partial

import gradio as gr

from playground.ui.components.examples import example_row, run_on_click
from playground.ui.components.picker import picker
from playground.ui.components.picture_input import picture_input
from playground.ui.components.streaming import ASKED_AGAIN, MODEL_QUEUE
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.gradio_patches import get_upload_folder
from playground.ui.loaded import DEFAULT_SEGMENTER, segmentation_model
from playground.ui.queue_limits import say_when_full
from playground.ui.tabs.segment import actions
from playground.ui.tabs.segment.click import MEANINGS
from playground.ui.tabs.segment.export import save
from playground.ui.tabs.segment.view import STYLES, VIEWS, draw


def build(page: Page) -> Fields:
    """Lay out the tab. It has its own picker: a chat model cannot segment."""
    scenes = example_row(lambda scene: scene.phrases)
    kept = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            words = gr.Textbox(
                label="What to segment", info=actions.HINT, placeholder="dog, red circle, tree", max_lines=4
            )
            run = gr.Button("Segment", variant="primary")
            note.render()
            with gr.Accordion("Segmentation model", open=False):
                picked = picker("segment", DEFAULT_SEGMENTER, segmentation_model)
        with gr.Column(min_width=300):
            overlay, slider = _pictures()
            threshold, opacity = _sliders()
            legend = gr.CheckboxGroup(
                [], label="Legend", elem_id="mask-legend",
                info="What you name or click gets a colour, and a place here. Untick it to hide its mask.",
            )  # fmt: skip
    with gr.Row():
        with gr.Column(min_width=300):
            meaning = gr.Radio(
                list(MEANINGS), value=MEANINGS[0], label="A click means", elem_id="click-means",
                info="Click in either picture. The last two change what was clicked last.",
            )  # fmt: skip
            with gr.Accordion("Point without a mouse", open=False):
                across, down, take = _place()
            forget = gr.Button("Forget the clicks", size="sm")
            make = gr.Button("Export masks", size="sm")
            files = gr.File(
                label="Overlay, cut-out, labels, masks, COCO JSON", file_count="multiple", interactive=False,
                visible=False, elem_id="mask-files",
            )  # fmt: skip
        with gr.Column(min_width=300), gr.Group():
            style, view = _manner()
    look, drawn = [threshold, opacity, style, view], [overlay, slider, legend, files, note]
    outputs = [kept, *drawn]
    inputs = [picture, words, picked.chosen, kept, *look]
    private = {"api_visibility": "private"}
    asked = gr.on([run.click, words.submit], actions.respond, inputs, outputs, **private, **ASKED_AGAIN, **MODEL_QUEUE)
    filled = run_on_click(
        scenes, lambda scene: (str(scene.path), scene.phrases), [picture, words], actions.respond, inputs[2:], outputs
    )
    at = [meaning, words, picked.chosen, *look, legend]
    pointed = (
        take.click(actions.at_place, [kept, picture, across, down, *at], outputs, **private, **MODEL_QUEUE),
        picture.select(actions.at_field, [kept, picture, *at], outputs, **private, **MODEL_QUEUE),
        overlay.select(actions.at_overlay, [kept, *at], outputs, **private, **MODEL_QUEUE),
    )
    say_when_full((asked, *filled, *pointed), outputs, note)
    for event in (asked, *filled, *pointed):
        event.then(
            actions.loaded_card,
            [kept, picked.chosen, picked.offered],
            picked.card,
            show_progress="hidden",
            queue=False,
            **private,
        )
    quick = {"show_progress": "hidden", "trigger_mode": "always_last", **private}
    changes = [threshold.change, opacity.change, style.change, view.change, legend.input]
    gr.on(changes, draw, [kept, *look, legend], drawn, **quick)
    forget.click(actions.without_clicks, [kept, *look, legend], outputs, **quick)
    make.click(
        partial(save, folder=get_upload_folder()), [kept, threshold, opacity, style, legend], [files, note], **private
    )
    picked.chosen.change(actions.able, picked.chosen, [run, words], show_progress="hidden", **private)
    return Fields(picture, words)


TAB = Tab("segment", "Segment", build)


def _pictures() -> tuple[gr.Image, gr.ImageSlider]:
    """The coloured picture, and in its place the slider between before and after."""
    common = {"interactive": False, "buttons": ["download", "fullscreen"]}
    overlay = gr.Image(
        label="Masks",
        placeholder="The coloured picture appears here.",
        elem_id="masks",
        alt_text="The picture with a coloured mask for each phrase",
        height=380,
        **common,
    )
    slider = gr.ImageSlider(
        label="Before and after", elem_id="masks-slider", visible=False, max_height=380, **common
    )  # `height` would cut a tall picture
    return overlay, slider


def _sliders() -> tuple[gr.Slider, gr.Slider]:
    """Threshold and opacity, right under the masks that they change at once."""
    with gr.Row(elem_classes="mask-sliders"):
        threshold = gr.Slider(
            0.05, 0.95, 0.5, step=0.01, label="Threshold", buttons=[], min_width=150,
            info="How sure the model must be before a pixel is coloured.",
        )  # fmt: skip
        opacity = gr.Slider(
            0, 1, 0.5, step=0.05, label="Opacity", buttons=[], min_width=150,
            info="How much of the picture a filled mask hides.",
        )  # fmt: skip
    return threshold, opacity


def _place() -> tuple[gr.Slider, gr.Slider, gr.Button]:
    """A click for the keyboard: the place, in per cent of the picture from its left and upper edges, and the click."""
    across = gr.Slider(0, 100, 50, step=1, label="Across", buttons=[], info="0: the left edge. 100: the right edge.")
    down = gr.Slider(0, 100, 50, step=1, label="Down", buttons=[], info="0: the upper edge. 100: the lower edge.")
    return across, down, gr.Button("Take what is there", size="sm")


def _manner() -> tuple[gr.Radio, gr.Radio]:
    """What else changes at once how masks are shown: style and view."""
    view = gr.Radio(
        list(VIEWS), value=VIEWS[0], label="Show", elem_id="mask-view",
        info="Cut-out: what no mask covers becomes transparent.",
    )  # fmt: skip
    style = gr.Radio(
        list(STYLES), value=STYLES[0], label="Masks are", elem_id="mask-style",
        info="The outline is where the model is just as sure as the threshold.",
    )  # fmt: skip
    return style, view
