"""How many questions may wait at once.

Who comes when a line is full is told to try again. Nobody else is turned away: Gradio itself would then also refuse
to open the page, to stop an answer or to begin a new talk, which wait for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from playground.ui.components import snippets
from playground.ui.gradio_patches import limit_queues

_FULL = "As many questions as this page takes are waiting already. Try again in a moment."
_TURNED_AWAY = "This could not be asked just now: too many wait here, or the connection broke. Try again in a moment."


def keep_short(app: gr.Blocks, longest: int) -> None:
    """Let up to `longest` events wait in each line of this app whose events wait for each other.

    To be called after `app.queue()`, which gets no limit of its own.
    """
    limit_queues(app, longest, _FULL)


def say_when_full(events: Sequence[Any], outputs: Sequence[Any], note: gr.HTML) -> None:
    """Say in `note` that a question was turned away, in place of the bare “Error” that Gradio lays over `outputs`.

    note: one of the outputs. Not for events that a button cancels: Gradio tells of both in the same way.
    """
    said = [snippets.trouble(_TURNED_AWAY) if each is note else gr.skip() for each in outputs]
    for event in events:
        event.failure(
            lambda: said, None, list(outputs), show_progress="hidden", queue=False, api_visibility="private"
        )  # fmt: skip
