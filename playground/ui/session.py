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

from playground.models.generation.image_features import ImageFeatureCache
from playground.ui import zero_gpu as zero

if TYPE_CHECKING:
    from playground.models.generation.prefix_cache import PrefixCache
    from playground.models.server.chat import AnyChatModel

SESSIONS, SEEN_MB, TALK_MB = 64, 128, 512
TOGETHER_MB = 2048
_sessions: OrderedDict[str, Session] = OrderedDict()
_lock = threading.Lock()


@dataclass(eq=False)
class Answering:
    """An answer that is being written in the chat tab, and what its visitor wants of it.

    stop: once set, it ends the answer. over: set when nothing more will come of it. speaking: whether its first words
    have come. unwanted: nothing of it is to be shown any more, for the talk was begun anew.
    """

    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    speaking: bool = False
    unwanted: bool = False


@dataclass
class Session:
    """One visitor's encoded pictures, and the keys and values of the talk in the chat tab.

    answering: the newest answer there. pressed: the turn whose button was pressed last, and when, in seconds of the
    monotonic clock.
    """

    seen: ImageFeatureCache = field(default_factory=lambda: ImageFeatureCache(SEEN_MB))
    talk: PrefixCache | None = None
    answering: Answering | None = None
    pressed: tuple[int, float] = (-1, 0.0)

    def talk_with(self, model: AnyChatModel) -> PrefixCache | None:
        """What the chat tab continues; None where nothing can be kept here: a server's model, or a borrowed GPU."""
        if zero.is_zero():
            return None
        if self.talk is None:  # an empty one counts as false
            self.talk = model.conversation(TALK_MB)
        return self.talk


def session_of(request: gr.Request | None) -> Session:
    """The visitor's session, made at the first question; without a request one that nobody keeps."""
    name = getattr(request, "session_hash", None)
    if name is None:
        return Session()
    with _lock:
        session = _sessions.setdefault(name, Session())
        _sessions.move_to_end(name)
        while len(_sessions) > 1 and (len(_sessions) > SESSIONS or _megabytes() > TOGETHER_MB):
            _sessions.popitem(last=False)
        return session


def _megabytes() -> float:
    """What all sessions keep together."""
    return sum(kept.nbytes for each in _sessions.values() for kept in (each.seen, each.talk) if kept is not None) / 1e6


def end(request: gr.Request) -> None:
    """Forget a visitor who has left."""
    with _lock:
        _sessions.pop(request.session_hash, None)
