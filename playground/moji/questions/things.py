"""Kinds of question about one thing: its kind, colour and shape, what a sign says."""

from __future__ import annotations

from collections import Counter

from playground.moji.asking import Asker
from playground.moji.questions.registry import Asked, question
from playground.moji.synonyms import colour_words
from playground.moji.wordings import wordings
from playground.moji.words import kinds_of
from playground.moji.world import ALL_COLOURS, KINDS, WRITINGS, article

wordings(
    "colour",
    """
    what colour is the {name}?
    what color is the {name}?
    which colour is the {name}?
    which color does the {name} have?
    what is the colour of the {name}?
    what's the color of the {name}?
    what colour does the {name} have?
    tell me the color of the {name}.
    the {name} is what colour?
    is the {name} what color?
    {name} colour?
    """,
    """
    of the {name}, tell me the colour.
    the {name}, what color is it?
    which color is the {name}?
    """,
)


wordings(
    "colour check",
    """
    is the {name} {colour}?
    is the colour of the {name} {colour}?
    the {name} is {colour}, right?
    is it true that the {name} is {colour}?
    the {name} is {colour}, isn't it?
    is that {name} {colour}?
    does the {name} have the color {colour}?
    """,
    """
    the {name} is {colour}, correct?
    do you see that the {name} is {colour}?
    is the color of the {name} {colour}?
    """,
)


wordings(
    "shape",
    """
    which shape is {colour}?
    what shape is {colour}?
    what is {colour}?
    which shape do you see in {colour}?
    what {colour} shape is there?
    what {colour} thing do you see?
    what shape is the {colour} thing?
    which {colour} shape is there?
    what form is the {colour} thing?
    """,
    """
    which shape is it that is {colour}?
    tell me which shape is {colour}.
    what shape do you see in {colour}?
    """,
)


wordings(
    "kind",
    """
    what kind of thing is the {name}?
    what kind of thing is {a}?
    what type of thing is the {name}?
    what sort of thing is the {name}?
    which kind of thing is {a}?
    the {name} is what kind of thing?
    what is {a}?
    what category is the {name}?
    of what kind is the {name}?
    what sort of thing is {a}?
    """,
    """
    can you tell me what kind of thing the {name} is?
    which category is the {name}?
    tell me what type of thing {a} is.
    """,
)


wordings(
    "kind check",
    """
    is the {name} {kind}?
    is {a} {kind}?
    the {name} is {kind}, right?
    is it true that the {name} is {kind}?
    is the {name} a kind of {plain}?
    the {name} is {kind}, isn't it?
    would you call the {name} {kind}?
    """,
    """
    is it correct that {a} is {kind}?
    the {name} is {kind}, correct?
    is {a} a kind of {plain}?
    """,
)


wordings(
    "says",
    """
    what does the sign say?
    what is written on the sign?
    what does it say on the sign?
    read the sign.
    what's on the sign?
    what {what} is on the sign?
    what does the writing say?
    what is written there?
    can you read the sign?
    what does it say?
    what {what} is written?
    what {what} do you see on the sign?
    which {what} is written on the sign?
    what does the text say?
    read the text.
    """,
    """
    can you tell me what is written on the sign?
    tell me what you can read on the sign.
    which {what} does the sign say?
    read what is written there.
    """,
)


wordings(
    "sign check",
    """
    does the sign say {text}?
    does it say {text}?
    is {text} written on the sign?
    the sign says {text}, right?
    is the {what} on the sign {text}?
    do you read {text} on the sign?
    """,
    """
    the sign says {text}, correct?
    does it say {text} on the sign?
    is it true that the sign says {text}?
    """,
)


def _single_shapes(asker: Asker) -> list:
    """Shapes of which there is one, whatever the colour."""
    shapes = Counter(thing.noun for thing in asker.things if thing.colour)
    return [thing for thing in asker.things if shapes[thing.noun] == 1]


@question(share=1.2)
def colour(asker: Asker) -> Asked | None:
    """What colour is the circle? About a shape of which there is one; of an emoji the colour is not known."""
    ones = _single_shapes(asker)
    if not ones:
        return None
    thing = asker.pick(ones)
    return asker.phrase("colour", name=thing.noun), thing.colour, (*colour_words(thing.colour),)


@question(share=0.6)
def colour_check(asker: Asker) -> Asked | None:
    """Is the circle red?"""
    ones = _single_shapes(asker)
    if not ones:
        return None
    thing, right = asker.pick(ones), asker.chance(0.5)
    colour = thing.colour if right else asker.pick([colour for colour in ALL_COLOURS if colour != thing.colour])
    called = asker.pick((colour, *colour_words(colour)))
    return asker.phrase("colour check", name=thing.noun, colour=called), "yes" if right else "no"


@question(share=0.7)
def shape(asker: Asker) -> Asked | None:
    """Which shape is red? Where one shape alone has the colour."""
    colours = Counter(thing.colour for thing in asker.things if thing.colour)
    ones = [thing for thing in asker.things if colours[thing.colour] == 1]
    if not ones:
        return None
    thing = asker.pick(ones)
    also = (thing.name, article(thing.name), f"the {thing.noun}", f"the {thing.name}", thing.noun)
    return (
        asker.phrase("shape", colour=asker.pick((thing.colour, *colour_words(thing.colour)))),
        article(thing.noun),
        also,
    )


@question(share=0.5)
def kind(asker: Asker) -> Asked:
    """What kind of thing is the dog? An animal."""
    thing = asker.pick(asker.things)
    return asker.phrase("kind", name=thing.noun), article(thing.kind), (*map(article, kinds_of(thing)), thing.kind)


@question(share=0.4)
def kind_check(asker: Asker) -> Asked | None:
    """Is the dog an animal? Not of what is just an object, as all things are."""
    things = [thing for thing in asker.things if thing.kind != "object"]
    if not things:
        return None
    thing, right = asker.pick(things), asker.chance(0.5)
    kinds = kinds_of(thing)
    kind = asker.pick(kinds) if right else asker.pick([kind for kind in KINDS if kind not in (*kinds, "object")])
    return asker.phrase("kind check", name=thing.noun, kind=article(kind), plain=kind), "yes" if right else "no"


def _what(writing: str) -> str:
    return "number" if writing.isdigit() else "word"


@question(share=1.2)
def says(asker: Asker) -> Asked | None:
    """What does the sign say? Where one sign stands, or none."""
    signs = [thing for thing in asker.things if thing.writing]
    if len(signs) > 1 or not (signs or asker.chance(0.03)):
        return None
    phrase = asker.phrase("says", what=_what(signs[0].writing) if signs else "word")
    return phrase, signs[0].writing if signs else "there is no sign"


@question(share=0.4)
def sign_check(asker: Asker) -> Asked | None:
    """Does the sign say stop?"""
    signs = [thing.writing for thing in asker.things if thing.writing]
    if len(signs) != 1:
        return None
    right = asker.chance(0.5)
    alike = [text for text in WRITINGS if text != signs[0] and text.isdigit() == signs[0].isdigit()]
    text = signs[0] if right else asker.pick(alike)
    return asker.phrase("sign check", text=text, what=_what(text)), "yes" if right else "no"
