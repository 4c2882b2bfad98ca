"""The conversation in the visitor's own browser, so that it is still there when the page is loaded again.

What comes back from a browser is a stranger's: all of it is checked, and a path counts only where it leads to an
upload or to an example scene.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from playground.tasks import examples
from playground.ui.components import snippets
from playground.ui.components.fields import Turn
from playground.ui.gradio_patches import get_upload_folder
from playground.ui.tabs.chat.actions import ChatState
from playground.ui.tabs.chat.view import view

_TURNS, _LETTERS, _PICTURES = 400, 100_000, 64
_EXAMPLES = "example:"
_GONE = "Some pictures of this conversation are no longer kept here; the words are."


def storage() -> gr.BrowserState:
    """Where the browser keeps it. The secret hides it from nobody: it lets a restarted server read it again."""
    return gr.BrowserState(None, storage_key="vlm-playground-talk", secret="vlm-playground")


def kept(state: ChatState, system: str, temperature: float, length: int) -> dict[str, Any]:
    """What goes into the browser: the conversation and its settings, pictures as paths."""
    turns = [{**vars(turn), "images": [_address(path) for path in turn.images]} for turn in state.turns]
    return {"turns": turns, "system": system, "temperature": temperature, "length": length}


def restored(stored: Any) -> tuple[Any, ...]:
    """Values for (state, chatbot, note, system, temperature, length) from the browser; nothing changes for none.

    A question that was being answered when the page went counts as stopped.
    """
    stored = stored if isinstance(stored, dict) else {}
    settings = _settings(stored)
    turns = _turns(stored.get("turns"))
    if not turns:
        return gr.skip(), gr.skip(), gr.skip(), *settings
    known = [replace(turn, images=tuple(filter(None, map(found, turn.images)))) for turn in turns]
    lost = any(len(turn.images) < len(before.images) for turn, before in zip(known, turns, strict=True))
    if known[-1].role == "user":
        known.append(Turn("assistant", "", footer="stopped"))
    return ChatState(tuple(known)), view(known), snippets.notes([_GONE] if lost else []), *settings


def found(address: str) -> str | None:
    """The path of a picture that Gradio keeps for a visitor, or of an example scene, wherever links may lead; None
    where there is no such file, and for all other files."""
    try:
        file = Path(address.replace(_EXAMPLES, f"{examples.FOLDER}/", 1)).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):  # not there, a NUL in it, links in a circle
        return None
    folders = (Path(get_upload_folder()).resolve(), examples.FOLDER)
    return str(file) if file.is_file() and any(file.is_relative_to(folder) for folder in folders) else None


def _address(path: str) -> str:
    """The path as the browser gets it: where the playground itself lies is not its business."""
    return path.replace(f"{examples.FOLDER}/", _EXAMPLES, 1)


def _settings(stored: dict[str, Any]) -> tuple[Any, ...]:
    """The system prompt, the temperature and the length, each left as it is where it is not what it should be."""
    system, temperature, length = (stored.get(name) for name in ("system", "temperature", "length"))
    return (
        system if isinstance(system, str) and len(system) <= _LETTERS else gr.skip(),
        temperature if isinstance(temperature, int | float) and 0 <= temperature <= 2 else gr.skip(),
        length if isinstance(length, int) and 1 <= length <= 2048 else gr.skip(),
    )


def _turns(listed: Any) -> list[Turn]:
    """The turns, by turns of user and assistant; none at all where something is not as `kept` wrote it."""
    if not isinstance(listed, list) or len(listed) > _TURNS:
        return []
    turns = [_turn(item, "assistant" if place % 2 else "user") for place, item in enumerate(listed)]
    return [] if None in turns else turns


def _turn(item: Any, role: str) -> Turn | None:
    if not isinstance(item, dict) or item.get("role") != role or not isinstance(item.get("images"), list):
        return None
    words = [item.get(name, "") for name in ("text", "footer", "model")]
    if not all(isinstance(word, str) and len(word) <= _LETTERS for word in (*words, *item["images"])):
        return None
    text, footer, model = words
    footer = (footer or "stopped") if role == "assistant" else ""
    return Turn(role, text, tuple(item["images"][:_PICTURES]), footer, model)
