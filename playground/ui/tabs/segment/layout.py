"""Segment: words or clicks to coloured masks; what is shown changes at once, from the logits that were kept."""

from __future__ import annotations

from functools import partial
from typing import Any

import gradio as gr

from playground.tasks.region import Region
from playground.tasks.segment import phrases, segment
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.card import card_of
from playground.ui.components.examples import example_row, run_on_click
from playground.ui.components.fields import Fields
from playground.ui.components.picker import picker
from playground.ui.components.picture_input import chosen_picture, picture_input
from playground.ui.components.streaming import ASKED_AGAIN, MODEL_QUEUE
from playground.ui.gradio_patches import get_upload_folder
from playground.ui.loaded import DEFAULT_SEGMENTER, segmentation_model
from playground.ui.queue_limits import say_when_full
from playground.ui.session import session_of
from playground.ui.tabs.segment.click import MEANINGS, clicked, for_words
from playground.ui.tabs.segment.export import save
from playground.ui.tabs.segment.view import STYLES, VIEWS, Segmented, begun, draw

_HINT = "Several things, separated by commas. Or click on one in the picture."


def build() -> Fields:
    """Lay out the tab. It has its own picker: a chat model cannot segment."""
    scenes = example_row(lambda scene: scene.phrases)
    kept = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            words = gr.Textbox(label="What to colour", info=_HINT, placeholder="dog, red circle, tree", max_lines=4)
            run = gr.Button("Colour it", variant="primary")
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
            make = gr.Button("Make files of what is ticked", size="sm")
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
    asked = gr.on([run.click, words.submit], respond, inputs, outputs, **private, **ASKED_AGAIN, **MODEL_QUEUE)
    filled = run_on_click(
        scenes, lambda scene: (str(scene.path), scene.phrases), [picture, words], respond, inputs[2:], outputs
    )
    at = [meaning, words, picked.chosen, *look, legend]
    pointed = (
        take.click(at_place, [kept, picture, across, down, *at], outputs, **private, **MODEL_QUEUE),
        picture.select(at_field, [kept, picture, *at], outputs, **private, **MODEL_QUEUE),
        overlay.select(at_overlay, [kept, *at], outputs, **private, **MODEL_QUEUE),
    )
    say_when_full((asked, *filled, *pointed), outputs, note)
    for event in (asked, *filled, *pointed):
        event.then(
            awake, [kept, picked.chosen, picked.offered], picked.card, show_progress="hidden", queue=False, **private
        )
    quick = {"show_progress": "hidden", "trigger_mode": "always_last", **private}
    changes = [threshold.change, opacity.change, style.change, view.change, legend.input]
    gr.on(changes, draw, [kept, *look, legend], drawn, **quick)
    forget.click(without_clicks, [kept, *look, legend], outputs, **quick)
    make.click(
        partial(save, folder=get_upload_folder()), [kept, threshold, opacity, style, legend], [files, note], **private
    )
    picked.chosen.change(able, picked.chosen, [run, words], show_progress="hidden", **private)
    return Fields(picture, words)


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


def respond(
    path: str | None,
    words: str,
    name: str,
    kept: Segmented | None,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """Values for (kept, *drawn): the masks of the words, and those that were clicked in this picture before.

    On trouble the last picture stays and the note says why.
    """
    try:
        picture = chosen_picture(path)
        phrases(words)  # a slip in the words is said before a model is loaded for them
        found = segment(segmentation_model(name), for_words(picture.image), words, seen=session_of(request).seen)
    except Exception as error:
        return _stay(error)
    now = begun(path, picture.image)
    before = kept.regions if kept and kept.is_of(now) else ()
    named = (Region(phrase, logits) for phrase, logits in zip(found.phrases, found.logits, strict=True))
    now = Segmented(path, now.size, now.shown, (*named, *(region for region in before if region.points)))
    *drawn, _ = draw(now, threshold, opacity, style, view, now.titles)
    return now, *drawn, snippets.notes(picture.notes)


def at_field(
    kept: Segmented | None,
    path: str | None,
    meaning: str,
    words: str,
    name: str,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    ticked: list[str],
    event: gr.SelectData,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """Values for (kept, *drawn) after a click in the picture field: what is kept of another picture is dropped."""
    look = threshold, opacity, style, view, ticked
    try:
        now = begun(path, chosen_picture(path).image)
    except Exception as error:
        return _stay(error)
    place = event.index[0] / now.size[0], event.index[1] / now.size[1]
    return _in_field(kept, now, place, meaning, words, name, look, request)


def at_place(
    kept: Segmented | None,
    path: str | None,
    across: float,
    down: float,
    meaning: str,
    words: str,
    name: str,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    ticked: list[str],
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """As `at_field`, for a place that is told in per cent of the picture, from 0 to 100: `across` from the left."""
    look = threshold, opacity, style, view, ticked
    try:
        now = begun(path, chosen_picture(path).image)
    except Exception as error:
        return _stay(error)
    place = min((across or 0) / 100, 1 - 1e-6), min((down or 0) / 100, 1 - 1e-6)  # the last pixel lies before the edge
    return _in_field(kept, now, place, meaning, words, name, look, request)


def _in_field(
    kept: Segmented | None,
    now: Segmented,
    place: tuple[float, float],
    meaning: str,
    words: str,
    name: str,
    look: tuple[float, float, str, str, list[str]],
    request: gr.Request | None,
) -> tuple[Any, ...]:
    """A click into the picture of the field, `now`: what is kept of another picture is dropped."""
    if kept is not None and kept.is_of(now):
        return _point(kept, place, meaning, words, name, look, request)
    return _point(now, place, meaning, words, name, (*look[:-1], []), request)


def at_overlay(
    kept: Segmented | None,
    meaning: str,
    words: str,
    name: str,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    ticked: list[str],
    event: gr.SelectData,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """Values for (kept, *drawn) after a click in the coloured picture."""
    if kept is None:
        return gr.skip(), *draw(None, threshold, opacity, style, view, ticked)
    place = event.index[0] / kept.shown.width, event.index[1] / kept.shown.height
    return _point(kept, place, meaning, words, name, (threshold, opacity, style, view, ticked), request)


def _point(
    kept: Segmented,
    place: tuple[float, float],
    meaning: str,
    words: str,
    name: str,
    look: tuple[float, float, str, str, list[str]],
    request: gr.Request | None,
) -> tuple[Any, ...]:
    """The click itself; a region that it adds is ticked, and so is one that it changes."""
    *how, ticked = look
    try:
        image, model = chosen_picture(kept.path).image, segmentation_model(name)
        now = clicked(kept, image, model, place, meaning, words, how[0], session_of(request).seen)
    except Exception as error:
        return _stay(error)
    return now, *draw(now, *how, [*ticked, now.titles[-1]])


def without_clicks(
    kept: Segmented | None, threshold: float, opacity: float, style: str, view: str, ticked: list[str]
) -> tuple[Any, ...]:
    """Values for (kept, *drawn): the masks of words alone."""
    if kept is not None:
        kept = Segmented(kept.path, kept.size, kept.shown, tuple(each for each in kept.regions if not each.points))
    return kept, *draw(kept, threshold, opacity, style, view, ticked)


def able(name: str) -> tuple[gr.Button, gr.Textbox]:
    """Values for (run, words): a model that only takes clicks has the button switched off, and the box says why."""
    reason = segmentation_model(name).words_reason
    return gr.Button(interactive=reason is None), gr.Textbox(info=reason or _HINT)


def awake(kept: Segmented | None, name: str, offered: str) -> Any:
    """The value of the picker's card: the model is awake once it has answered; a card that offers another one stays."""
    return gr.skip() if kept is None or offered else card_of(name, "segment", "awake")


def _stay(error: Exception) -> tuple[Any, ...]:
    """Values for (kept, *drawn) on trouble: all stays, and the note says what is wrong."""
    return (gr.skip(),) * 5 + (snippets.trouble(troubles.sentence(error)),)
