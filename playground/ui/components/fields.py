"""What passes between tabs: a turn of a conversation, and an answer that somebody asks why about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """One turn as the page keeps it: pictures as paths, because a session may stay open for hours.

    The footer says what an answer cost; without one it is still being written. model: the name of who answered.
    """

    role: str
    text: str
    images: tuple[str, ...] = ()
    footer: str = ""
    model: str = ""


@dataclass(frozen=True, eq=False)  # compared by identity: asking why a second time is a new wish
class Why:
    """An answer that somebody wants to look into.

    turns: the talk up to the question, pictures as paths. answer: what was answered. model: the name of who did.
    """

    turns: tuple[Turn, ...]
    answer: str
    model: str
