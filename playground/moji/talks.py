"""Short talks about a scene whose later questions lean on the first: pronouns, "how many?", "and the other one?"."""

from __future__ import annotations

from playground.moji.asking import Asker
from playground.moji.questions.place import where
from playground.moji.questions.registry import KINDS
from playground.moji.scenes import Thing
from playground.moji.wordings import wordings
from playground.moji.words import Exchange, is_side, listing, places, sentence
from playground.moji.world import NUMBERS, article

FOLLOW_UP = "follow-up"  # the type of a question that leans on one before

wordings(
    "then which where",
    """
    where is the {name} on the {which}?
    where is the {which} {name}?
    """,
    """
    the {name} on the {which}, where is it?
    tell me where you see the {which} {name}.
    """,
)
wordings(
    "then other",
    """
    and the other one?
    where is the other one?
    the other one?
    and the other?
    """,
    """
    what about the other one?
    tell me where the other one is.
    """,
)
wordings(
    "then how many",
    """
    how many?
    how many of them?
    and how many?
    how many are there?
    count them.
    how many of those?
    """,
    """
    what is the number of them?
    tell me how many you see.
    """,
)
wordings(
    "then where",
    """
    where is it?
    and where is it?
    where?
    where's it?
    tell me where it is.
    where exactly?
    whereabouts?
    and where?
    """,
    """
    in which part of the picture is it?
    find it.
    """,
)
wordings(
    "then kind",
    """
    what kind of thing is it?
    what kind of thing is that?
    what type of thing is it?
    what is it?
    """,
    """
    can you tell me what kind of thing it is?
    which kind of thing is it?
    """,
)
wordings(
    "then colour",
    """
    what colour is it?
    what color is it?
    which colour?
    and its color?
    """,
    """
    which colour does it have?
    tell me the colour of it.
    """,
)
wordings(
    "then and the",
    """
    and the {name}?
    what about the {name}?
    and where is the {name}?
    how about the {name}?
    """,
    """
    the {name}, where is that?
    and in which part is the {name}?
    """,
)
wordings(
    "then and number",
    """
    and {plural}?
    what about {plural}?
    and how many {plural}?
    how about {plural}?
    and the {plural}?
    """,
    """
    and how about {plural}?
    tell me how many {plural}, too.
    """,
)
wordings(
    "then and present",
    """
    and {a}?
    what about {a}?
    how about {a}?
    or {a}?
    is there {a}, too?
    also {a}?
    """,
    """
    and is there {a}?
    and what about {a}?
    """,
)
wordings(
    "then else",
    """
    what else?
    anything else?
    what else is there?
    and what else do you see?
    is there anything else?
    """,
    """
    is there something else?
    and what else is there?
    """,
)
wordings(
    "then sure",
    """
    are you sure?
    really?
    is that right?
    is that true?
    sure?
    """,
    """
    are you really sure?
    is that correct?
    """,
)


def follow_up(asker: Asker) -> tuple[Exchange, ...]:
    """A short talk whose later questions lean on the first. () if none fits."""
    several = [name for name, number in asker.counts.items() if number > 1]
    draw = asker.rng.random()
    if draw < 0.35:
        return asker.pick((_numbers, _presences, _sure, _else))(asker)
    if several and (not asker.single or draw < 0.55):
        return _about_several(asker, asker.pick(several))
    return _about_one(asker, asker.pick(asker.single)) if asker.single else ()


def _then(question: str, answer: str, also: tuple[str, ...] = ()) -> Exchange:
    return Exchange(FOLLOW_UP, question, sentence(answer), tuple(sentence(other) for other in also if other != answer))


def _first(kind: str, asked: tuple) -> Exchange:
    """The opening of a talk, as ``registry.ask`` makes it."""
    also = tuple(sentence(other) for other in asked[2]) if len(asked) > 2 else ()
    return Exchange(kind, asked[0], sentence(asked[1]), also)


def _there(asker: Asker, name: str) -> Exchange:
    return Exchange("exists", asker.phrase("exists", name=name), "Yes.")


def _placed(asker: Asker, kind: str, thing: Thing, **blanks: str) -> Exchange:
    place, *near = places(thing)
    return _then(asker.phrase(kind, **blanks), place, tuple(near))


def _about_several(asker: Asker, name: str) -> tuple[Exchange, ...]:
    """ "are there any dogs?" "Yes." "how many?" "Two.", or "where is the dog on the left?" … "and the other one?".

    The left one is asked for only where the two do not stand one above the other: the margin of ``is_side`` decides.
    """
    own = [thing for thing in asker.things if thing.name == name]
    if len(own) == 2 and asker.chance(0.5) and is_side(own[0], "left of", own[1]):
        first, other = own if asker.chance(0.5) else own[::-1]
        which = "left" if first is own[0] else "right"
        place, *near = places(first)
        question = asker.phrase("then which where", name=name, which=which)
        start = Exchange("where", question, sentence(place), tuple(map(sentence, near)))
        return start, _placed(asker, "then other", other)
    return _there(asker, name), _then(asker.phrase("then how many"), NUMBERS[len(own)])


def _about_one(asker: Asker, thing: Thing) -> tuple[Exchange, ...]:
    """ "is there a dog?" "Yes." "where is it?" "Top left." "what kind of thing is it?" "An animal.", "and the cat?"."""
    talk = (_there(asker, thing.name), _placed(asker, "then where", thing))
    draw = asker.rng.random()
    if draw < 0.25:
        return (*talk, _then(asker.phrase("then kind"), article(thing.kind), (thing.kind,)))
    if draw < 0.45 and thing.colour and len(asker.meant(thing.noun)) == 1:
        return _there(asker, thing.noun), _then(asker.phrase("then colour"), thing.colour)
    others = [other for other in asker.single if other is not thing]
    if not others:
        return talk
    other = asker.pick(others)
    return (*talk, _placed(asker, "then and the", other, name=other.name))


def _numbers(asker: Asker) -> tuple[Exchange, ...]:
    """ "how many dogs are there?" "Two." "and cats?" "One." """
    one = asker.pick(asker.things).name
    other = asker.absent_name() if asker.chance(0.3) else asker.pick(asker.things).name
    if one == other:
        return ()
    first = Exchange("count", asker.phrase("count", name=one), sentence(NUMBERS[asker.counts[one]]))
    number = asker.counts[other]
    return first, _then(asker.phrase("then and number", name=other), NUMBERS[number] if number else "none")


def _presences(asker: Asker) -> tuple[Exchange, ...]:
    """ "is there a dog?" "Yes." "and a cat?" "No." """
    first = _first("exists", KINDS["exists"].make(asker))
    present = asker.chance(0.5)
    name = asker.pick(asker.things).name if present else asker.absent_name()
    return first, _then(asker.phrase("then and present", name=name), "yes" if present else "no")


def _sure(asker: Asker) -> tuple[Exchange, ...]:
    """Who is asked again stays with what is true."""
    first = _first("exists", KINDS["exists"].make(asker)) if asker.chance(0.5) else _first("where", where(asker))
    return first, _then(asker.phrase("then sure"), "yes")


def _else(asker: Asker) -> tuple[Exchange, ...]:
    """ "is there a dog?" "Yes." "what else?" "A cat and two birds." """
    if not asker.single:
        return ()
    thing = asker.pick(asker.single)
    rest = listing(other for other in asker.things if other is not thing)
    return _there(asker, thing.name), _then(asker.phrase("then else"), rest)
