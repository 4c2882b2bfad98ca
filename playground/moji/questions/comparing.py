"""Kinds of question that compare things: which is bigger, what is alike."""

from __future__ import annotations

from itertools import combinations

from playground.moji.asking import Asker
from playground.moji.questions.registry import Asked, question
from playground.moji.wordings import wordings
from playground.moji.words import kinds_of
from playground.moji.world import article

_CLEAR = 1.25  # how much larger a thing must be to be called bigger


wordings(
    "bigger",
    """
    which is bigger, the {name} or the {other}?
    what is bigger, the {name} or the {other}?
    which one is bigger, the {name} or the {other}?
    which is larger, the {name} or the {other}?
    is the {name} or the {other} bigger?
    who is bigger, the {name} or the {other}?
    what is larger, the {name} or the {other}?
    bigger: the {name} or the {other}?
    which of the two is bigger, the {name} or the {other}?
    """,
    """
    of the {name} and the {other}, which is bigger?
    the {name} or the {other}, which is bigger?
    tell me which one is larger, the {name} or the {other}.
    """,
)


wordings(
    "smaller",
    """
    which is smaller, the {name} or the {other}?
    what is smaller, the {name} or the {other}?
    which one is smaller, the {name} or the {other}?
    is the {name} or the {other} smaller?
    smaller: the {name} or the {other}?
    who is smaller, the {name} or the {other}?
    """,
    """
    of the {name} and the {other}, which is smaller?
    the {name} or the {other}, which is smaller?
    tell me which one is smaller, the {name} or the {other}.
    """,
)


wordings(
    "size check",
    """
    is the {name} {size} than the {other}?
    the {name} is {size} than the {other}, right?
    is it true that the {name} is {size} than the {other}?
    {name} {size} than the {other}?
    is {a} {size} than the {other}?
    do you see that the {name} is {size} than the {other}?
    """,
    """
    the {name} is {size} than the {other}, correct?
    is it correct that the {name} is {size} than the {other}?
    in the picture, is the {name} {size} than the {other}?
    """,
)


wordings(
    "biggest",
    """
    what is the {size} thing?
    which thing is the {size}?
    what's the {size}?
    which is the {size} thing?
    what is the {size} object?
    which thing is {size}?
    which object is the {size}?
    """,
    """
    of all the things, which is the {size}?
    tell me which thing is the {size}.
    which one is the {size}?
    """,
)


wordings(
    "same kind",
    """
    are the {name} and the {other} the same kind of thing?
    is the {name} the same kind of thing as the {other}?
    are the {name} and the {other} the same sort of thing?
    are {a} and {a_other} the same kind of thing?
    are the {name} and the {other} both of the same kind?
    """,
    """
    is it true that the {name} and the {other} are the same kind of thing?
    {a} and {a_other}, are they the same kind of thing?
    is {a} the same sort of thing as {a_other}?
    """,
)


wordings(
    "same or different",
    """
    same or different: the {name} and the {other}?
    are the {name} and the {other} the same or different?
    the {name} and the {other}, same kind or different?
    are the {name} and the {other} of the same kind or different?
    is the {name} the same kind as the {other} or different?
    """,
    """
    {a} and {a_other}: same or different?
    the {name} and the {other}, are they the same or different?
    same kind or different, the {name} and the {other}?
    """,
)


wordings(
    "any alike",
    """
    are any two things the same?
    are two things the same?
    is anything there twice?
    is there anything more than once?
    do you see the same thing twice?
    are there two of anything?
    is there a thing that appears twice?
    """,
    """
    is the same thing there twice?
    do you see anything twice?
    are there two things that are the same?
    """,
)


wordings(
    "all different",
    """
    are all things different?
    is everything different?
    are all the objects different?
    are they all different?
    is each thing there only once?
    is everything there just once?
    """,
    """
    are all the things different?
    is every thing different?
    do you see each thing only once?
    """,
)


def _unequal(asker: Asker) -> tuple | None:
    """Two things of which there is one each, and one is clearly larger: in random order, and the larger one."""
    pair = asker.two(asker.single)
    if not pair or max(thing.size for thing in pair) < _CLEAR * min(thing.size for thing in pair):
        return None
    return *pair, max(pair, key=lambda thing: thing.size)


@question(share=1)
def bigger(asker: Asker) -> Asked | None:
    """Which is bigger? Between two single things of clearly different size (a quarter or more)."""
    if not (found := _unequal(asker)):
        return None
    one, other, larger = found
    return asker.phrase("bigger", name=one.name, other=other.name), f"the {larger.name}"


@question(share=0.6)
def smaller(asker: Asker) -> Asked | None:
    """Which is smaller?"""
    if not (found := _unequal(asker)):
        return None
    one, other, larger = found
    return asker.phrase("smaller", name=one.name, other=other.name), f"the {(other if larger is one else one).name}"


@question(share=0.5)
def size_check(asker: Asker) -> Asked | None:
    """Is the dog bigger than the cat?"""
    if not (found := _unequal(asker)):
        return None
    one, other, larger = found
    size = asker.pick(("bigger", "larger", "smaller"))
    right = (larger is one) == (size != "smaller")
    return asker.phrase("size check", name=one.name, other=other.name, size=size), "yes" if right else "no"


@question(share=0.6)
def biggest(asker: Asker) -> Asked | None:
    """Which thing is the biggest, or the smallest? Where one clearly is."""
    largest = asker.chance(0.6)
    ranked = sorted(asker.things, key=lambda thing: thing.size, reverse=largest)
    sizes = [thing.size for thing in ranked[:2]]
    if len(sizes) < 2 or max(sizes) < _CLEAR * min(sizes):
        return None
    size = asker.pick(("biggest", "largest") if largest else ("smallest", "smallest"))
    name = ranked[0].name
    return asker.phrase("biggest", size=size), f"the {name}", (article(name), name)


def _two_alike(asker: Asker) -> tuple[str, str, bool] | None:
    """Two nouns that are there, and whether they are of one kind. Where no two are, it is rarely asked."""
    nouns = list({thing.noun: thing for thing in asker.things}.values())
    pairs = list(combinations(nouns, 2))
    alike = [pair for pair in pairs if pair[0].kind == pair[1].kind]
    # a bird and another animal: it depends
    other = [pair for pair in pairs if not set(kinds_of(pair[0])) & set(kinds_of(pair[1]))]
    same = asker.chance(0.5)
    if not (alike if same else other) or (not alike and asker.chance(0.6)):
        return None
    one, second = asker.pick(alike if same else other)
    return (one.noun, second.noun, same) if asker.chance(0.5) else (second.noun, one.noun, same)


@question(share=0.3)
def same_kind(asker: Asker) -> Asked | None:
    """Are the dog and the cat the same kind of thing?"""
    if not (found := _two_alike(asker)):
        return None
    return asker.phrase("same kind", name=found[0], other=found[1]), "yes" if found[2] else "no"


@question(share=0.3)
def same_or_different(asker: Asker) -> Asked | None:
    """Are the dog and the cat the same or different? By their kind."""
    if not (found := _two_alike(asker)):
        return None
    answer, *also = ("the same kind", "the same", "same") if found[2] else ("different", "they are different")
    return asker.phrase("same or different", name=found[0], other=found[1]), answer, tuple(also)


@question(share=0.3)
def any_alike(asker: Asker) -> Asked | None:
    """Are any two things the same?"""
    answer = "yes" if len(asker.counts) < len(asker.things) else "no"
    return (asker.phrase("any alike"), answer) if len(asker.things) > 1 else None


@question(share=0.3)
def all_different(asker: Asker) -> Asked | None:
    """Are all things different?"""
    answer = "yes" if len(asker.counts) == len(asker.things) else "no"
    return (asker.phrase("all different"), answer) if len(asker.things) > 1 else None
