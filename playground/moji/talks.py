"""Short talks about a scene whose later questions lean on the first: pronouns, "how many?", "and the other one?"."""

from __future__ import annotations

import numpy as np

from playground.moji.scenes import Scene, Thing
from playground.moji.words import Asker, Exchange, is_side, plural_name
from playground.moji.world import NUMBERS, article


def follow_up(scene: Scene, rng: np.random.Generator, **typing: float | bool) -> tuple[Exchange, ...]:
    """A short talk whose later questions lean on the first: a pronoun, "how many?", "and the …?". () if none fits.

    ``typing`` is what ``Asker`` takes: loose, slips, strange.
    """
    asker = Asker(scene, rng, **typing)
    several = [name for name, number in asker.counts.items() if number > 1]
    if several and (not asker.single or rng.random() < 0.3):
        return _about_several(asker, asker.pick(several))
    return _about_one(asker, asker.pick(asker.single)) if asker.single else ()


def _about_several(asker: Asker, name: str) -> tuple[Exchange, ...]:
    """ "are there any dogs?" "yes" "how many?" "two", or "where is the dog on the left?" … "and the other one?".

    The left one is asked for only where the two do not stand one above the other: the margin of ``is_side`` decides.
    """
    own = [thing for thing in asker.scene.things if thing.name == name]
    if len(own) == 2 and asker.rng.random() < 0.5 and is_side(own[0], "left of", own[1]):
        first, other = own if asker.rng.random() < 0.5 else own[::-1]
        which = "left" if first is own[0] else "right"
        return (
            Exchange("where", asker.lean("which where", name=name, which=which), first.place),
            Exchange("follow-up", asker.lean("other"), other.place),
        )
    return (
        Exchange("exists", asker.lean("any", plural=plural_name(name)), "yes"),
        Exchange("follow-up", asker.lean("how many"), NUMBERS[len(own)]),
    )


def _about_one(asker: Asker, thing: Thing) -> tuple[Exchange, ...]:
    """ "is there a dog?" "yes" "where is it?" "top left" "what kind of thing is it?" "an animal", "and the cat?"."""
    first = Exchange("exists", asker.phrase("exists", name=thing.name), "yes")
    talk = (first, Exchange("follow-up", asker.lean("where"), thing.place))
    draw = asker.rng.random()
    if draw < 0.25:
        return (*talk, Exchange("follow-up", asker.lean("kind"), article(thing.kind)))
    if draw < 0.4 and thing.colour and asker.number_of(thing.noun) == 1:
        start = Exchange("exists", asker.phrase("exists", name=thing.noun), "yes")
        return (start, Exchange("follow-up", asker.lean("colour"), thing.colour))
    others = [other for other in asker.single if other is not thing]
    if not others:
        return talk
    other = asker.pick(others)
    return (*talk, Exchange("follow-up", asker.lean("and the", name=other.name), other.place))
