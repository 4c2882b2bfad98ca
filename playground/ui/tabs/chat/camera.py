"""A camera beside the message box, which has none of its own."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.ui.gradio_patches import ImageData, read_with
from playground.ui.tabs.chat.actions import Draft


def camera() -> gr.Image:
    """A camera, folded until it is wanted: the browser asks for leave only then."""
    with gr.Accordion("Camera", open=False, elem_classes="chat-camera"):
        field = gr.Image(label="Camera", show_label=False, sources=["webcam"], type="filepath", height=320, buttons=[])
    return read_with(field, _path)  # undecoded, as in `picture_input`


def _path(payload: ImageData | None) -> str | None:
    return payload.path if payload else None


def add_capture(path: str | None) -> tuple[Any, ...]:
    """Values for (camera, what is to come into the box, note): what the camera took, and the camera is free again."""
    if not path:
        return gr.skip(), gr.skip(), gr.skip()
    return None, Draft(files=(path,)).value, ""
