"""The settings of the chat, and what of them the chosen model takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.tasks.chat import readable, system_reason
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.loaded import chat_model, title
from playground.ui.tabs.chat.actions import ChatState
from playground.ui.tabs.chat.view import buttons

_RULES = "Rules for the whole conversation, for example: answer in one word."


@dataclass(frozen=True)
class Settings:
    """The fields, in the order in which `respond` takes them, and a line for what the model cannot."""

    system: gr.Textbox
    temperature: gr.Slider
    length: gr.Slider

    @property
    def fields(self) -> list[Any]:
        """All of them."""
        return [self.system, self.temperature, self.length]


def settings() -> Settings:
    """Lay out the settings, folded."""
    with gr.Accordion("Settings", open=False, elem_classes="chat-settings"):
        system = gr.Textbox(label="System prompt", info=_RULES, lines=2, max_lines=8, max_length=20_000)
        with gr.Row():
            temperature = gr.Slider(
                0, 1.5, 0, step=0.05, label="Temperature", buttons=["reset"], min_width=240,
                info="0 takes the likeliest word each time; the higher, the freer it draws.",
            )  # fmt: skip
            length = gr.Slider(
                16, 1024, 256, step=16, label="Answer length", buttons=["reset"], min_width=240,
                info="The most tokens of an answer; a token is a word or a part of one.",
            )  # fmt: skip
    return Settings(system, temperature, length)


def capability(name: str) -> tuple[Any, Any, str]:
    """Values for (system prompt, chatbot, reason): what this model cannot do is off, and the reason is said."""
    try:
        model = chat_model(name)
    except Exception:  # the picker's card says what is wrong with it
        return gr.skip(), gr.skip(), gr.skip()
    unread = system_reason(model)
    info = f"{title(name)} takes none. {unread}" if unread else _RULES
    blind = model.attention_reason
    reason = snippets.small_print(f"There is no “Why?” under answers of {title(name)}. {blind}") if blind else ""
    return (
        gr.Textbox(interactive=not unread, info=info),
        gr.Chatbot(feedback_options=buttons(why=not blind)),
        reason,
    )


def switched(state: ChatState, system: str, name: str) -> Any:
    """The note after another model was chosen in the middle of a conversation: what of it the new one cannot read."""
    if not state.turns or state.busy:
        return gr.skip()
    try:
        model = chat_model(name)
        _, lost = readable(state.turns, model)
    except Exception as error:
        return snippets.trouble(troubles.sentence(error))
    reason = system_reason(model) if (system or "").strip() else None
    unread = [f"Your system prompt is left out. {reason}"] if reason else []
    return snippets.notes([" ".join((f"{title(name)} goes on with this conversation.", *lost, *unread))])
