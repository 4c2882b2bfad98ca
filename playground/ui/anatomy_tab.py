"""Anatomy: a picture's way through the model, station by station."""

from __future__ import annotations

import gradio as gr

from playground.ui.turn import Fields


def build(chosen: gr.State) -> Fields:
    """Lay out the tab; `chosen` holds the name of the chat model."""
    return Fields(None, None)
