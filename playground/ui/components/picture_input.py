"""A picture field that says in a sentence what is wrong with an upload."""

from __future__ import annotations

import gradio as gr

from playground.imaging.opening import Picture, open_picture
from playground.tasks import TaskError
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.shown_copy import UploadPath, shown_copy
from playground.ui.gradio_patches import ImageData, subclass


def picture_input(note: gr.HTML) -> gr.Image:
    """A picture field; `note` shows what is wrong with an upload, or what was done to it.

    Functions get the path of the upload, undecoded, and open it with `chosen_picture`: `gr.Image` would decode
    it before the function runs, and could then only show a bare "Error".
    """
    field = _Undecoded(
        label="Picture",
        type="filepath",
        format="png",  # lossless, so that an example scene is known again by its pixels
        sources=["upload", "clipboard"],
        buttons=[],
        height=320,
        interactive=True,
    )
    field.upload(check, field, [field, note], show_progress="hidden", api_visibility="private")
    return field


def _path(self: gr.Image, payload: ImageData | None) -> str | None:
    return UploadPath.named(payload.path, payload.orig_name) if payload and payload.path else None


_Undecoded = subclass(gr.Image, preprocess=_path)


def chosen_picture(path: str | None) -> Picture:
    """Open what a picture field holds.

    Raises:
        TaskError: the field is empty.
        MediaError: the upload is no usable picture.
    """
    if not path:
        raise TaskError("There is no picture yet. Add one, or click one of the scenes above.")
    return open_picture(path)


def check(path: str | None) -> tuple[object, str]:
    """After an upload: show the picture as the models will see it, or take it out and say why."""
    if not path:
        return None, ""
    try:
        picture = open_picture(path)
        shown = shown_copy(picture, path)
    except Exception as error:
        return None, snippets.trouble(troubles.sentence(error))
    return shown, snippets.notes(picture.notes)
