"""Short talks about a scene whose later questions lean on the first: pronouns, "how many?", "and the other one?"."""

from __future__ import annotations

import numpy as np

from .scenes import Scene, Thing
from .words import Asker, Exchange, plural_name
from .world import NUMBERS, article


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
    """ "are there any dogs?" "yes" "how many?" "two", or "where is the dog on the left?" … "and the other one?"."""
    own = [thing for thing in asker.scene.things if thing.name == name]
    if len(own) == 2 and asker.rng.random() < 0.5:
        first, other = own if asker.rng.random() < 0.5 else own[::-1]
        which = "left" if first is own[0] else "right"
        question = asker.pick((f"where is the {name} on the {which}?", f"where is the {which} {name}?"))
        again = asker.pick(("and the other one?", "where is the other one?", "the other one?", "and the other?"))
        return (
            Exchange("where", asker.word(question), first.place),
            Exchange("follow-up", asker.word(again), other.place),
        )
    question = asker.pick((f"are there any {plural_name(name)}?", f"do you see {plural_name(name)}?"))
    again = asker.pick(("how many?", "how many of them?", "and how many?", "how many are there?", "count them."))
    return (
        Exchange("exists", asker.word(question), "yes"),
        Exchange("follow-up", asker.word(again), NUMBERS[len(own)]),
    )


def _about_one(asker: Asker, thing: Thing) -> tuple[Exchange, ...]:
    """ "is there a dog?" "yes" "where is it?" "top left" "what kind of thing is it?" "an animal", "and the cat?"."""
    first = Exchange("exists", asker.phrase("exists", name=thing.name), "yes")
    where = asker.pick(("where is it?", "and where is it?", "where?", "where's it?", "tell me where it is."))
    talk = (first, Exchange("follow-up", asker.word(where), thing.place))
    draw = asker.rng.random()
    if draw < 0.25:
        what = asker.pick(("what kind of thing is it?", "what kind of thing is that?", "what type of thing is it?"))
        return (*talk, Exchange("follow-up", asker.word(what), article(thing.kind)))
    if draw < 0.4 and thing.colour and asker.number_of(thing.noun) == 1:
        start = Exchange("exists", asker.phrase("exists", name=thing.noun), "yes")
        return (start, Exchange("follow-up", asker.word("what colour is it?"), thing.colour))
    others = [other for other in asker.single if other is not thing]
    if not others:
        return talk
    other = asker.pick(others)
    and_the = asker.pick(("and the {}?", "what about the {}?", "and where is the {}?", "how about the {}?"))
    return (*talk, Exchange("follow-up", asker.word(and_the.format(other.name)), other.place))
