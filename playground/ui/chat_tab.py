"""Chat: talk about one or more pictures, turn after turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import gradio as gr

from playground.media import open_picture
from playground.models.chat import Message
from playground.tasks import TaskError
from playground.tasks.chat import chat, checked_message, readable
from playground.ui import snippets, troubles
from playground.ui.examples import example_row
from playground.ui.loaded import chat_model, title
from playground.ui.session import session_of
from playground.ui.streaming import MODEL_QUEUE, growing
from playground.ui.turn import Fields, Turn

_EMPTY = {"text": "", "files": []}


def build(chosen: gr.State, why: gr.State) -> Fields:
    """Lay out the tab; `chosen` holds the name of the chat model; a `Why` put into `why` opens Attention."""
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
    at_once = {"show_progress": "hidden", "queue": False}
    in_line = {"show_progress": "hidden", **MODEL_QUEUE}
    sent = box.submit(send, [box, turns], outputs, api_visibility="private", **at_once)
    asked = [sent.then(respond, [turns, chosen], outputs, api_visibility="private", **in_line)]
    for button, scene in scenes:
        message = {"text": scene.question, "files": [str(scene.path)]}
        sent = button.click(partial(send, message), turns, outputs, api_visibility="private", **at_once)
        asked.append(sent.then(respond, [turns, chosen], outputs, api_visibility="private", **in_line))
    ending = {"cancels": asked, "show_progress": "hidden", "queue": False, "api_visibility": "private"}
    box.stop(_stopped, turns, [turns, chatbot, box], **ending)
    gr.on([fresh.click, chatbot.clear], lambda: ((), [], _ready(), ""), None, outputs, **ending)
    return Fields(None, box)


def send(message: dict[str, Any] | None, turns: tuple[Turn, ...]) -> tuple[Any, ...]:
    """Put a message into the conversation and clear the box, at once; `respond` answers when the model is free.

    Returns values for (turns, chatbot, box, note). On trouble, and while an answer is being written, the note
    alone changes. Never raises.
    """
    message = message or _EMPTY
    paths = tuple(message.get("files") or ())
    try:
        if turns and not turns[-1].footer:
            raise TaskError("Your last message is still being answered. Send this one afterwards, or stop it first.")
        text = checked_message(message.get("text"), len(paths))
        seen = [note for path in paths for note in open_picture(path).notes]
    except Exception as error:
        return gr.skip(), gr.skip(), gr.skip(), snippets.trouble(troubles.sentence(error))
    turns = (*turns, Turn("user", text, paths))
    busy = gr.MultimodalTextbox(value=_EMPTY, submit_btn=False, stop_btn=True)
    return turns, _view((*turns, Turn("assistant", ""))), busy, snippets.notes(seen)


def respond(turns: tuple[Turn, ...], name: str, request: gr.Request = None) -> Iterator[tuple[Any, ...]]:
    """Answer the last message as it is written; on trouble the message goes back into the box.

    Yields values for (turns, chatbot, box, note). Otherwise the box keeps what was typed meanwhile. Never raises.
    """
    if not turns or turns[-1].role != "user":  # it was stopped, or the talk begun anew, while it waited
        yield (gr.skip(),) * 4
        return
    try:
        model = chat_model(name)
        heard, dropped = readable(turns, model)
        opened = {path: open_picture(path) for turn in heard for path in turn.images}
        *earlier, message = (
            Message(turn.role, turn.text, tuple(opened[path].image for path in turn.images)) for turn in heard
        )
        session = session_of(request)
        kept = {"conversation": session.talk_with(model), "seen": session.seen}
        with closing(growing(chat(model, earlier, message.text, message.images, **kept))) as parts:
            for said, reply in parts:
                answered = (*turns, Turn("assistant", said))
                if reply is None:
                    yield answered, _view(answered), gr.skip(), gr.skip()
        footer = f"{title(name)} · {snippets.statistics(reply.answer.statistics)}"
        answered = (*turns, replace(answered[-1], text=reply.answer.text.strip(), footer=footer))
        seen = [note for path in heard[-1].images for note in opened[path].notes]
        yield answered, _view(answered), _ready(), snippets.notes((*seen, *dropped, *reply.notes))
    except Exception as error:
        unsent = {"text": turns[-1].text, "files": list(turns[-1].images)}
        restored = gr.MultimodalTextbox(value=unsent, submit_btn=True, stop_btn=False)
        yield turns[:-1], _view(turns[:-1]), restored, snippets.trouble(troubles.sentence(error))


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


def _view(turns: tuple[Turn, ...]) -> list[dict[str, Any]]:
    """The conversation for `gr.Chatbot`, which reads Markdown: what looks like a tag is shown, not obeyed."""
    messages = []
    for turn in turns:
        content: list[Any] = [{"path": path} for path in turn.images]
        # A picture in Markdown would be fetched from wherever its address says.
        content.append(escape(turn.text, quote=False).replace("![", "!&#91;") or "…")
        if turn.footer:
            content.append(f"<small>{escape(turn.footer)}</small>")
        messages.append({"role": turn.role, "content": content})
    return messages
