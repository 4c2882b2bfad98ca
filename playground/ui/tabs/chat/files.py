"""A conversation as a file to take away, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.imaging.opening import MediaError, open_picture
from playground.models.messages import Message
from playground.tasks import TaskError
from playground.tasks.exports.transcript import as_json, as_zip, from_json, png
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.fields import Turn
from playground.ui.gradio_patches import get_upload_folder, save_bytes_to_cache
from playground.ui.loaded import title
from playground.ui.tabs.chat.actions import ChatState, Draft, ready_box
from playground.ui.tabs.chat.settings import Settings
from playground.ui.tabs.chat.view import view

_AT_ONCE = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
_DOWNLOAD = "() => setTimeout(() => document.querySelector('#saved-talk').click(), 100)"
_LOST = "Some pictures of this conversation are no longer kept here, so the file is without them."


@dataclass(frozen=True)
class Buttons:
    """What takes a conversation away and brings one back; `download` is out of sight and pressed by a script."""

    as_markdown: gr.Button
    as_json: gr.Button
    opening: gr.UploadButton
    download: gr.DownloadButton


def buttons() -> Buttons:
    """Lay out the buttons, in a row that is there."""
    return Buttons(
        gr.Button("Save as Markdown", size="sm"),
        gr.Button("Save as JSON", size="sm"),
        gr.UploadButton("Open a saved conversation", size="sm"),
        gr.DownloadButton(visible="hidden", elem_id="saved-talk"),
    )


def wire(
    row: Buttons, state: gr.State, fields: Settings, chosen: gr.State, outputs: Sequence[Any], note: gr.HTML
) -> Any:
    """Give the buttons their clicks; returns the event that opened another conversation."""
    saved = [row.download, note]
    for event in (
        row.as_markdown.click(save_markdown, [state, fields.system], saved, **_AT_ONCE),
        row.as_json.click(save_json, [state, *fields.fields, chosen], saved, **_AT_ONCE),
    ):
        event.then(None, js=_DOWNLOAD, **_AT_ONCE)
    return row.opening.upload(open_talk, [row.opening, state], [*outputs, fields.system], **_AT_ONCE)


def save_markdown(state: ChatState, system: str) -> tuple[Any, str]:
    """Values for (download, note): a ZIP archive with the conversation as Markdown and its pictures."""
    return _saved("talk.zip", state, system, _zip)


def save_json(state: ChatState, system: str, temperature: float, length: int, name: str) -> tuple[Any, str]:
    """Values for (download, note): the conversation as a request that any chat server takes."""

    def written(turns: tuple[Turn, ...], messages: list[Message]) -> bytes:
        return as_json(messages, model=name, temperature=temperature, max_tokens=length).encode()

    return _saved("talk.json", state, system, written)


def open_talk(path: str | None, state: ChatState) -> tuple[Any, ...]:
    """Values for (state, chatbot, box, note, banner, system prompt) from a file that `save_json` wrote.

    A question at its end that has no answer goes into the box. On trouble the note alone changes.
    """
    try:
        if state.busy:
            raise TaskError("An answer is being written. Wait for it, or stop it first.")
        rules, turns = _by_turns(from_json(Path(path).read_bytes()))
    except Exception as error:
        return (gr.skip(),) * 3 + (snippets.trouble(troubles.sentence(error)), gr.skip(), gr.skip())
    box = gr.skip()
    if turns and turns[-1].role == "user":
        *turns, asked = turns
        box = ready_box(Draft(asked.text, asked.images))
    return ChatState(tuple(turns)), view(turns), box, "", gr.Row(visible=False), rules


def _saved(file: str, state: ChatState, system: str, write: Any) -> tuple[Any, str]:
    try:
        if not state.turns:
            raise TaskError("There is no conversation to save yet. Ask something first.")
        messages, lost = _messages(state.turns)
        if (system or "").strip():
            messages.insert(0, Message("system", system.strip()))
        data = write(state.turns, messages)
        path = save_bytes_to_cache(data, file, get_upload_folder())
    except Exception as error:
        return None, snippets.trouble(troubles.sentence(error))
    return path, snippets.notes([_LOST] if lost else [])


def _zip(turns: tuple[Turn, ...], messages: list[Message]) -> bytes:
    speakers = ["You" if turn.role == "user" else title(turn.model) if turn.model else "Model" for turn in turns]
    footers = [turn.footer for turn in turns]
    rules = len(messages) - len(turns)
    return as_zip(messages, speakers=["System prompt"] * rules + speakers, footers=[""] * rules + footers)


def _messages(turns: tuple[Turn, ...]) -> tuple[list[Message], bool]:
    """The turns with their pictures opened, and whether some are gone."""
    messages, lost = [], False
    for turn in turns:
        images = []
        for path in turn.images:
            try:
                images.append(open_picture(path).image)
            except MediaError:
                lost = True
        messages.append(Message(turn.role, turn.text, tuple(images)))
    return messages, lost


def _by_turns(messages: tuple[Message, ...]) -> tuple[str, list[Turn]]:
    """The system prompt, and the rest as turns of user and assistant.

    Raises:
        TaskError: nobody asks first, or somebody speaks twice in a row.
    """
    rules = [message.text for message in messages if message.role == "system"]
    spoken = [message for message in messages if message.role != "system"]
    wanted = ["assistant" if place % 2 else "user" for place in range(len(spoken))]
    if not spoken or [message.role for message in spoken] != wanted:
        raise TaskError("In this file user and assistant do not speak by turns, the user first. Mend it and try again.")
    folder = get_upload_folder()
    turns = [
        Turn(
            message.role,
            message.text,
            tuple(save_bytes_to_cache(png(image), "picture.png", folder) for image in message.images),
            "from a file" if message.role == "assistant" else "",
        )
        for message in spoken
    ]
    return "\n".join(rules), turns
