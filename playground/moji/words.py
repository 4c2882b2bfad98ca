"""What is said about scenes: names, numbers, captions, and questions with their exact answers.

Every answer follows from a scene's truth alone, so that a model's answers can be scored without a judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from playground.moji.phrasing import DETAILED_PROMPT, SHORT_PROMPT
from playground.moji.scenes import Scene, Thing
from playground.moji.synonyms import plural_phrase
from playground.moji.world import NUMBERS, article, place_of

__all__ = ["DETAILED_PROMPT", "SHORT_PROMPT", "Exchange"]

SIDES = ("left of", "right of", "above", "below")
NEAR_BORDER = 4  # pixels from the border of two places within which either is right
_WIDER = {"bird": ("animal",), "fruit": ("food",), "vegetable": ("food",)}


@dataclass(frozen=True)
class Exchange:
    """One question about a scene with its answer. ``type`` names what is asked: "count", "where", …

    ``also`` are other answers that are as right: a place whose border the thing stands on.
    """

    type: str
    question: str
    answer: str
    also: tuple[str, ...] = ()


def sentence(text: str) -> str:
    """As a person writes it: "two" → "Two."."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def join_phrases(phrases: Sequence[str]) -> str:
    """English enumeration: "a dog, two cats and a red circle"."""
    return phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]


def counts(scene: Scene) -> Counter[str]:
    """How many of each name stand in the scene, in order from left to right of each one's first."""
    return Counter(thing.name for thing in scene.things)


def counted(name: str, count: int) -> str:
    """ "a dog", "two dogs"."""
    return article(name) if count == 1 else f"{NUMBERS[count]} {plural_name(name)}"


def plural_name(name: str) -> str:
    """Plural of a name that may carry a colour or a writing: "red circles"."""
    return plural_phrase(name)


def listing(things: Iterable[Thing], nothing: str = "nothing") -> str:
    """What is there, several of a name together, in the order given: "a dog and two cats"; or ``nothing``."""
    told = Counter(thing.name for thing in things)
    return join_phrases([counted(name, number) for name, number in told.items()]) if told else nothing


def kinds_of(thing: Thing) -> tuple[str, ...]:
    """The kind of a thing and what that belongs to: an owl is a bird and an animal."""
    return (thing.kind, *_WIDER.get(thing.kind, ()))


def short_caption(scene: Scene) -> str:
    """ "a dog, two cats and a red circle.", from left to right."""
    return listing(scene.things) + "."


def detailed_caption(scene: Scene) -> str:
    """One phrase a thing with its place, from left to right: "a dog at the top left, a cat at the right." """
    return join_phrases([f"{article(thing.name)} at the {thing.place}" for thing in scene.things]) + "."


def places(thing: Thing, margin: float = NEAR_BORDER) -> tuple[str, ...]:
    """The place of a thing first, then those whose border its centre is within ``margin`` pixels of."""
    x, y = thing.centre
    shifts = product((0, -margin, margin), repeat=2)
    return tuple(dict.fromkeys(place_of(x + right, y + down) for right, down in shifts))


def is_side(thing: Thing, side: str, other: Thing, margin: float = 12) -> bool | None:
    """Whether ``thing`` is left of / right of / above / below ``other`` by their centres.

    None where the two differ by less than ``margin`` pixels on that axis: too close to call.
    """
    axis = 0 if side in ("left of", "right of") else 1
    gap = other.centre[axis] - thing.centre[axis]
    if side in ("right of", "below"):
        gap = -gap
    return None if abs(gap) < margin else gap > 0
