"""Kinds of question about places: where something is, what is at a place, what is not there at all."""

from __future__ import annotations

from itertools import chain, combinations, islice, product

from playground.moji.asking import Asker
from playground.moji.questions.beside import side_phrase
from playground.moji.questions.registry import Asked, question
from playground.moji.scenes import Thing
from playground.moji.wordings import wordings
from playground.moji.words import NEAR_BORDER, SIDES, join_phrases, listing, places, plural_name
from playground.moji.world import CANVAS, PLACES

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


_HALVES = {"left half": (0, -1), "right half": (0, 1), "top half": (1, -1), "bottom half": (1, 1)}


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


def place_phrase(asker: Asker, place: str) -> str:
    """The place as somebody may call it: "top left", "upper left corner"."""
    if asker.typing.plain or asker.chance(0.5):
        return place
    return asker.pick(_OTHER_WORDS[place])


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
