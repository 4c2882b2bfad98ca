"""A row of example scenes: one click fills in picture and question and answers."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from playground.tasks.examples import Example, examples


def example_row(words: Callable[[Example], str], count: int = 6) -> list[tuple[gr.Button, Example]]:
    """Buttons with a scene's picture and the words that a click fills in; the caller wires the click."""
    chosen = examples()[:count]
    if not chosen:
        return []
    with gr.Row(elem_classes="examples"):
        return [(gr.Button(words(item), icon=item.path, size="sm", elem_classes="example"), item) for item in chosen]
