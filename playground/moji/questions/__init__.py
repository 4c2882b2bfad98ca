"""What can be asked about a scene, one kind of question a function; ``ask`` takes the name of a kind."""

from playground.moji.questions import beside, comparing, mixed, number, place, presence, telling, things
from playground.moji.questions.registry import KINDS, Kind, ask

__all__ = [
    "KINDS",
    "QUESTION_TYPES",
    "Kind",
    "ask",
    "beside",
    "comparing",
    "mixed",
    "number",
    "place",
    "presence",
    "telling",
    "things",
]

QUESTION_TYPES = tuple(KINDS)
"""The name of every kind of question."""
