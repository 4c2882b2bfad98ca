"""What is said about scenes: captions, and questions with their exact answers.

Every answer follows from a scene's truth alone, so that a model's answers can be scored without a judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from playground.moji.beyond import ANSWER as OUTSIDE_ANSWER
from playground.moji.beyond import COLOUR_ANSWER, outside_questions, outside_things
from playground.moji.phrasing import (
    DETAILED_PROMPT,
    FOLLOW_UPS,
    SHORT_PROMPT,
    STRANGE,
    STRANGE_FOLLOW_UPS,
    TEMPLATES,
    loosely,
    misspelt,
)
from playground.moji.scenes import Scene, Thing
from playground.moji.world import COLOURS, EMOJI_NOUNS, NOUNS, NUMBERS, PLACES, SHAPES, WRITINGS, article, plural

Option = TypeVar("Option")
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
    """Plural of a name that may carry a colour or a writing: "red circles"."""
    told, _, noun = name.rpartition(" ")
    return f"{told} {plural(noun)}".strip()


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
    """Draws questions about one scene. Kept as a class because every question shares the scene's counts.

    ``loose`` types questions as people do (marks left out, a greeting); ``slips`` is the share with a small
    misspelling; ``strange`` takes wordings, outside nouns and outside questions that training never draws.
    """

    def __init__(
        self, scene: Scene, rng: np.random.Generator, *, loose: bool = False, slips: float = 0.0, strange: bool = False
    ) -> None:
        self.scene, self.rng = scene, rng
        self.loose, self.slips, self.strange = loose, slips, strange
        self.counts = counts(scene)
        self.single = [thing for thing in scene.things if self.counts[thing.name] == 1]

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as the others."""
        return options[int(self.rng.integers(len(options)))]

    def word(self, question: str) -> str:
        """The question as it is typed."""
        if self.loose:
            question = loosely(question, self.rng)
        return misspelt(question, self.rng) if self.rng.random() < self.slips else question

    def phrase(self, template: str, **blanks: str) -> str:
        """A question of this template type; ``name`` also fills in the blanks for "a dog" and "dogs"."""
        if "name" in blanks:
            blanks |= {"a": article(blanks["name"]), "plural": plural_name(blanks["name"])}
        return self.word(self.pick((STRANGE if self.strange else TEMPLATES)[template]).format(**blanks))

    def lean(self, template: str, **blanks: str) -> str:
        """A question of this type of FOLLOW_UPS, which leans on one before; blanks as in ``phrase``."""
        return self.word(self.pick((STRANGE_FOLLOW_UPS if self.strange else FOLLOW_UPS)[template]).format(**blanks))

    def called(self, thing: Thing) -> str:
        """A name for a thing: mostly the full one; for one time in four a shape or sign is just "circle", "sign"."""
        return thing.noun if self.rng.random() < 0.25 else thing.name

    def number_of(self, name: str) -> int:
        """How many things go by this name: a full name ("red circle"), a noun ("circle") or a kind ("animal")."""
        return sum(name in (thing.name, thing.noun, thing.kind) for thing in self.scene.things)

    def absent_name(self) -> str:
        """A name that is not in the scene; often a near miss: the right shape in another colour, the same kind."""
        present = self.pick(self.scene.things)
        draw = self.rng.random()
        for _ in range(20):
            if present.colour and draw < 0.6:
                name = f"{self.pick(list(COLOURS))} {self.pick((present.noun, *SHAPES))}"
            elif present.writing and draw < 0.6:
                name = f"{self.pick(WRITINGS)} sign"
            elif draw < 0.3:
                name = self.pick([word for word in EMOJI_NOUNS if NOUNS[word].kind == present.kind] or EMOJI_NOUNS)
            else:
                name = self.pick(EMOJI_NOUNS)
            if name not in self.counts:
                return name
        return next(word for word in EMOJI_NOUNS if word not in self.counts)

    def caption(self, first: bool = False) -> Exchange:
        """The short caption; ``first`` asks with the prompt that the app uses."""
        return Exchange("caption", SHORT_PROMPT if first else self.phrase("caption"), short_caption(self.scene))

    def detail(self, first: bool = False) -> Exchange:
        """The caption with places."""
        return Exchange("detail", DETAILED_PROMPT if first else self.phrase("detail"), detailed_caption(self.scene))

    def exists(self, present: bool | None = None) -> Exchange:
        """Is there a …? Yes and no are equally likely."""
        present = bool(self.rng.random() < 0.5) if present is None else present
        if present:
            name = self.called(self.pick(self.scene.things))
        else:
            name = self.absent_name()
            noun = name.rpartition(" ")[2]
            name = noun if self.rng.random() < 0.25 and not self.number_of(noun) else name
        return Exchange("exists", self.phrase("exists", name=name), "yes" if present else "no")

    def count(self) -> Exchange:
        """How many …? One time in six there are none; else, half the time, of what stands there several times.

        One time in eight it asks about a kind: how many animals?
        """
        several = [thing for thing in self.scene.things if self.counts[thing.name] > 1]
        draw = self.rng.random()
        thing = self.pick(several if several and self.rng.random() < 0.5 else self.scene.things)
        if draw < 1 / 8 and thing.kind != "object":  # "how many objects?" asks for all things
            name = thing.kind
        else:
            name = self.absent_name() if draw > 5 / 6 else self.called(thing)
        number = self.number_of(name)
        return Exchange("count", self.phrase("count", name=name), NUMBERS[number] if number else "none")

    def total(self) -> Exchange:
        """How many things in all."""
        return Exchange("total", self.phrase("total"), NUMBERS[len(self.scene.things)])

    def where(self) -> Exchange:
        """Where is the …? Of several of a name all places are told, from left to right; some are not there."""
        if self.rng.random() < 0.12:
            return self.absent()
        name = self.called(self.pick(self.scene.things))
        own = [thing for thing in self.scene.things if name in (thing.name, thing.noun)]
        places = dict.fromkeys(thing.place for thing in own)
        template = "where" if len(own) == 1 else "wheres"
        return Exchange("where", self.phrase(template, name=name), join_phrases(list(places)))

    def absent(self) -> Exchange:
        """A question that takes for granted a thing that is not there: the answer says so."""
        name = self.absent_name()
        template = self.pick(("where", "where", "side", "relation"))
        other = self.pick(self.scene.things).name
        question = self.phrase(template, name=name, side=self.pick(SIDES), other=other)
        return Exchange("absent", question, f"there is no {name}")

    def at(self) -> Exchange | None:
        """What is in the top left? About a place where one thing or two are, or nothing."""
        place = self.pick(self.scene.things).place if self.rng.random() < 0.85 else self.pick(sum(PLACES, ()))
        there = [thing for thing in self.scene.things if thing.place == place]
        return self._listed("at", there, self.phrase("at", place=place))

    def side(self) -> Exchange | None:
        """What is left of the …? Asked where up to two other things are on that side."""
        if not self.single or len(self.scene.things) < 2:
            return None
        thing, side = self.pick(self.single), self.pick(SIDES)
        there = [(other, is_side(other, side, thing)) for other in self.scene.things if other is not thing]
        if any(truth is None for _, truth in there):
            return None
        question = self.phrase("side", side=side, name=thing.name)
        return self._listed("side", [other for other, truth in there if truth], question)

    def _listed(self, kind: str, there: list[Thing], question: str) -> Exchange | None:
        if len(there) > 2:
            return None
        told = [counted(name, number) for name, number in Counter(thing.name for thing in there).items()]
        return Exchange(kind, question, join_phrases(told) if told else "nothing")

    def relation(self) -> Exchange | None:
        """Is the … left of the …? Between two things of which there is one each."""
        if len(self.single) < 2:
            return None
        one, two = self.rng.permutation(len(self.single))[:2]
        thing, other, side = self.single[one], self.single[two], self.pick(SIDES)
        truth = is_side(thing, side, other)
        if truth is None:
            return None
        question = self.phrase("relation", name=thing.name, side=side, other=other.name)
        return Exchange("relation", question, "yes" if truth else "no")

    def colour(self) -> Exchange | None:
        """What colour is the circle? About a shape of which there is one; of an emoji the colour is not known."""
        shapes = Counter(thing.noun for thing in self.scene.things if thing.colour)
        ones = [thing for thing in self.scene.things if shapes[thing.noun] == 1]
        if not ones:
            return None
        thing = self.pick(ones)
        return Exchange("colour", self.phrase("colour", name=thing.noun), thing.colour)

    def says(self) -> Exchange | None:
        """What does the sign say? Where one sign stands, or none."""
        signs = [thing for thing in self.scene.things if thing.writing]
        if len(signs) > 1 or not (signs or self.rng.random() < 0.03):
            return None
        return Exchange("says", self.phrase("says"), signs[0].writing if signs else "there is no sign")

    def kind(self) -> Exchange:
        """What kind of thing is the dog? An animal."""
        thing = self.pick(self.scene.things)
        return Exchange("kind", self.phrase("kind", name=thing.noun), article(thing.kind))

    def bigger(self) -> Exchange | None:
        """Which is bigger? Between two single things of clearly different size (a quarter or more), or of all."""
        if len(self.single) < 2:
            return None
        if self.rng.random() < 0.2:
            largest, second, *_ = sorted(self.scene.things, key=lambda thing: -thing.size)
            clear = largest.size >= 1.25 * second.size
            return Exchange("bigger", self.phrase("biggest"), f"the {largest.name}") if clear else None
        one, two = (self.single[i] for i in self.rng.permutation(len(self.single))[:2])
        if max(one.size, two.size) < 1.25 * min(one.size, two.size):
            return None
        question = self.phrase("bigger", name=one.name, other=two.name)
        return Exchange("bigger", question, f"the {max(one, two, key=lambda thing: thing.size).name}")

    def outside(self) -> Exchange:
        """A question that Moji cannot answer: no picture tells, a word it does not know, a colour of an emoji."""
        draw = self.rng.random()
        if draw < 0.2:
            emoji = [thing.noun for thing in self.scene.things if NOUNS[thing.noun].emoji]
            if emoji:
                return Exchange("outside", self.phrase("colour", name=self.pick(emoji)), COLOUR_ANSWER)
        if draw < 0.6:
            question = self.word(self.pick(outside_questions(self.strange)))
        else:
            template = self.pick(("exists", "count", "where", "side", "kind", "relation"))
            name, other = self.pick(outside_things(self.strange)), self.pick(self.scene.things).name
            question = self.phrase(template, name=name, side=self.pick(SIDES), other=other)
        return Exchange("outside", question, OUTSIDE_ANSWER)


QUESTION_TYPES = (
    "exists", "count", "total", "where", "absent", "at", "side", "relation", "colour", "says", "kind", "bigger",
    "outside",
)  # fmt: skip
