"""The files that the segment tab gives away, at the size and under the name of the upload: overlay, cut-out, masks …"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from playground.imaging.full_size import open_full
from playground.tasks import TaskError
from playground.tasks.exports.masks import write_masks
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.shown_copy import upload_of
from playground.ui.tabs.segment.view import GONE, Segmented, colours_of, masks_of, overlaid, ticked_in


def save(
    kept: Segmented | None, threshold: float, opacity: float, style: str, ticked: Sequence[str], *, folder: str
) -> tuple[Any, str]:
    """Values for (files, note): the files of the ticked regions, as they are shown now, or why there are none.

    folder: Gradio's own for files that it serves and deletes; each call makes one in it.
    """
    try:
        if kept is None or not kept.regions:
            raise TaskError(GONE if kept is None else "There are no masks yet. Name things, or click on one.")
        visible = ticked_in(kept, ticked)
        if not visible:
            raise TaskError("Nothing is ticked in the legend. Tick what the files should hold.")
        source, name = upload_of(kept.path)
        picture, own = open_full(source), colours_of(kept, visible)
        image = picture.image
        masks = masks_of(kept, threshold, visible, image.size)
        Path(folder).mkdir(parents=True, exist_ok=True)
        paths = write_masks(
            Path(tempfile.mkdtemp(prefix="masks-", dir=folder)),
            image,
            [kept.regions[index].name for index in visible],
            masks,
            overlay=overlaid(image, masks, opacity, style, own),
            mask_colours=own,
            file_name=name,
            about=f"Made with VLM Playground; probability above {threshold:g}",
        )
    except Exception as error:
        return gr.skip(), snippets.trouble(troubles.sentence(error))
    scaled = [note for note in picture.notes if image.size != picture.size and "scaled" in note]
    return gr.update(value=[str(path) for path in paths], visible=True), snippets.notes(scaled)
