"""The conversation as the page keeps it, and what sending, stopping, changing and taking back make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from playground.imaging.opening import open_picture
from playground.models.messages import Message
from playground.tasks import TaskError
from playground.tasks.chat import chat, checked_message, readable
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.fields import Turn
from playground.ui.components.streaming import growing_while_watched
from playground.ui.loaded import chat_model, title
from playground.ui.session import Answering, session_of
from playground.ui.tabs.chat.view import view, waiting

_BUSY = "Your last message is still being answered. Wait for the answer, or stop it first."
_FULL = "Your message could not be taken in just now: too many wait here, or the connection broke. Send it once more."

_PATIENCE = 10
"""Seconds that a new conversation waits for the old one's answer to end, which takes a token."""


@dataclass(frozen=True)
class Draft:
    """A message that is not sent: its words, and its pictures as paths."""

    text: str = ""
    files: tuple[str, ...] = ()

    @staticmethod
    def of(message: dict[str, Any] | None) -> Draft:
        """What the box holds."""
        message = message or {}
        return Draft(message.get("text") or "", tuple(message.get("files") or ()))

    @property
    def value(self) -> dict[str, Any]:
        """What the box is to hold."""
        return {"text": self.text, "files": list(self.files)}


@dataclass(frozen=True)
class ChatState:
    """A conversation and what is being done to it.

    Attributes:
        turns: all that was said; a question at the end is being answered, as is an answer without a footer.
        changing: the place among the turns of the question that is being changed; None for none.
        aside: what the box held when that began; it comes back afterwards.
        before: what the conversation goes back to if there comes no answer; None where none is awaited.
        unsent: a message that got no answer, on its way back into the box.
    """

    turns: tuple[Turn, ...] = ()
    changing: int | None = None
    aside: Draft = Draft()
    before: ChatState | None = None
    unsent: Turn | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited or being written."""
        return bool(self.turns) and not self.turns[-1].footer


def send(message: dict[str, Any] | None, state: ChatState, boxed: bool = True) -> tuple[Any, ...]:
    """Put a message into the conversation, at once; `respond` answers when the model is free.

    A message that changes an earlier one takes its place, and what came after it is dropped. One that did not come
    from the box (boxed=False) goes to the end. Returns values for (state, chatbot, box, note, banner), as the functions
    here do that say nothing else, and then what is to come into the box, before what was typed since it was emptied:
    what stood aside, or the message itself where it cannot be sent; of the others the note alone changes then.
    Never raises.
    """
    draft = Draft.of(message)
    try:
        if state.busy:
            raise TaskError(_BUSY)
        text = checked_message(draft.text, len(draft.files))
        seen = [note for path in draft.files for note in open_picture(path).notes]
    except Exception as error:
        return *_only(note=snippets.trouble(troubles.sentence(error))), draft.value
    if not boxed:
        state = replace(state, changing=None, aside=Draft())
    kept = state.turns if state.changing is None else state.turns[: state.changing]
    asked = ChatState((*kept, Turn("user", text, draft.files)), before=state)
    return asked, waiting(asked.turns), _busy_box(), snippets.notes(seen), gr.Row(visible=False), state.aside.value


def respond(
    state: ChatState, name: str, system: str = "", temperature: float = 0, length: int = 256, request: gr.Request = None
) -> Iterator[tuple[Any, ...]]:
    """Answer the last message as it is written; on trouble the conversation goes back to what it was, see `give_back`.

    length: the most tokens of the answer. Otherwise the box keeps what was typed meanwhile. Never raises.
    """
    if not state.turns or state.turns[-1].role != "user":  # stopped, or begun anew, while it waited
        yield _only()
        return
    session = session_of(request)
    answering = session.answering = Answering()
    writing, said, reply = state, "", None
    try:
        model = chat_model(name)
        heard, dropped = readable(state.turns, model)
        opened = {path: open_picture(path) for turn in heard for path in turn.images}
        *earlier, message = (
            Message(turn.role, turn.text, tuple(opened[path].image for path in turn.images)) for turn in heard
        )
        kept = {"conversation": session.talk_with(model), "seen": session.seen}
        wished = {"system": system, "temperature": float(temperature or 0), "max_new_tokens": int(length or 256)}
        stream = partial(chat, model, earlier, message.text, message.images, **wished, **kept)
        with closing(growing_while_watched(lambda stop: stream(stop=stop), answering.stop)) as parts:
            for part in parts:
                said, reply = part or ("", None)
                if answering.unwanted or (answering.stop.is_set() and not answering.speaking):  # `stop` has ended it
                    yield _only()
                    return
                if part is None:
                    yield _only()
                    continue
                writing = replace(state, turns=(*state.turns, Turn("assistant", said, model=name)))
                answering.speaking = True
                if reply is None:
                    yield _only(state=writing, chatbot=view(writing.turns))
                if answering.stop.is_set():
                    break
        cost = snippets.statistics(reply.answer.statistics) if reply else "stopped"
        answer = replace(writing.turns[-1], text=said.strip(), footer=f"{title(name)} · {cost}")
        state = ChatState((*state.turns, answer))
        seen = [note for path in heard[-1].images for note in opened[path].notes]
        note = snippets.notes((*seen, *dropped, *(reply.notes if reply else ())))
        if answering.unwanted:
            yield _only()
            return
        yield state, view(state.turns), ready_box(), note, gr.skip()
    except Exception as error:
        asked, before = state.turns[-1], state.before or ChatState(state.turns[:-1])
        again = before.changing is None and before.turns[: len(state.turns)] == state.turns
        state = replace(before, unsent=None if again else asked)  # asked once more, it still stands in the conversation
        note, changing = snippets.trouble(troubles.sentence(error)), gr.Row(visible=state.changing is not None)
        yield _only() if answering.unwanted else (state, view(state.turns), ready_box(), note, changing)
    finally:
        answering.over.set()


def give_back(message: dict[str, Any] | None, state: ChatState) -> tuple[Any, Any, Any]:
    """Values for (state, box, what is to come into it): a message that got no answer goes back into the box, before
    what was typed meanwhile."""
    if state.unsent is None:
        return gr.skip(), gr.skip(), gr.skip()
    back, kept = Draft(state.unsent.text, state.unsent.images), replace(state, unsent=None)
    if state.aside != Draft() and Draft.of(message) == state.aside:  # it stands aside again
        return kept, ready_box(back), gr.skip()
    return kept, gr.skip(), back.value


def turned_away(state: ChatState) -> tuple[Any, ...]:
    """Values as those of `send` for a message that never came to `respond`: the line is full, or the connection broke.

    The conversation goes back to what it was, and the message into the box.
    """
    if not state.turns or state.turns[-1].role != "user":
        return *_only(), gr.skip()
    asked, before = state.turns[-1], state.before or ChatState(state.turns[:-1])
    again = before.changing is None and before.turns[: len(state.turns)] == state.turns  # it still stands there
    back = Draft() if again else Draft(asked.text, asked.images)
    changing = gr.Row(visible=before.changing is not None)
    return before, view(before.turns), ready_box(), snippets.trouble(_FULL), changing, back.value


def regenerate(state: ChatState, temperature: float) -> tuple[Any, ...]:
    """Take the last answer away, for `respond` to write another one."""
    if state.busy:
        return _only(note=snippets.trouble(_BUSY))
    if not state.turns:
        return _only()
    turns = state.turns[:-1] if state.turns[-1].role == "assistant" else state.turns
    same = [] if temperature else ["At temperature 0 the same answer comes again; raise it in the settings."]
    return ChatState(turns, before=state), waiting(turns), _busy_box(), snippets.notes(same), gr.Row(visible=False)


def undo(message: dict[str, Any] | None, state: ChatState) -> tuple[Any, ...]:
    """Take the last question and its answer back; the question goes into the box if that is empty."""
    if state.busy:
        return _only(note=snippets.trouble(_BUSY))
    asked = [place for place, turn in enumerate(state.turns) if turn.role == "user"]
    if not asked:
        return _only()
    question, turns = state.turns[asked[-1]], state.turns[: asked[-1]]
    typed = Draft.of(message)
    box = ready_box(Draft(question.text, question.images)) if typed == Draft() else gr.skip()
    return ChatState(turns), view(turns), box, "", gr.Row(visible=False)


def change(message: dict[str, Any] | None, state: ChatState, place: int) -> tuple[Any, ...]:
    """Put an earlier question into the box, to be changed; what the box held stands aside."""
    if state.busy:
        return _only(note=snippets.trouble(_BUSY))
    if place >= len(state.turns) or state.turns[place].role != "user":
        return _only()
    aside = Draft.of(message) if state.changing is None else state.aside
    question = state.turns[place]
    box = ready_box(Draft(question.text, question.images))
    return replace(state, changing=place, aside=aside), gr.skip(), box, "", gr.Row(visible=True)


def leave_unchanged(state: ChatState) -> tuple[Any, ...]:
    """Stop changing a question: the box holds again what it held before."""
    kept = replace(state, changing=None, aside=Draft())
    return kept, gr.skip(), ready_box(state.aside), "", gr.Row(visible=False)


def stop(state: ChatState, request: gr.Request = None) -> tuple[Any, ...]:
    """End the answer: what was said stays, and no question is left without an answer's turn.

    An answer that has begun ends itself and says so; one that has not is silent from now on. (Gradio's own way to
    cancel an event may leave the page with an error that is none.)
    """
    answering = session_of(request).answering
    if answering and not answering.over.is_set():
        answering.stop.set()
        if answering.speaking:
            return _only()
    turns = state.turns
    if turns and turns[-1].role == "user":
        turns = (*turns, Turn("assistant", ""))
    if turns and not turns[-1].footer:
        turns = (*turns[:-1], replace(turns[-1], footer="stopped"))
    return ChatState(turns), view(turns), ready_box(), gr.skip(), gr.Row(visible=False)


def begin_anew(request: gr.Request = None) -> tuple[Any, ...]:
    """An empty conversation; an answer that is being written ends first, unseen. The box keeps what is in it."""
    answering = session_of(request).answering
    if answering:
        answering.unwanted = True
        answering.stop.set()
        answering.over.wait(_PATIENCE)
    return ChatState(), [], ready_box(), "", gr.Row(visible=False)


def ready_box(draft: Draft | None = None) -> gr.MultimodalTextbox:
    """The box with its send button back, and this message in it; None leaves what it holds."""
    held = {} if draft is None else {"value": draft.value}
    return gr.MultimodalTextbox(submit_btn=True, stop_btn=False, **held)


def _busy_box() -> gr.MultimodalTextbox:
    """The box with a stop button. What it holds is left: more may be typed there before this reaches the page."""
    return gr.MultimodalTextbox(submit_btn=False, stop_btn=True)


def _only(**values: Any) -> tuple[Any, ...]:
    """Values for (state, chatbot, box, note, banner) that change only what is named."""
    return tuple(values.get(name, gr.skip()) for name in ("state", "chatbot", "box", "note", "banner"))
