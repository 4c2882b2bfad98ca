"""The buttons under the turns: change a question, or ask why an answer is as it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gradio as gr

from playground.tasks import TaskError
from playground.tasks.chat import system_reason
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.fields import Turn, Why
from playground.ui.loaded import chat_model, must_download, title
from playground.ui.session import session_of
from playground.ui.tabs.chat import actions as chat_talk
from playground.ui.tabs.chat.actions import ChatState

_ECHO = 1.5
"""Seconds within which a second click on the same button is no new one: Gradio reports each click twice."""


def react(
    message: dict[str, Any] | None,
    state: ChatState,
    system: str,
    name: str,
    event: gr.LikeData,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """The button under a turn: change a question, or ask why an answer is as it is.

    Values for (state, chatbot, box, note, banner, why).
    """
    place, session = event.index, session_of(request)
    before, session.pressed = session.pressed, (place, time.monotonic())
    twice = before[0] == place and session.pressed[1] - before[1] < _ECHO
    if twice or place not in range(len(state.turns)):
        return (gr.skip(),) * 6
    if state.turns[place].role == "user":
        return *chat_talk.change(message, state, place), gr.skip()
    try:
        return *(gr.skip(),) * 5, asked_why(state.turns, place, system, name)
    except Exception as error:
        note = snippets.trouble(troubles.sentence(error))
        return gr.skip(), gr.skip(), gr.skip(), note, gr.skip(), gr.skip()


def asked_why(turns: Sequence[Turn], place: int, system: str, name: str) -> Why:
    """What the Attention tab needs to look into an answer: the turns up to its question, the system prompt first.

    name: the model that is asked where the answer does not say who wrote it.

    Raises:
        TaskError: there is nothing to look into, or the model that answered shows no attention.
    """
    answer = turns[place]
    model = answer.model or name
    if not answer.footer:
        raise TaskError("This answer is still being written. Wait for it, or stop it first.")
    if not answer.text:
        raise TaskError("There is not a word in this answer to look into.")
    if must_download(model):
        raise TaskError(f"{title(model)}, which wrote this answer, is not on this machine any more.")
    wrote = chat_model(model)
    if wrote.attention_reason:
        raise TaskError(f"{title(model)} wrote this answer and shows no attention. {wrote.attention_reason}")
    rules = (Turn("system", system.strip()),) if (system or "").strip() and not system_reason(wrote) else ()
    return Why((*rules, *turns[:place]), answer.text, model)
