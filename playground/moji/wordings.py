"""How people word each kind of question: the wordings that training draws, and others that it never draws.

With the unseen ones one can measure whether a model understood a question or learnt its wordings by heart. They use
words of the seen ones alone, so that nothing but the wording is new.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wordings:
    """Templates of one kind of question; the first usual one is the plainest.

    Blanks: {name} "dog", {a} "a dog", {plural} "dogs", the same of a second thing as {other}, {a_other} and
    {others}; {place} "top left", {side} "left of", {number} "two", {colour} "red", {kind} "animal", {kinds} "animals".
    """

    usual: tuple[str, ...]
    unseen: tuple[str, ...]


WORDINGS: dict[str, Wordings] = {}
"""All wordings by the kind of question; those of ``talks`` begin with "then "."""


def wordings(kind: str, usual: str, unseen: str) -> None:
    """Register the wordings of one kind of question, one a line. Raises ValueError for a kind that has some already."""
    if kind in WORDINGS:
        raise ValueError(f"The kind of question {kind!r} has its wordings already.")
    lines = (tuple(line.strip() for line in text.strip().splitlines() if line.strip()) for text in (usual, unseen))
    WORDINGS[kind] = Wordings(*lines)
