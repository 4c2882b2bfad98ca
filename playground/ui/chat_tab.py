"""Chat: talk about one or more pictures, turn after turn."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.context import Context
from gradio.data_classes import ImageData

from playground.tasks import TaskError
from playground.tasks.chat import system_reason
from playground.tasks.examples import Example, examples
from playground.ui import chat_files, chat_kept, chat_talk, snippets, troubles
from playground.ui.chat_settings import capability, settings, switched
from playground.ui.chat_talk import Draft, Talk
from playground.ui.chat_view import COPIED, COPY_SCRIPT, buttons
from playground.ui.loaded import chat_model, must_download, title
from playground.ui.session import session_of
from playground.ui.streaming import MODEL_QUEUE
from playground.ui.turn import Fields, Turn, Why

_AT_ONCE = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
_IN_LINE = {"show_progress": "hidden", "api_visibility": "private", **MODEL_QUEUE}
_UNSEEN = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
_SCENES = 6
_CHANGING = "You are changing an earlier message: when you send it, what came after it is dropped and answered anew."
_ECHO = 1.5
"""Seconds within which a second click on the same button is no new one: Gradio reports each click twice."""
_DOWNLOAD = "() => setTimeout(() => document.querySelector('#saved-talk').click(), 100)"


def build(chosen: gr.State, why: gr.State) -> Fields:
    """Lay out the tab; `chosen` holds the name of the chat model; a `Why` put into `why` opens Attention."""
    talk, stored = gr.State(Talk()), chat_kept.storage()
    chatbot = gr.Chatbot(
        label="Conversation",
        show_label=False,
        height=480,
        buttons=["copy"],
        layout="bubble",
        latex_delimiters=[],
        allow_tags=False,
        watermark=COPIED,
        feedback_options=buttons(why=True),
        like_user_message=True,
        placeholder="### Hello!\nSend a picture and ask about it, or click a scene.",
        examples=[_shown(scene) for scene in examples()[:_SCENES]],
        elem_classes="chat",
    )
    reason, note = gr.HTML(), gr.HTML()
    with gr.Row(visible=False, elem_classes="chat-changing") as banner:
        gr.HTML(snippets.notes([_CHANGING]))
        leave = gr.Button("Leave it as it was", size="sm", elem_classes="quiet")
    box = gr.MultimodalTextbox(
        placeholder="Ask about a picture…",
        label="Message",
        show_label=False,
        file_count="multiple",
        max_plain_text_length=1_000_000,  # a long text is answered with a sentence, not turned into a file
        elem_classes="chat-box",
    )
    with gr.Row(elem_classes="chat-tools"):
        fresh, as_markdown, as_json = (
            gr.Button(label, size="sm") for label in ("New conversation", "Save as Markdown", "Save as JSON")
        )
        opening = gr.UploadButton("Open a saved talk", size="sm")
        download = gr.DownloadButton(visible="hidden", elem_id="saved-talk")
    camera = _camera()
    fields = settings()
    outputs = [talk, chatbot, box, note, banner]

    sent = [
        box.submit(chat_talk.send, [box, talk], outputs, **_AT_ONCE),
        chatbot.example_select(send_scene, talk, outputs, **_AT_ONCE),
        chatbot.retry(chat_talk.regenerate, [talk, fields.temperature], outputs, **_AT_ONCE),
    ]
    memory = (chat_kept.kept, [talk, *fields.fields], stored)

    def keep(event: Any) -> None:
        event.then(*memory, **_AT_ONCE)

    answered = []
    for event in sent:
        keep(event)
        answered.append(event.then(chat_talk.respond, [talk, chosen, *fields.fields], outputs, **_IN_LINE))
        keep(answered[-1].then(chat_talk.give_back, [box, talk], [talk, box], **_AT_ONCE))
    keep(box.stop(chat_talk.stop, talk, outputs, cancels=answered, **_AT_ONCE))
    keep(gr.on([fresh.click, chatbot.clear], chat_talk.begin_anew, None, outputs, cancels=answered, **_AT_ONCE))
    keep(chatbot.undo(chat_talk.undo, [box, talk], outputs, **_AT_ONCE))
    leave.click(chat_talk.leave_unchanged, talk, outputs, **_AT_ONCE)
    # Not at once: only an event of the queue tells the page that a state, such as `why`, has changed.
    chatbot.like(react, [box, talk, fields.system, chosen], [*outputs, why], **_UNSEEN)

    saving = [
        as_markdown.click(chat_files.save_markdown, [talk, fields.system], [download, note], **_AT_ONCE),
        as_json.click(chat_files.save_json, [talk, *fields.fields, chosen], [download, note], **_AT_ONCE),
    ]
    for event in saving:
        event.then(None, js=_DOWNLOAD, **_AT_ONCE)
    keep(opening.upload(chat_files.open_talk, [opening, talk], [*outputs, fields.system], **_AT_ONCE))
    camera.input(add_capture, [camera, box], [camera, box, note], **_AT_ONCE)
    gr.on([fields.system.blur, fields.temperature.input, fields.length.input], *memory, **_AT_ONCE)

    able = [fields.system, chatbot, reason]
    page = Context.root_block
    page.load(chat_kept.restored, stored, [talk, chatbot, note, *fields.fields], **_AT_ONCE)
    page.load(capability, chosen, able, **_UNSEEN)
    page.load(None, js=COPY_SCRIPT, **_AT_ONCE)
    chosen.change(capability, chosen, able, **_UNSEEN)
    chosen.change(switched, [talk, fields.system, chosen], note, **_UNSEEN)
    return Fields(None, box)


def send_scene(talk: Talk, event: gr.SelectData) -> tuple[Any, ...]:
    """Send an example scene with its question, as `chat_talk.send`; what is typed in the box stays there."""
    scene = examples()[event.index % len(examples())]
    return chat_talk.send(Draft(scene.question, (str(scene.path),)).value, talk, boxed=False)


def react(
    message: dict[str, Any] | None,
    talk: Talk,
    system: str,
    name: str,
    event: gr.LikeData,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """The button under a turn: change a question, or ask why an answer is as it is.

    Values for (talk, chatbot, box, note, banner, why).
    """
    place, session = event.index, session_of(request)
    before, session.pressed = session.pressed, (place, time.monotonic())
    twice = before[0] == place and session.pressed[1] - before[1] < _ECHO
    if twice or place not in range(len(talk.turns)):
        return (gr.skip(),) * 6
    if talk.turns[place].role == "user":
        return *chat_talk.change(message, talk, place), gr.skip()
    try:
        return *(gr.skip(),) * 5, asked_why(talk.turns, place, system, name)
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


def add_capture(path: str | None, message: dict[str, Any] | None) -> tuple[Any, ...]:
    """Values for (camera, box, note): what the camera took goes into the message, and the camera is free again."""
    if not path:
        return gr.skip(), gr.skip(), gr.skip()
    held = Draft.of(message)
    return None, gr.MultimodalTextbox(value=Draft(held.text, (*held.files, path)).value), ""


def _shown(scene: Example) -> dict[str, Any]:
    """A scene as `gr.Chatbot` offers it in an empty conversation."""
    return {"text": scene.question, "icon": str(scene.path)}


def _camera() -> gr.Image:
    """A camera, folded until it is wanted: the browser asks for leave only then."""
    with gr.Accordion("Camera", open=False, elem_classes="chat-camera"):
        camera = gr.Image(label="Camera", show_label=False, sources=["webcam"], type="filepath", height=320, buttons=[])
    camera.preprocess = _path  # undecoded, as in `picture_input`
    return camera


def _path(payload: ImageData | None) -> str | None:
    return payload.path if payload else None
