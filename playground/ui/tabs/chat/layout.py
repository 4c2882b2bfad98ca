"""Chat: talk about one or more pictures, turn after turn."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.tasks.examples import Example, examples
from playground.ui.components import snippets
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.gradio_patches import current_page
from playground.ui.tabs.chat import actions as chat_talk
from playground.ui.tabs.chat import browser_storage as chat_kept
from playground.ui.tabs.chat import files as chat_files
from playground.ui.tabs.chat.actions import ChatState, Draft
from playground.ui.tabs.chat.camera import add_capture, camera
from playground.ui.tabs.chat.forecast import forecast_line
from playground.ui.tabs.chat.settings import capability, settings, switched
from playground.ui.tabs.chat.view import COPIED, COPY_SCRIPT, buttons
from playground.ui.tabs.chat.why import react

_AT_ONCE = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
_IN_LINE = {"show_progress": "hidden", "api_visibility": "private", **MODEL_QUEUE}
_UNSEEN = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
_IN_PAGE = {"fn": None, **_AT_ONCE}
_SCENES = 6
_CHANGING = "You are changing an earlier message: when you send it, what came after it is dropped and answered anew."


def build(page: Page) -> Fields:
    """Lay out the tab."""
    chosen, why = page.chosen, page.why
    state, stored = gr.State(ChatState()), chat_kept.storage()
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
    cost = gr.HTML()
    # A message on its way from the box, and one on its way back into it, see page.js: one may come while another goes.
    going, coming = gr.MultimodalTextbox(visible=False), gr.MultimodalTextbox(visible=False)
    with gr.Row(elem_classes="chat-tools"):
        fresh = gr.Button("New conversation", size="sm")
        files = chat_files.buttons()
    taken = camera()
    fields = settings()
    outputs = [state, chatbot, box, note, banner]

    taking = box.submit(js="box => playground.takeMessage(box)", inputs=box, outputs=[going, box], **_IN_PAGE)
    # Each one is heard, since it has left the box: while an answer is awaited it is refused, and comes back.
    sending = taking.then(chat_talk.send, [going, state], [*outputs, coming], trigger_mode="multiple", **_AT_ONCE)
    sent = [
        sending,
        chatbot.example_select(send_scene, state, outputs, **_AT_ONCE),
        chatbot.retry(chat_talk.regenerate, [state, fields.temperature], outputs, **_AT_ONCE),
    ]
    memory = (chat_kept.kept, [state, *fields.fields], stored)

    def keep(event: Any) -> None:
        event.then(*memory, **_AT_ONCE)

    def put_back(event: Any) -> None:
        js = "(coming, box) => playground.putBack(coming, box)"
        event.then(js=js, inputs=[coming, box], outputs=[coming, box], **_IN_PAGE)

    put_back(sending)
    for event in sent:
        keep(event)
        answered = event.then(chat_talk.respond, [state, chosen, *fields.fields], outputs, **_IN_LINE)
        given = answered.then(chat_talk.give_back, [box, state], [state, box, coming], **_AT_ONCE)
        refused = answered.failure(chat_talk.turned_away, state, [*outputs, coming], **_AT_ONCE)
        for ended in (given, refused):
            put_back(ended)
            keep(ended)
    # These go the way that the answer comes, so that they reach the page after its last word.
    keep(box.stop(chat_talk.stop, state, outputs, **_UNSEEN))
    keep(gr.on([fresh.click, chatbot.clear], chat_talk.begin_anew, None, outputs, **_UNSEEN))
    keep(chatbot.undo(chat_talk.undo, [box, state], outputs, **_AT_ONCE))
    leave.click(chat_talk.leave_unchanged, state, outputs, **_AT_ONCE)
    # Not at once: only an event of the queue tells the page that a state, such as `why`, has changed.
    chatbot.like(react, [box, state, fields.system, chosen], [*outputs, why], **_UNSEEN)

    keep(chat_files.wire(files, state, fields, chosen, outputs, note))
    put_back(taken.input(add_capture, taken, [taken, coming, note], **_AT_ONCE))
    gr.on([fields.system.blur, fields.temperature.input, fields.length.input], *memory, **_AT_ONCE)

    gr.on([box.change, chosen.change], forecast_line, [box, chosen], cost, trigger_mode="always_last", **_AT_ONCE)

    able = [fields.system, chatbot, reason]
    app = current_page()
    app.load(chat_kept.restored, stored, [state, chatbot, note, *fields.fields], **_AT_ONCE)
    app.load(capability, chosen, able, **_UNSEEN)
    app.load(None, js=COPY_SCRIPT, **_AT_ONCE)
    chosen.change(capability, chosen, able, **_UNSEEN)
    chosen.change(switched, [state, fields.system, chosen], note, **_UNSEEN)
    return Fields(None, box)


TAB = Tab("chat", "Chat", build)


def send_scene(state: ChatState, event: gr.SelectData) -> tuple[Any, ...]:
    """Send an example scene with its question, see `chat_talk.send`; what is typed in the box stays there."""
    scene = examples()[event.index % len(examples())]
    return chat_talk.send(Draft(scene.question, (str(scene.path),)).value, state, boxed=False)[:-1]


def _shown(scene: Example) -> dict[str, Any]:
    """A scene as `gr.Chatbot` offers it in an empty conversation."""
    return {"text": scene.question, "icon": str(scene.path)}
