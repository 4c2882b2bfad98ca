"""Kinds of question about places: where, what is there, what is beside, between, at the edge."""

from __future__ import annotations

import math
from itertools import chain, combinations, islice, product

from playground.moji.asking import Asker
from playground.moji.questions.registry import Asked, question
from playground.moji.scenes import Thing
from playground.moji.wordings import wordings
from playground.moji.words import NEAR_BORDER, SIDES, is_side, join_phrases, listing, places, plural_name
from playground.moji.world import CANVAS, PLACES, article

ALL_PLACES = tuple(place for row in PLACES for place in row)
_OTHER_WORDS = {
    "top left": ("top left corner", "upper left corner", "upper left", "top left hand corner"),
    "top": ("top middle", "top centre", "upper middle", "middle of the top"),
    "top right": ("top right corner", "upper right corner", "upper right", "top right hand corner"),
    "left": ("middle left", "left middle", "middle of the left side"),
    "middle": ("center", "centre", "middle of the picture", "center of the image"),
    "right": ("middle right", "right middle", "middle of the right side"),
    "bottom left": ("bottom left corner", "lower left corner", "lower left", "bottom left hand corner"),
    "bottom": ("bottom middle", "bottom center", "lower middle", "middle of the bottom"),
    "bottom right": ("bottom right corner", "lower right corner", "lower right", "bottom right hand corner"),
}
_OTHER_SIDES = {
    "left of": ("to the left of", "on the left of", "on the left side of"),
    "right of": ("to the right of", "on the right of", "on the right side of"),
    "above": ("over", "on top of"),
    "below": ("under", "underneath", "beneath"),
}
_EDGES = {
    "leftmost": (0, min, ("leftmost", "furthest to the left", "farthest left")),
    "rightmost": (0, max, ("rightmost", "furthest to the right", "farthest right")),
    "topmost": (1, min, ("highest", "topmost", "nearest to the top")),
    "lowest": (1, max, ("lowest", "bottommost", "nearest to the bottom")),
}
_HALVES = {"left half": (0, -1), "right half": (0, 1), "top half": (1, -1), "bottom half": (1, 1)}
Point = tuple[float, float]
_CLEAR = 16  # pixels by which something must be farther, for a question about the nearest or the outermost

wordings(
    "where",
    """
    where is the {name}?
    where is the {name} in the picture?
    where do you see the {name}?
    find the {name}.
    where's the {name}?
    wheres the {name}?
    in which part of the picture is the {name}?
    locate the {name}.
    what is the position of the {name}?
    where can i find the {name}?
    tell me where the {name} is.
    in which corner is the {name}?
    where in the image is the {name}?
    what is the location of the {name}?
    """,
    """
    in what part of the image do you see the {name}?
    can you tell me where the {name} is?
    where in the picture can i find the {name}?
    """,
)
wordings(
    "wheres",
    """
    where are the {plural}?
    where are the {plural} in the picture?
    where do you see {plural}?
    find the {plural}.
    where can i find the {plural}?
    locate the {plural}.
    where are all the {plural}?
    tell me where the {plural} are.
    """,
    """
    tell me where you see the {plural}.
    the {plural}, where do you see them?
    in which part of the picture are the {plural}?
    """,
)
wordings(
    "at",
    """
    what is in the {place}?
    what is at the {place}?
    what do you see in the {place}?
    what's at the {place}?
    whats in the {place}?
    which thing is at the {place}?
    what do you see at the {place}?
    what can you find in the {place}?
    tell me what is in the {place}.
    what is on the {place}?
    which object is in the {place}?
    is there anything in the {place}, and what?
    """,
    """
    in the {place}, what is there?
    can you see what is at the {place}?
    which things do you see in the {place}?
    """,
)
wordings(
    "place check",
    """
    is the {name} in the {place}?
    is the {name} at the {place}?
    is {a} in the {place}?
    is there {a} in the {place}?
    is there {a} at the {place}?
    the {name} is in the {place}, right?
    the {name} is at the {place}, isn't it?
    do you see the {name} in the {place}?
    is it true that the {name} is in the {place}?
    can you see {a} at the {place}?
    is the {name} on the {place}?
    """,
    """
    in the {place}, is there {a}?
    do you see {a} at the {place}?
    is it true that there is {a} in the {place}?
    the {name} is at the {place}, correct?
    """,
)
wordings(
    "half",
    """
    what is in the {place}?
    what is in the {place} of the picture?
    what do you see in the {place}?
    which things are in the {place}?
    what is there in the {place}?
    list everything in the {place}.
    name the things in the {place}.
    """,
    """
    in the {place}, what do you see?
    which things do you see in the {place} of the image?
    tell me the things in the {place}.
    """,
)
wordings(
    "side",
    """
    what is {side} the {name}?
    which thing is {side} the {name}?
    what's {side} the {name}?
    what do you see {side} the {name}?
    what can you see {side} the {name}?
    whats {side} the {name}?
    which things are {side} the {name}?
    tell me what is {side} the {name}.
    which object is {side} the {name}?
    is there anything {side} the {name}, and what?
    """,
    """
    tell me which thing you see {side} the {name}.
    {side} the {name}, what is there?
    which objects can you see {side} the {name}?
    """,
)
wordings(
    "relation",
    """
    is the {name} {side} the {other}?
    is {a} {side} the {other}?
    can you see the {name} {side} the {other}?
    do you see {a} {side} the {other}?
    {name} {side} the {other}?
    is it true that the {name} is {side} the {other}?
    the {name} is {side} the {other}, right?
    the {name} is {side} the {other}, isn't it?
    does the picture show the {name} {side} the {other}?
    """,
    """
    do you see that the {name} is {side} the {other}?
    the {name} is {side} the {other}, is it?
    is it correct that the {name} is {side} the {other}?
    """,
)
wordings(
    "between",
    """
    what is between the {name} and the {other}?
    what's between the {name} and the {other}?
    which thing is between the {name} and the {other}?
    what do you see between the {name} and the {other}?
    what is in between the {name} and the {other}?
    is there anything between the {name} and the {other}, and what?
    what stands between the {name} and the {other}?
    """,
    """
    between the {name} and the {other}, what is there?
    tell me what is between the {name} and the {other}.
    which object do you see between the {name} and the {other}?
    """,
)
wordings(
    "next to",
    """
    what is next to the {name}?
    what is nearest to the {name}?
    what is closest to the {name}?
    which thing is next to the {name}?
    what's beside the {name}?
    what is beside the {name}?
    which thing is nearest to the {name}?
    what stands next to the {name}?
    what do you see next to the {name}?
    what is near the {name}?
    """,
    """
    which object is closest to the {name}?
    what do you see beside the {name}?
    tell me what is next to the {name}.
    """,
)
wordings(
    "edge",
    """
    which thing is {side}?
    what is {side}?
    what is the {side} thing?
    which object is {side}?
    which thing do you see {side}?
    tell me which thing is {side}.
    name the thing that is {side}.
    """,
    """
    which of the things is {side}?
    what object is {side}?
    tell me what is {side}.
    """,
)


def place_phrase(asker: Asker, place: str) -> str:
    """The place as somebody may call it: "top left", "upper left corner"."""
    if asker.typing.plain or asker.chance(0.5):
        return place
    return asker.pick(_OTHER_WORDS[place])


def side_phrase(asker: Asker, side: str) -> str:
    """The side as somebody may call it: "below", "under"."""
    return side if asker.typing.plain or asker.chance(0.6) else asker.pick(_OTHER_SIDES[side])


def listings(things: list[Thing], unclear: list[Thing]) -> tuple[str, ...]:
    """What is there, with the ``unclear`` things or without each of them, at most 16 ways."""
    subsets = chain.from_iterable(combinations(unclear, number) for number in range(len(unclear) + 1))
    kept = ([thing for thing in things if thing not in out] for out in islice(subsets, 16))
    return tuple(listing(each) for each in kept)


@question(share=2.5)
def where(asker: Asker) -> Asked:
    """Where is the …? Of several of a name all places are told, from left to right."""
    name = asker.called(asker.pick(asker.things))
    own = [thing for thing in asker.things if name in (thing.name, thing.noun)]
    told = [places(thing) for thing in own]
    also = tuple(join_phrases(list(dict.fromkeys(each))) for each in islice(product(*told), 32))
    return asker.phrase("where" if len(own) == 1 else "wheres", name=name), also[0], also[1:]


@question(share=0.9)
def absent(asker: Asker) -> Asked:
    """A question that takes for granted a thing that is not there: the answer says so."""
    name, other = asker.absent_name(), asker.pick(asker.things).name
    kind = asker.pick(("where", "where", "wheres", "side", "relation", "next to", "colour", "bigger", "place check"))
    blanks = {"side": side_phrase(asker, asker.pick(SIDES)), "place": place_phrase(asker, asker.pick(ALL_PLACES))}
    if kind == "colour":
        name = f"{name.rpartition(' ')[2]}"
        if asker.meant(name):
            return absent(asker)
    if kind == "place check":  # "is there a dog in the corner?" takes nothing for granted
        return asker.phrase(kind, name=name, **blanks), "no", (f"there is no {name}",)
    several = kind == "wheres"
    answer = f"there are no {plural_name(name)}" if several else f"there is no {name}"
    swapped = f"there is no {name}" if several else f"there are no {plural_name(name)}"
    return asker.phrase(kind, name=name, other=other, **blanks), answer, (swapped,)


@question(share=1.2)
def at(asker: Asker) -> Asked | None:
    """What is in the top left? About a place where one thing or two are, or nothing."""
    place = asker.pick(asker.things).place if asker.chance(0.85) else asker.pick(ALL_PLACES)
    there = [thing for thing in asker.things if thing.place == place]
    if len(there) > 2:
        return None
    maybe = [thing for thing in asker.things if place in places(thing)]
    unclear = [thing for thing in maybe if len(places(thing)) > 1]
    phrase = asker.phrase("at", place=place_phrase(asker, place))
    return phrase, listing(there), listings(maybe, unclear)


@question(share=0.8)
def place_check(asker: Asker) -> Asked | None:
    """Is the tiger in the top left corner? Of a thing that is there once, away from borders."""
    if not asker.single:
        return None
    thing = asker.pick(asker.single)
    if len(places(thing)) > 1:
        return None
    right = asker.chance(0.5)
    place = thing.place if right else asker.pick([place for place in ALL_PLACES if place != thing.place])
    return asker.phrase("place check", name=thing.name, place=place_phrase(asker, place)), "yes" if right else "no"


@question(share=0.5)
def half(asker: Asker) -> Asked | None:
    """What is in the left half? Where nothing stands on its border, and at most three things in it."""
    half = asker.pick(list(_HALVES))
    axis, way = _HALVES[half]
    beyond = [way * (thing.centre[axis] - CANVAS / 2) for thing in asker.things]
    there = [thing for thing, gap in zip(asker.things, beyond, strict=True) if gap > 0]
    if any(abs(gap) < NEAR_BORDER for gap in beyond) or len(there) > 3:
        return None
    return asker.phrase("half", place=half), listing(there)


@question(share=1.2)
def side(asker: Asker) -> Asked | None:
    """What is left of the …? Asked where up to two other things are on that side."""
    if not asker.single or len(asker.things) < 2:
        return None
    thing, side = asker.pick(asker.single), asker.pick(SIDES)
    there = [(other, is_side(other, side, thing)) for other in asker.things if other is not thing]
    if any(truth is None for _, truth in there):
        return None
    told = [other for other, truth in there if truth]
    if len(told) > 2:
        return None
    return asker.phrase("side", side=side_phrase(asker, side), name=thing.name), listing(told)


@question(share=1.4)
def relation(asker: Asker) -> Asked | None:
    """Is the … left of the …? Between two things of which there is one each."""
    pair = asker.two(asker.single)
    if not pair:
        return None
    (thing, other), side = pair, asker.pick(SIDES)
    truth = is_side(thing, side, other)
    if truth is None:
        return None
    phrase = asker.phrase("relation", name=thing.name, side=side_phrase(asker, side), other=other.name)
    return phrase, "yes" if truth else "no"


@question(share=0.4)
def between(asker: Asker) -> Asked | None:
    """What is between the dog and the cat? What stands near the line from one to the other; unclear cases are left."""
    pair = asker.two(asker.single)
    if not pair:
        return None
    one, other = pair
    told = []
    for thing in asker.things:
        if thing in pair:
            continue
        along, aside = _beside_line(thing.centre, one.centre, other.centre)
        inside, near = 0.15 < along < 0.85, aside < 22
        if (inside and 22 <= aside < 44) or (near and not inside and -0.05 < along < 1.05):
            return None
        if inside and near:
            told.append(thing)
    return asker.phrase("between", name=one.name, other=other.name), listing(told)


def _beside_line(point: Point, start: Point, end: Point) -> tuple[float, float]:
    """How far along the line from start (0) to end (1) a point lies, and how many pixels off it."""
    across, down = end[0] - start[0], end[1] - start[1]
    right, below = point[0] - start[0], point[1] - start[1]
    length = math.hypot(across, down)
    return (right * across + below * down) / length**2, abs(right * down - below * across) / length


@question(share=0.5)
def next_to(asker: Asker) -> Asked | None:
    """What is next to the dog? The nearest thing, where it is clearly the nearest."""
    if not asker.single or len(asker.things) < 2:
        return None
    thing = asker.pick(asker.single)
    others = [other for other in asker.things if other is not thing]
    nearest, *farther = sorted(others, key=lambda other: math.dist(thing.centre, other.centre))
    if farther and math.dist(thing.centre, farther[0].centre) - math.dist(thing.centre, nearest.centre) < _CLEAR:
        return None
    return asker.phrase("next to", name=thing.name), article(nearest.name), (f"the {nearest.name}",)


@question(share=0.5)
def edge(asker: Asker) -> Asked | None:
    """Which thing is leftmost? Where one clearly is."""
    axis, _, words = _EDGES[edge := asker.pick(list(_EDGES))]
    ranked = sorted(asker.things, key=lambda thing: thing.centre[axis], reverse=edge in ("rightmost", "lowest"))
    if len(ranked) > 1 and abs(ranked[0].centre[axis] - ranked[1].centre[axis]) < _CLEAR / 2:
        return None
    phrase = asker.phrase("edge", side=words[0] if asker.typing.plain else asker.pick(words))
    return phrase, f"the {ranked[0].name}", (article(ranked[0].name), ranked[0].name)
