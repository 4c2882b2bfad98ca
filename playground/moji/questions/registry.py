"""The kinds of question that there are: one kind, one small function that tells the question and its true answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playground.moji.asking import Asker
from playground.moji.words import Exchange, sentence

Asked = tuple[str, str] | tuple[str, str, tuple[str, ...]]
"""(question as it is typed, true answer, other answers that are as right); the answer has no capital or full stop."""
Maker = Callable[[Asker], Asked | None]
"""Draws a question of its kind about the asker's scene; None where the scene allows none, or the truth is not clear."""


@dataclass(frozen=True)
class Kind:
    """A kind of question. ``share`` says how often training asks it about a scene; 1 is once in some."""

    name: str
    make: Maker
    share: float


KINDS: dict[str, Kind] = {}
"""All kinds of question by name, in the order of the table of answers."""


def question(share: float = 1.0) -> Callable[[Maker], Maker]:
    """Register the function below as a kind of question, under its own name with spaces: "count_kind", "count kind"."""

    def register(make: Maker) -> Maker:
        name = make.__name__.strip("_").replace("_", " ")
        if name in KINDS:
            raise ValueError(f"There is a kind of question {name!r} already.")
        KINDS[name] = Kind(name, make, share)
        return make

    return register


def ask(kind: str, asker: Asker) -> Exchange | None:
    """A question of this kind about the asker's scene with its answer as a person writes it; None where none fits.

    Raises KeyError for a kind that is not registered.
    """
    asked = KINDS[kind].make(asker)
    if asked is None:
        return None
    typed, answer, *also = asked
    others = tuple(sentence(other) for other in also[0] if other != answer) if also else ()
    return Exchange(kind, typed, sentence(answer), others)
