"""What is said about scenes: captions, and questions with their exact answers.

Every answer follows from a scene's truth alone, so that a model's answers can be scored without a judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from .scenes import Scene, Thing
from .world import COLOURS, EMOJI_NOUNS, KINDS, NOUNS, NUMBERS, PLACES, SHAPES, article, plural

Option = TypeVar("Option")

SHORT_PROMPT = "describe the picture."
DETAILED_PROMPT = "describe the picture in detail."
OUTSIDE_ANSWER = "i only know my emoji world."

_SHORT_PROMPTS = (SHORT_PROMPT, "what is in the picture?", "what do you see?", "caption this.", "whats in here?")
_DETAILED_PROMPTS = (DETAILED_PROMPT, "tell me more about the picture.", "where is everything?")
_OUTSIDE_QUESTIONS = (
    "who are you?", "what time is it?", "what is your name?", "who is the president?", "tell me a joke.",
    "what is the weather tomorrow?", "how much does it cost?", "who took this picture?", "write a poem.",
    "where was this taken?", "what happened before?", "is this a real photo?", "who made you?", "hello",
    "what is the capital of france?", "how old is it?",
)  # fmt: skip
_COUNT_QUESTIONS = (
    "how many {plural} are there?", "how many {plural}?", "how many {plural} do you see?", "count the {plural}.",
    "how many {plural} are in the picture?",
)  # fmt: skip
_EXISTS_QUESTIONS = (
    "is there {a}?", "is there {a} in the picture?", "do you see {a}?", "can you see {a}?", "are there any {plural}?",
)  # fmt: skip
_WHERE_QUESTIONS = ("where is the {name}?", "where is the {name} in the picture?", "where do you see the {name}?")
_AT_QUESTIONS = ("what is in the {place}?", "what is at the {place}?", "what do you see in the {place}?")
_SIDE_QUESTIONS = ("what is {side} the {name}?", "which thing is {side} the {name}?")
_RELATION_QUESTIONS = ("is the {name} {side} the {other}?", "is {a} {side} the {other}?")
_COLOUR_QUESTIONS = ("what colour is the {name}?", "what color is the {name}?", "which colour is the {name}?")
_KIND_QUESTIONS = (
    "what kind of thing is the {name}?",
    "what kind of thing is {a}?",
    "what type of thing is the {name}?",
)
_SIZE_QUESTIONS = ("which is bigger, the {name} or the {other}?", "what is bigger, the {name} or the {other}?")
_TOTAL_QUESTIONS = ("how many things are there?", "how many objects are there?", "how many things do you see?")
SIDES = ("left of", "right of", "above", "below")


@dataclass(frozen=True)
class Exchange:
    """One question about a scene with its answer. ``type`` names what is asked: "count", "where", …"""

    type: str
    question: str
    answer: str


def join_phrases(phrases: list[str]) -> str:
    """English enumeration: "a dog, two cats and a red circle"."""
    return phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]


def counts(scene: Scene) -> Counter[str]:
    """How many of each name stand in the scene, in order from left to right of each one's first."""
    return Counter(thing.name for thing in scene.things)


def counted(name: str, count: int) -> str:
    """ "a dog", "two dogs"."""
    return article(name) if count == 1 else f"{NUMBERS[count]} {plural_name(name)}"


def plural_name(name: str) -> str:
    """Plural of a name that may carry a colour: "red circles"."""
    colour, _, noun = name.rpartition(" ")
    return f"{colour} {plural(noun)}".strip()


def short_caption(scene: Scene) -> str:
    """ "a dog, two cats and a red circle.", from left to right."""
    return join_phrases([counted(name, count) for name, count in counts(scene).items()]) + "."


def detailed_caption(scene: Scene) -> str:
    """One phrase a thing with its place, from left to right: "a dog at the top left, a cat at the right." """
    return join_phrases([f"{article(thing.name)} at the {thing.place}" for thing in scene.things]) + "."


def is_side(thing: Thing, side: str, other: Thing, margin: float = 12) -> bool | None:
    """Whether ``thing`` is left of / right of / above / below ``other`` by their centres.

    None where the two differ by less than ``margin`` pixels on that axis: too close to call.
    """
    axis = 0 if side in ("left of", "right of") else 1
    gap = other.centre[axis] - thing.centre[axis]
    if side in ("right of", "below"):
        gap = -gap
    return None if abs(gap) < margin else gap > 0


class Asker:
    """Draws questions about one scene. Kept as a class because every question shares the scene's counts."""

    def __init__(self, scene: Scene, rng: np.random.Generator) -> None:
        self.scene, self.rng = scene, rng
        self.counts = counts(scene)
        self.single = [thing for thing in scene.things if self.counts[thing.name] == 1]

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as the others."""
        return options[int(self.rng.integers(len(options)))]

    def absent_name(self) -> str:
        """A name that is not in the scene; often a near miss: the right shape in another colour, the same kind."""
        present = self.pick(self.scene.things)
        draw = self.rng.random()
        for _ in range(20):
            if present.colour and draw < 0.6:
                name = f"{self.pick(list(COLOURS))} {self.pick((present.noun, *SHAPES))}"
            elif draw < 0.3:
                name = self.pick([word for word in EMOJI_NOUNS if NOUNS[word].kind == present.kind] or EMOJI_NOUNS)
            else:
                name = self.pick(EMOJI_NOUNS)
            if name not in self.counts:
                return name
        return next(word for word in EMOJI_NOUNS if word not in self.counts)

    def caption(self, first: bool = False) -> Exchange:
        """The short caption; ``first`` asks with the prompt that the app uses."""
        return Exchange("caption", SHORT_PROMPT if first else self.pick(_SHORT_PROMPTS), short_caption(self.scene))

    def detail(self, first: bool = False) -> Exchange:
        """The caption with places."""
        prompt = DETAILED_PROMPT if first else self.pick(_DETAILED_PROMPTS)
        return Exchange("detail", prompt, detailed_caption(self.scene))

    def exists(self, present: bool | None = None) -> Exchange:
        """Is there a …? Yes and no are equally likely."""
        present = bool(self.rng.random() < 0.5) if present is None else present
        name = self.pick(list(self.counts)) if present else self.absent_name()
        question = self.pick(_EXISTS_QUESTIONS).format(a=article(name), plural=plural_name(name))
        return Exchange("exists", question, "yes" if present else "no")

    def count(self) -> Exchange:
        """How many …? One time in six there are none; else, half the time, of what stands there several times."""
        several = [name for name, number in self.counts.items() if number > 1]
        if self.rng.random() < 1 / 6:
            name = self.absent_name()
        else:
            name = self.pick(several if several and self.rng.random() < 0.5 else list(self.counts))
        number = self.counts.get(name, 0)
        question = self.pick(_COUNT_QUESTIONS).format(plural=plural_name(name))
        return Exchange("count", question, NUMBERS[number] if number else "none")

    def total(self) -> Exchange:
        """How many things in all."""
        return Exchange("total", self.pick(_TOTAL_QUESTIONS), NUMBERS[len(self.scene.things)])

    def where(self) -> Exchange | None:
        """Where is the …? About a thing of which there is one; sometimes about one that is not there."""
        if self.rng.random() < 0.12:
            return self.absent()
        if not self.single:
            return None
        thing = self.pick(self.single)
        return Exchange("where", self.pick(_WHERE_QUESTIONS).format(name=thing.name), thing.place)

    def absent(self) -> Exchange:
        """Where is the …? About a thing that is not there: the answer says so."""
        name = self.absent_name()
        return Exchange("absent", self.pick(_WHERE_QUESTIONS).format(name=name), f"there is no {name}")

    def at(self) -> Exchange | None:
        """What is in the top left? About a place where one thing is, or nothing."""
        place = self.pick(self.scene.things).place if self.rng.random() < 0.85 else self.pick(sum(PLACES, ()))
        there = [thing for thing in self.scene.things if thing.place == place]
        if len(there) > 1:
            return None
        answer = article(there[0].name) if there else "nothing"
        return Exchange("at", self.pick(_AT_QUESTIONS).format(place=place), answer)

    def side(self) -> Exchange | None:
        """What is left of the …? Asked where exactly one other thing is on that side."""
        if not self.single or len(self.scene.things) < 2:
            return None
        thing, side = self.pick(self.single), self.pick(SIDES)
        there = [(other, is_side(other, side, thing)) for other in self.scene.things if other is not thing]
        if any(truth is None for _, truth in there):
            return None
        beside = [other for other, truth in there if truth]
        if len(beside) > 1:
            return None
        question = self.pick(_SIDE_QUESTIONS).format(side=side, name=thing.name)
        return Exchange("side", question, article(beside[0].name) if beside else "nothing")

    def relation(self) -> Exchange | None:
        """Is the … left of the …? Between two things of which there is one each."""
        if len(self.single) < 2:
            return None
        one, two = self.rng.permutation(len(self.single))[:2]
        thing, other, side = self.single[one], self.single[two], self.pick(SIDES)
        truth = is_side(thing, side, other)
        if truth is None:
            return None
        question = self.pick(_RELATION_QUESTIONS).format(
            name=thing.name, a=article(thing.name), side=side, other=other.name
        )
        return Exchange("relation", question, "yes" if truth else "no")

    def colour(self) -> Exchange | None:
        """What colour is the circle? About a shape of which there is one."""
        shapes = Counter(thing.noun for thing in self.scene.things if thing.colour)
        ones = [thing for thing in self.scene.things if shapes[thing.noun] == 1]
        if not ones:
            return None
        thing = self.pick(ones)
        return Exchange("colour", self.pick(_COLOUR_QUESTIONS).format(name=thing.noun), thing.colour)

    def kind(self) -> Exchange:
        """What kind of thing is the dog? An animal."""
        thing = self.pick(self.scene.things)
        question = self.pick(_KIND_QUESTIONS).format(name=thing.noun, a=article(thing.noun))
        return Exchange("kind", question, article(thing.kind))

    def bigger(self) -> Exchange | None:
        """Which is bigger? Between two single things of clearly different size (a quarter or more)."""
        if len(self.single) < 2:
            return None
        one, two = (self.single[i] for i in self.rng.permutation(len(self.single))[:2])
        if max(one.size, two.size) < 1.25 * min(one.size, two.size):
            return None
        question = self.pick(_SIZE_QUESTIONS).format(name=one.name, other=two.name)
        return Exchange("bigger", question, f"the {max(one, two, key=lambda thing: thing.size).name}")

    def outside(self) -> Exchange:
        """A question that a picture of this world cannot answer."""
        return Exchange("outside", self.pick(_OUTSIDE_QUESTIONS), OUTSIDE_ANSWER)


QUESTION_TYPES = (
    "exists", "count", "total", "where", "absent", "at", "side", "relation", "colour", "kind", "bigger", "outside",
)  # fmt: skip


def follow_up(scene: Scene, rng: np.random.Generator) -> tuple[Exchange, ...]:
    """A short talk whose second question leans on the first: a pronoun, or "and the …?". () if none fits."""
    asker = Asker(scene, rng)
    if not asker.single:
        return ()
    thing = asker.pick(asker.single)
    first = Exchange("exists", asker.pick(_EXISTS_QUESTIONS[:4]).format(a=article(thing.name)), "yes")
    others = [other for other in asker.single if other is not thing]
    where = Exchange("follow-up", asker.pick(("where is it?", "and where is it?", "where?")), thing.place)
    kind = Exchange("follow-up", "what kind of thing is it?", article(thing.kind))
    talk = (first, where, kind) if rng.random() < 0.3 else (first, where)
    if others:
        other = asker.pick(others)
        talk += (
            Exchange("follow-up", asker.pick(("and the {}?", "what about the {}?")).format(other.name), other.place),
        )
        if talk[-2] is kind:
            return talk[:-1]
    return talk


def vocabulary_sentences() -> list[str]:
    """Sentences that together hold every word of this world: what the tokenizer is trained on."""
    names = [*NOUNS, *map(plural, NOUNS), *KINDS, *COLOURS, *NUMBERS, *sum(PLACES, ()), *SIDES, "none", "nothing"]
    prompts = (*_SHORT_PROMPTS, *_DETAILED_PROMPTS, *_OUTSIDE_QUESTIONS, OUTSIDE_ANSWER)
    templates = sum(
        (_COUNT_QUESTIONS, _EXISTS_QUESTIONS, _WHERE_QUESTIONS, _AT_QUESTIONS, _SIDE_QUESTIONS, _RELATION_QUESTIONS,
         _COLOUR_QUESTIONS, _KIND_QUESTIONS, _SIZE_QUESTIONS, _TOTAL_QUESTIONS), ()
    )  # fmt: skip
    blank = dict.fromkeys(("plural", "a", "name", "place", "side", "other"), "a")
    extras = ("yes no there is an at the and in of it what about where user assistant picture one 's",)
    return [*names, *prompts, *(text.format(**blank) for text in templates), *extras]
