"""Segment: words to coloured masks; threshold and opacity act at once, on the logits that were kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.drawing import enlarged, legend, masks_over, resized
from playground.tasks.segment import phrases, segment
from playground.ui import snippets, troubles
from playground.ui.card import card_of
from playground.ui.examples import example_row, run_on_click
from playground.ui.loaded import DEFAULT_SEGMENTER, segmentation_model
from playground.ui.picker import picker
from playground.ui.picture_input import chosen_picture, picture_input
from playground.ui.session import session_of
from playground.ui.streaming import MODEL_QUEUE
from playground.ui.turn import Fields

_SHOWN, _READ = 1024, 352
"""The longest sides, in pixels, of a picture as it is shown and as a model reads it (CLIPSeg's own size)."""
_WAITING = '<p class="empty">Name things, and each gets its colour.</p>'


@dataclass(frozen=True, eq=False)  # compared by identity: Gradio hashes what a session keeps
class Segmented:
    """What a run left behind for the sliders: the picture as shown, and a small map of logits (h, w) per phrase."""

    image: Image.Image
    phrases: tuple[str, ...]
    logits: np.ndarray


def build() -> Fields:
    """Lay out the tab. It has its own picker: a chat model cannot segment."""
    scenes = example_row(lambda scene: scene.phrases)
    kept = gr.State(None, time_to_live=3600)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            words = gr.Textbox(label="What to colour", placeholder="dog, red circle, tree", max_lines=4)
            run = gr.Button("Colour it", variant="primary")
            note.render()
            with gr.Accordion("Segmentation model", open=False):
                picked = picker("segment", DEFAULT_SEGMENTER, segmentation_model, task="segment")
        with gr.Column(min_width=300):
            overlay = gr.Image(
                label="Masks",
                interactive=False,
                height=380,
                buttons=["download", "fullscreen"],
                placeholder="The coloured picture appears here.",
                elem_id="masks",
                alt_text="The picture with a coloured mask for each phrase",
            )
            key = gr.HTML(_WAITING)
            threshold = gr.Slider(
                0.05, 0.95, 0.5, step=0.01, label="Threshold", buttons=[],
                info="How sure the model must be before a pixel is coloured.",
            )  # fmt: skip
            opacity = gr.Slider(0, 1, 0.5, step=0.05, label="Opacity", buttons=[])
    sliders, drawn = [threshold, opacity], [overlay, key]
    outputs = [kept, *drawn, note]
    asked = gr.on(
        [run.click, words.submit], respond, [picture, words, picked.chosen, *sliders], outputs,
        api_visibility="private", **MODEL_QUEUE,
    )  # fmt: skip
    clicked = run_on_click(
        scenes,
        lambda scene: (str(scene.path), scene.phrases),
        [picture, words],
        respond,
        [picked.chosen, *sliders],
        outputs,
    )
    for event in (asked, *clicked):
        event.then(
            awake, [kept, picked.chosen, picked.offered], picked.card,
            show_progress="hidden", queue=False, api_visibility="private",
        )  # fmt: skip
    gr.on(
        [threshold.change, opacity.change], draw, [kept, *sliders], drawn,
        show_progress="hidden", trigger_mode="always_last", api_visibility="private",
    )  # fmt: skip
    return Fields(picture, words)


def respond(
    path: str | None, words: str, name: str, threshold: float, opacity: float, request: gr.Request = None
) -> tuple[Any, ...]:
    """Values for (kept, overlay, legend, note); on trouble the last picture stays and the note says why."""
    try:
        picture = chosen_picture(path)
        phrases(words)  # a slip in the words is said before a model is loaded for them
        read = picture.image.resize([min(side, _READ) for side in picture.image.size])
        found = segment(segmentation_model(name), read, words, seen=session_of(request).seen)
    except Exception as error:
        return gr.skip(), gr.skip(), gr.skip(), snippets.trouble(troubles.sentence(error))
    shown = picture.image.copy()
    shown.thumbnail((_SHOWN, _SHOWN))
    kept = Segmented(enlarged(shown), found.phrases, found.logits)
    return kept, *draw(kept, threshold, opacity), snippets.notes(picture.notes)


def awake(kept: Segmented | None, name: str, offered: str) -> Any:
    """The value of the picker's card: the model is awake once it has answered; a card that offers another one stays."""
    return gr.skip() if kept is None or offered else card_of(name, "segment", "awake")


def draw(kept: Segmented | None, threshold: float, opacity: float) -> tuple[Any, Any]:
    """Values for (overlay, legend) from the kept logits, or a sentence where none are kept; runs no model."""
    if kept is None:
        gone = "No masks are kept here; they are kept for an hour. Colour the picture again."
        return gr.skip(), snippets.trouble(gone)
    logits = np.stack([resized(plane, kept.image.size) for plane in kept.logits])
    masks = logits > math.log(threshold / (1 - threshold))
    overlay = masks_over(kept.image, masks, opacity)
    return overlay, snippets.legend(legend(kept.phrases, masks))
