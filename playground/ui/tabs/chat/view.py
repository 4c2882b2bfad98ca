"""How a conversation looks: turns become the messages of `gr.Chatbot`, with a button or two under each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from playground.tasks.exports.markdown import harmless_markdown
from playground.ui.components.fields import Turn

CHANGE, WHY = "Edit", "Why?"
"""The buttons under a question and under an answer; chat.css shows each in its place."""
COPIED = "\N{INVISIBLE SEPARATOR}"
"""How copy.js knows a text that is copied from the conversation, to copy it as it was written."""
COPY_SCRIPT = (Path(__file__).parent / "copy.js").read_text(encoding="utf-8")


def buttons(why: bool) -> list[str]:
    """What `gr.Chatbot` offers under the turns, as its feedback options; why: also to look into an answer."""
    return [CHANGE, WHY] if why else [CHANGE]


def view(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns for `gr.Chatbot`, which reads Markdown: what looks like a tag is shown, not obeyed."""
    return [_message(turn) for turn in turns]


def waiting(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The same, with the place where the answer will stand."""
    return view((*turns, Turn("assistant", "")))


def _message(turn: Turn) -> dict[str, Any]:
    content: list[Any] = [{"path": path, "alt_text": "a picture of the conversation"} for path in turn.images]
    content.append(harmless_markdown(turn.text) or ("(it said nothing)" if turn.footer else "…"))
    if turn.footer:
        content.append(f"<small>{escape(turn.footer)}</small>")
    return {"role": turn.role, "content": content}
