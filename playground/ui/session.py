"""What is kept for one visitor between two questions, so that neither pictures nor talk are computed again.

Nobody else's questions can reach it. It goes when the page is closed or loaded anew, and when too many others came
since: then the next answer only takes longer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gradio as gr

from playground.models.seen import Seen

if TYPE_CHECKING:
    from playground.models.conversation import Conversation
    from playground.models.remote import AnyChatModel

SESSIONS, SEEN_MB, TALK_MB = 24, 128, 512
_sessions: OrderedDict[str, Session] = OrderedDict()
_lock = threading.Lock()


@dataclass
class Session:
    """One visitor's encoded pictures, and the keys and values of the talk in the chat tab."""

    seen: Seen = field(default_factory=lambda: Seen(SEEN_MB))
    talk: Conversation | None = None

    def talk_with(self, model: AnyChatModel) -> Conversation | None:
        """What the chat tab continues; None where the model keeps nothing here (a server)."""
        self.talk = self.talk or model.conversation(TALK_MB)
        return self.talk


def session_of(request: gr.Request | None) -> Session:
    """The visitor's session, made at the first question; without a request one that nobody keeps."""
    name = getattr(request, "session_hash", None)
    if name is None:
        return Session()
    with _lock:
        session = _sessions.setdefault(name, Session())
        _sessions.move_to_end(name)
        while len(_sessions) > SESSIONS:
            _sessions.popitem(last=False)
        return session


def end(request: gr.Request) -> None:
    """Forget a visitor who has left."""
    with _lock:
        _sessions.pop(request.session_hash, None)
