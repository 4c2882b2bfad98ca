"""Kinds of question about things beside others: on which side, between, next to, at the edge."""

from __future__ import annotations

import math

from playground.moji.asking import Asker
from playground.moji.questions.registry import Asked, question
from playground.moji.wordings import wordings
from playground.moji.words import SIDES, is_side, listing
from playground.moji.world import article

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


Point = tuple[float, float]


_CLEAR = 16  # pixels by which something must be farther, for a question about the nearest or the outermost


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


def side_phrase(asker: Asker, side: str) -> str:
    """The side as somebody may call it: "below", "under"."""
    return side if asker.typing.plain or asker.chance(0.6) else asker.pick(_OTHER_SIDES[side])


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
