"""How each action of the Attention tab runs: none raises, and while a model runs the stop buttons are on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import gradio as gr

from playground.ui import error_messages as troubles
from playground.ui.components import snippets

_PLAY = {"layer": "▶ Play layers", "word": "▶ Play words"}
_STOPPABLE = ("stop", "halt")  # the button beside the question, and the one beside the map
_STOPPED = "Stopped. What was drawn before stays; choose a word or a method to draw another map."


def in_sentences(part: str) -> Callable[[Callable], Callable]:
    """Turn what an action raises into a sentence in the part of this name."""

    def around(act: Callable) -> Callable:
        def sentence(error: Exception) -> dict[str, Any]:
            return {part: snippets.trouble(troubles.sentence(error))}

        @wraps(act)
        def once(*arguments: Any) -> dict[str, Any]:
            try:
                return act(*arguments)
            except Exception as error:
                return sentence(error)

        @wraps(act)
        def steps(*arguments: Any) -> Iterator[dict[str, Any]]:
            try:
                yield from act(*arguments)
            except Exception as error:
                yield sentence(error)

        return steps if inspect.isgeneratorfunction(act) else once

    return around


def stoppable(act: Callable[..., Iterator[dict[str, Any]]]) -> Callable[..., Iterator[dict[str, Any]]]:
    """While this action runs a model, the buttons that stop it are on."""

    @wraps(act)
    def steps(*arguments: Any) -> Iterator[dict[str, Any]]:
        yield _stops(on=True)
        yield from act(*arguments)
        yield _stops(on=False)

    return steps


def _stops(on: bool) -> dict[str, Any]:
    return {name: gr.Button(interactive=on) for name in _STOPPABLE}


def stopped() -> dict[str, Any]:
    """Stop was pressed: Gradio ends what runs; the buttons are off, and nothing plays."""
    return {**_stops(on=False), **still(), "verdict": snippets.notes([_STOPPED])}


def still() -> dict[str, Any]:
    """Nothing plays."""
    return {
        "playing": "",
        "before": "",
        "timer": gr.Timer(active=False),
        **{f"play_{what}": gr.Button(label) for what, label in _PLAY.items()},
    }
