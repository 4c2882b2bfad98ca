"""Kinds of question that ask for a number, or compare two."""

from __future__ import annotations

from playground.moji.asking import Asker
from playground.moji.questions.registry import Asked, question
from playground.moji.wordings import wordings
from playground.moji.words import plural_name
from playground.moji.world import NUMBERS

wordings(
    "count",
    """
    how many {plural} are there?
    how many {plural}?
    how many {plural} do you see?
    count the {plural}.
    how many {plural} are in the picture?
    what is the number of {plural}?
    how many {plural} can you see?
    number of {plural}?
    how many {plural} are here?
    can you count the {plural}?
    how much {plural}?
    tell me how many {plural} there are.
    how many {plural} does the picture show?
    how many {plural} are visible?
    what number of {plural} do you see?
    """,
    """
    in this image, how many {plural} do you see?
    count all the {plural} you can see.
    tell me the number of {plural}.
    how many {plural} does the image show?
    """,
)
wordings(
    "count kind",
    """
    how many {plural} are there?
    how many {plural}?
    how many {plural} do you see?
    count the {plural}.
    how many {plural} are in the picture?
    count all {plural}.
    number of {plural}?
    how many {plural} in all?
    how many {plural} are there altogether?
    what is the number of {plural}?
    """,
    """
    in the picture, how many {plural} are there?
    can you count all {plural}?
    tell me how many {plural} you see.
    """,
)
wordings(
    "total",
    """
    how many things are there?
    how many objects are there?
    how many things do you see?
    count everything.
    how many things are in the picture?
    how many objects?
    how many things in all?
    count all things.
    how many items are there?
    what is the number of things?
    how many emojis are there?
    how many things are there in total?
    count the objects.
    total number of things?
    """,
    """
    how many things can you see in the image?
    what is the number of objects?
    count all objects in the picture.
    how many things are there altogether?
    """,
)
wordings(
    "different",
    """
    how many different things are there?
    how many different kinds of thing do you see?
    how many different objects are there?
    how many kinds of things are there?
    count the different things.
    how many sorts of thing are in the picture?
    how many different things do you see?
    """,
    """
    how many different objects do you see?
    what is the number of different things?
    how many different things are in the picture?
    """,
)
wordings(
    "number check",
    """
    are there {number} {plural}?
    do you see {number} {plural}?
    are there exactly {number} {plural}?
    there are {number} {plural}, right?
    is it true that there are {number} {plural}?
    {number} {plural}?
    can you see {number} {plural}?
    does the picture show {number} {plural}?
    is the number of {plural} {number}?
    """,
    """
    in the picture, are there {number} {plural}?
    do you see exactly {number} {plural}?
    there are {number} {plural} in the image, correct?
    """,
)
wordings(
    "more",
    """
    are there more {plural} than {others}?
    do you see more {plural} than {others}?
    is it true that there are more {plural} than {others}?
    more {plural} than {others}?
    are the {plural} more than the {others}?
    there are more {plural} than {others}, right?
    does the picture show more {plural} than {others}?
    """,
    """
    can you see more {plural} than {others}?
    in the picture, are there more {plural} than {others}?
    are there more {plural} here than {others}?
    """,
)
wordings(
    "which more",
    """
    what are there more of, {plural} or {others}?
    are there more {plural} or more {others}?
    which are more, the {plural} or the {others}?
    what do you see more of, {plural} or {others}?
    more {plural} or more {others}?
    are there more {plural} or {others}?
    of which are there more, {plural} or {others}?
    """,
    """
    do you see more {plural} or more {others}?
    what is there more of, {plural} or {others}?
    which do you see more of, {plural} or {others}?
    """,
)
wordings(
    "most",
    """
    what is there most of?
    what do you see most of?
    which thing do you see the most?
    what is the most common thing?
    which is the most common object?
    what thing appears the most?
    of what is there the most?
    of which thing do you see the most?
    """,
    """
    which thing appears the most?
    of what do you see the most?
    which is the most common thing in the picture?
    """,
)


def number_word(number: int) -> str:
    """ "two"; "none" for 0."""
    return NUMBERS[number] if number else "none"


def _countable(asker: Asker) -> str:
    """A name that is there; half the time one that stands there several times, if any does."""
    several = [thing for thing in asker.things if asker.counts[thing.name] > 1]
    return asker.called(asker.pick(several if several and asker.chance(0.5) else asker.things))


@question(share=2.5)
def count(asker: Asker) -> Asked:
    """How many …? One time in six there are none."""
    name = asker.absent_name() if asker.chance(1 / 6) else _countable(asker)
    return asker.phrase("count", name=name), number_word(len(asker.meant(name)))


@question(share=0.7)
def count_kind(asker: Asker) -> Asked | None:
    """How many animals?"""
    kind = asker.absent_kind() if asker.chance(1 / 6) else asker.present_kind()
    return (asker.phrase("count kind", name=kind), number_word(len(asker.meant(kind)))) if kind else None


@question(share=1)
def total(asker: Asker) -> Asked:
    """How many things in all."""
    return asker.phrase("total"), NUMBERS[len(asker.things)]


@question(share=0.3)
def different(asker: Asker) -> Asked:
    """How many different things: a red and a blue circle are two."""
    return asker.phrase("different"), NUMBERS[len(asker.counts)]


@question(share=0.7)
def number_check(asker: Asker) -> Asked | None:
    """Are there two dogs? Half the time a number that is off by one or two; never "one", which asks for presence."""
    several = [name for name in asker.counts if asker.counts[name] > 1]
    right = asker.chance(0.5)
    if not several and (right or asker.chance(0.6)):
        return None
    name = asker.pick(several if right else list(asker.counts))
    number = asker.counts[name]
    near = [n for n in range(max(2, number - 2), min(number + 3, len(NUMBERS))) if n != number]
    number = number if right else asker.pick(near)
    return asker.phrase("number check", name=name, number=NUMBERS[number]), "yes" if right else "no"


@question(share=0.6)
def more(asker: Asker) -> Asked | None:
    """Are there more dogs than cats?"""
    pair = asker.two(list(asker.counts))
    if not pair:
        return None
    one, other = sorted(pair, key=lambda name: -asker.counts[name]) if asker.chance(0.5) else pair
    answer = "yes" if asker.counts[one] > asker.counts[other] else "no"
    return asker.phrase("more", name=one, other=other), answer


@question(share=0.5)
def which_more(asker: Asker) -> Asked | None:
    """What are there more of, dogs or cats? "More dogs." or "The same number." """
    pair = asker.two(list(asker.counts))
    if not pair:
        return None
    one, other = pair
    if asker.counts[one] == asker.counts[other] and asker.chance(0.6):
        return None
    phrase = asker.phrase("which more", name=one, other=other)
    if asker.counts[one] == asker.counts[other]:
        return phrase, "the same number"
    most = max(pair, key=lambda name: asker.counts[name])
    return phrase, f"more {plural_name(most)}", (plural_name(most), f"the {plural_name(most)}")


@question(share=0.3)
def most(asker: Asker) -> Asked | None:
    """What is there most of? Where one name is there more often than every other."""
    ranked = asker.counts.most_common()
    if len(ranked) < 2 or ranked[0][1] == ranked[1][1]:
        return None
    name = ranked[0][0]
    return asker.phrase("most"), f"the {plural_name(name)}", (plural_name(name), name, f"the {name}")
