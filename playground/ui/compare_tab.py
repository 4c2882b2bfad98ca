"""Side by side: the same question to two models, their answers, maps and scores next to each other."""

from __future__ import annotations

import gradio as gr

from playground.ui.turn import Fields


def build(chosen: gr.State) -> Fields:
    """Lay out the tab; `chosen` holds the name of the chat model."""
    return Fields(None, None)
