"""Who asks: draws what a question is about, takes a wording, and types it as people do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from playground.moji.phrasing import loosely, misspelt
from playground.moji.scenes import Scene, Thing
from playground.moji.synonyms import kind_words, other_name, plural_phrase
from playground.moji.wordings import WORDINGS
from playground.moji.words import counts, kinds_of
from playground.moji.world import ALL_COLOURS, ALL_SHAPES, EMOJI_NOUNS, KINDS, NOUNS, WRITINGS, article

Option = TypeVar("Option")
NEAR_MISS = 0.6  # share of absent shapes and signs that are the same in another colour or with another writing


@dataclass(frozen=True)
class Typing:
    """How questions are typed.

    ``loose`` leaves marks out and adds a greeting; ``slips`` is the share with small misspellings; ``synonyms`` the
    share of things that go by another word; ``unseen`` takes wordings, outside words and outside questions that
    training never draws; ``plain`` takes the first wording alone.
    """

    loose: bool = False
    slips: float = 0.0
    synonyms: float = 0.0
    unseen: bool = False
    plain: bool = False


PLAIN = Typing(plain=True)
USUAL = Typing()
LOOSE = Typing(loose=True, slips=0.2, synonyms=0.2)  # as training types


class Asker:
    """Draws questions about one scene. Kept as a class because every question shares the scene's counts."""

    def __init__(self, scene: Scene, rng: np.random.Generator, typing: Typing = USUAL) -> None:
        self.scene, self.rng, self.typing = scene, rng, typing
        self.things = scene.things
        self.counts = counts(scene)
        self.single = [thing for thing in scene.things if self.counts[thing.name] == 1]

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options, each as likely as the others."""
        return options[int(self.rng.integers(len(options)))]

    def chance(self, share: float) -> bool:
        """True in this share of all cases."""
        return bool(self.rng.random() < share)

    def two(self, options: Sequence[Option]) -> tuple[Option, Option] | None:
        """Two different ones of the options in random order; None where there are fewer."""
        if len(options) < 2:
            return None
        one, other = self.rng.permutation(len(options))[:2]
        return options[one], options[other]

    def template(self, kind: str) -> str:
        """A wording of this kind of question, its blanks still open."""
        known = WORDINGS[kind]
        if self.typing.unseen:
            return self.pick(known.unseen)
        return known.usual[0] if self.typing.plain else self.pick(known.usual)

    def typed(self, question: str) -> str:
        """The question as it is typed."""
        if self.typing.loose:
            question = loosely(question, self.rng)
        return misspelt(question, self.rng) if self.chance(self.typing.slips) else question

    def worded(self, kind: str, /, **blanks: str) -> str:
        """A question of this kind before it is typed. ``name`` and ``other`` also fill in "a dog" and "dogs"."""
        shown = dict(blanks)
        for blank, single, several in (("name", "a", "plural"), ("other", "a_other", "others")):
            if blank in blanks:
                called = self.said(blanks[blank])
                shown |= {blank: called, single: article(called), several: self.several(called)}
        return self.template(kind).format(**shown)

    def phrase(self, kind: str, /, **blanks: str) -> str:
        """A question of this kind as it is typed; blanks as in ``worded``."""
        return self.typed(self.worded(kind, **blanks))

    def said(self, name: str) -> str:
        """The name, or another word for the same in a share of all cases."""
        return other_name(name, self.rng) if self.chance(self.typing.synonyms) else name

    def several(self, name: str) -> str:
        """The plural; of a kind in one of the words for it."""
        return self.pick(kind_words(name)) if name in KINDS and not self.typing.plain else plural_phrase(name)

    def called(self, thing: Thing) -> str:
        """A name for a thing: mostly the full one; for one time in four a shape or sign is just "circle", "sign"."""
        return thing.noun if self.chance(0.25) else thing.name

    def meant(self, name: str) -> list[Thing]:
        """The things that go by a full name ("red circle"), a noun ("circle") or a kind ("animal")."""
        return [thing for thing in self.things if name in (thing.name, thing.noun, *kinds_of(thing))]

    def absent_name(self) -> str:
        """A name that is not in the scene; often a near miss: the right shape in another colour, the same kind."""
        present = self.pick(self.things)
        draw = self.rng.random()
        for _ in range(20):
            if present.colour and draw < NEAR_MISS:
                name = f"{self.pick(list(ALL_COLOURS))} {self.pick((present.noun, *ALL_SHAPES))}"
            elif present.writing and draw < NEAR_MISS:
                name = f"{self.pick(WRITINGS)} sign"
            elif draw < NEAR_MISS / 2:
                name = self.pick([word for word in EMOJI_NOUNS if NOUNS[word].kind == present.kind] or EMOJI_NOUNS)
            else:
                name = self.pick(EMOJI_NOUNS)
            if name not in self.counts:
                return name
        return next(word for word in EMOJI_NOUNS if word not in self.counts)

    def absent_kind(self) -> str:
        """A kind of which nothing is there; never "object", which is any thing."""
        there = {kind for thing in self.things for kind in kinds_of(thing)}
        return self.pick([kind for kind in KINDS if kind not in there and kind != "object"])

    def present_kind(self) -> str | None:
        """A kind of which something is there, if any but "object" is."""
        there = [kind for thing in self.things for kind in kinds_of(thing) if kind != "object"]
        return self.pick(there) if there else None
