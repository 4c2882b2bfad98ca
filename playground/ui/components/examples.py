"""A row of example scenes: one click fills in picture and words and runs the page's task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import gradio as gr

from playground.tasks.examples import Example, examples
from playground.ui.components.streaming import ASKED_AGAIN, MODEL_QUEUE

Scenes: TypeAlias = "list[tuple[gr.Button, Example]]"


def example_row(words: Callable[[Example], str], count: int = 8) -> Scenes:
    """Buttons with a scene's picture and the words for it; `run_on_click` gives them their click."""
    chosen = examples()[:count]
    if not chosen:
        return []
    with gr.Row(elem_classes="examples"):
        return [(gr.Button(words(item), icon=item.path, size="sm", elem_classes="example"), item) for item in chosen]


def run_on_click(
    scenes: Scenes,
    fill: Callable[[Example], tuple[str, ...]],
    fields: Sequence[Any],
    respond: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
) -> list[Any]:
    """Wire every scene: put the values of `fill` into `fields`, then call `respond` with them and `inputs`.

    Returns the events that run the model, for a button that stops them.
    """
    events = []
    for button, scene in scenes:
        values = fill(scene)
        shown = values if len(fields) > 1 else values[0]
        filled = button.click(lambda shown=shown: shown, None, list(fields), queue=False, api_visibility="private")
        task = partial(respond, *values)
        run = {"api_visibility": "private", **ASKED_AGAIN, **MODEL_QUEUE}
        events.append(filled.then(task, list(inputs), list(outputs), **run))
    return events
