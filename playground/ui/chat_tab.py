"""Chat: talk about one or more pictures, turn after turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from playground.media import open_picture
from playground.models.chat import Message
from playground.tasks.chat import chat, checked_message
from playground.ui import snippets, troubles
from playground.ui.examples import example_row
from playground.ui.loaded import chat_model, title
from playground.ui.streaming import MODEL_QUEUE, growing

_EMPTY = {"text": "", "files": []}


@dataclass(frozen=True)
class Turn:
    """One turn as the page keeps it: pictures as paths, because a session may stay open for hours."""

    role: str
    text: str
    files: tuple[str, ...] = ()
    footer: str = ""


def build(chosen: gr.State) -> None:
    """Lay out the tab; `chosen` holds the name of the chat model."""
    scenes = example_row(lambda scene: scene.question)
    turns = gr.State(())
    chatbot = gr.Chatbot(
        label="Conversation",
        show_label=False,
        height=480,
        buttons=["copy"],
        layout="bubble",
        latex_delimiters=[],
        placeholder="### Hello!\nSend a picture and ask about it, or click a scene above.",
        elem_classes="chat",
    )
    note = gr.HTML()
    box = gr.MultimodalTextbox(
        placeholder="Ask about a picture…",
        label="Message",
        show_label=False,
        file_count="multiple",
        max_plain_text_length=1_000_000,  # a long text is answered with a sentence, not turned into a file
        elem_classes="chat-box",
    )
    fresh = gr.Button("New conversation", size="sm", elem_classes="quiet")
    outputs = [turns, chatbot, box, note]
    asked = [
        gr.on(
            box.submit, respond, [box, turns, chosen], outputs,
            show_progress="hidden", api_name="chat", **MODEL_QUEUE,
        )
    ]  # fmt: skip
    for button, scene in scenes:
        message = {"text": scene.question, "files": [str(scene.path)]}
        asked.append(
            button.click(
                partial(respond, message), [turns, chosen], outputs,
                show_progress="hidden", api_visibility="private", **MODEL_QUEUE,
            )
        )  # fmt: skip
    ending = {"cancels": asked, "queue": False, "api_visibility": "private"}
    box.stop(_stopped, turns, [turns, chatbot, box], **ending)
    gr.on([fresh.click, chatbot.clear], lambda: ((), [], _ready(), ""), None, outputs, **ending)


def respond(message: dict[str, Any] | None, turns: tuple[Turn, ...], name: str) -> Iterator[tuple[Any, ...]]:
    """Answer a message as it is written; on trouble the conversation and the box stay as they were.

    Yields values for (turns, chatbot, box, note). Never raises.
    """
    message = message or _EMPTY
    files = tuple(message.get("files") or ())
    try:
        text = checked_message(message.get("text"), len(files))
        pictures = [open_picture(path) for path in files]
    except Exception as error:
        yield gr.skip(), gr.skip(), gr.skip(), snippets.trouble(troubles.sentence(error))
        return
    asked = (*turns, Turn("user", text, files))
    busy = gr.MultimodalTextbox(value=_EMPTY, submit_btn=False, stop_btn=True)
    seen = tuple(note for picture in pictures for note in picture.notes)
    yield asked, _view((*asked, Turn("assistant", ""))), busy, snippets.notes(seen)
    try:
        stream = chat(chat_model(name), _messages(turns), text, [picture.image for picture in pictures])
        with closing(growing(stream)) as parts:
            for said, reply in parts:
                answered = (*asked, Turn("assistant", said))
                if reply is None:
                    yield answered, _view(answered), gr.skip(), gr.skip()
        footer = f"{title(name)} · {snippets.statistics(reply.answer.statistics)}"
        answered = (*asked, replace(answered[-1], text=reply.answer.text.strip(), footer=footer))
        yield answered, _view(answered), _ready(), snippets.notes((*seen, *reply.notes))
    except Exception as error:
        restored = gr.MultimodalTextbox(value=dict(message), submit_btn=True, stop_btn=False)
        yield turns, _view(turns), restored, snippets.trouble(troubles.sentence(error))


def _stopped(turns: tuple[Turn, ...]) -> tuple[Any, ...]:
    """Values for (turns, chatbot, box): what was said stays, and no question is left without an answer's turn."""
    if turns and turns[-1].role == "user":
        turns = (*turns, Turn("assistant", ""))
    if turns and not turns[-1].footer:
        turns = (*turns[:-1], replace(turns[-1], footer="stopped"))
    return turns, _view(turns), _ready()


def _ready() -> gr.MultimodalTextbox:
    """The box with its send button back."""
    return gr.MultimodalTextbox(submit_btn=True, stop_btn=False)


def _messages(turns: tuple[Turn, ...]) -> list[Message]:
    return [Message(turn.role, turn.text, tuple(open_picture(path).image for path in turn.files)) for turn in turns]


def _view(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    """The conversation for `gr.Chatbot`, which reads Markdown: what looks like a tag is shown, not obeyed."""
    messages = []
    for turn in turns:
        content: list[Any] = [{"path": path} for path in turn.files]
        # A picture in Markdown would be fetched from wherever its address says.
        content.append(escape(turn.text, quote=False).replace("![", "!&#91;") or "…")
        if turn.footer:
            content.append(f"<small>{escape(turn.footer)}</small>")
        messages.append({"role": turn.role, "content": content})
    return messages
