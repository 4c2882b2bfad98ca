"""Other words for what the world holds: British and American pairs, and what people call a thing besides its name.

The choice follows the English keywords of CLDR (Unicode's annotations of emoji): those that name the very thing, and
could name no other thing of this world.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from playground.moji.world import KINDS, NOUNS, plural

_SYNONYMS = """
    dog: puppy, doggy; cat: kitten, kitty; horse: pony, racehorse; pig: piggy, hog; sheep: lamb; camel: dromedary;
    rabbit: bunny, hare; turtle: tortoise; crocodile: alligator, croc; snake: serpent; frog: toad; ladybug: ladybird;
    bee: honeybee, bumblebee; chicken: hen; palm: palm tree; mushroom: toadstool; clover: shamrock;
    kiwi: kiwi fruit; corn: maize, sweetcorn; eggplant: aubergine; pepper: chilli, chili, hot pepper; potato: spud;
    bread: loaf; hamburger: burger; hotdog: hot dog; cookie: biscuit; donut: doughnut; candy: sweet; lollipop: lolly;
    car: automobile, auto; bus: coach; taxi: cab; truck: lorry; bicycle: bike, cycle; motorcycle: motorbike;
    airplane: aeroplane, plane, jet; helicopter: chopper; rocket: spaceship; boat: sailboat, sailing boat;
    canoe: kayak; train: locomotive; house: home; church: chapel; castle: palace;
    shirt: tshirt, t shirt, tee shirt; coat: jacket; shoe: sneaker, trainer; cap: baseball cap;
    violin: fiddle; saxophone: sax; axe: ax, hatchet; wrench: spanner; saw: handsaw; couch: sofa; toilet: loo;
    chair: seat; phone: telephone, smartphone, cellphone, mobile phone; computer: laptop, pc;
    television: tv, telly; bulb: light bulb, lightbulb; clock: alarm clock; watch: wristwatch; ball: football,
    soccer ball; teddy: teddy bear; puzzle: jigsaw, puzzle piece; envelope: letter; gift: present; bucket: pail;
    broom: broomstick; umbrella: brolly; moon: crescent moon, crescent; trophy: prize; snowflake: snow flake;
    circle: disc, disk; diamond: rhombus; sign: signboard; oval: ellipse
"""
_COLOUR_WORDS = {"gray": ("grey",)}
_KIND_WORDS = {
    "animal": ("animals",),
    "bird": ("birds",),
    "plant": ("plants",),
    "fruit": ("fruits", "fruit", "pieces of fruit"),
    "vegetable": ("vegetables", "veggies", "veg"),
    "food": ("foods", "food", "foodstuffs"),
    "drink": ("drinks", "beverages"),
    "vehicle": ("vehicles",),
    "building": ("buildings",),
    "garment": ("garments", "clothes", "pieces of clothing"),
    "instrument": ("instruments", "musical instruments"),
    "tool": ("tools",),
    "furnishing": ("furnishings", "pieces of furniture"),
    "device": ("devices", "gadgets"),
    "toy": ("toys",),
    "object": ("objects",),
    "shape": ("shapes",),
}


@cache
def synonyms() -> dict[str, tuple[str, ...]]:
    """Noun → other words for it, singular: ``synonyms()["eggplant"] == ("aubergine",)``. Many nouns have none."""
    rows = (row.partition(":") for row in " ".join(_SYNONYMS.split()).split(";"))
    return {noun.strip(): tuple(word.strip() for word in words.split(",")) for noun, _, words in rows}


def kind_words(kind: str) -> tuple[str, ...]:
    """How one asks for several of a kind: "garment" → "garments", "clothes", "pieces of clothing"."""
    return _KIND_WORDS.get(kind, (plural(kind),))


def colour_words(colour: str) -> tuple[str, ...]:
    """Other spellings of a colour: "gray" → "grey"."""
    return _COLOUR_WORDS.get(colour, ())


def other_name(name: str, rng: np.random.Generator) -> str:
    """Another word for what carries this name, its colour or writing kept ("red disc"); the name itself if none is."""
    told, _, noun = name.rpartition(" ")
    told = next(iter(colour_words(told)), told)
    options = synonyms().get(noun, (noun,))
    return f"{told} {options[int(rng.integers(len(options)))]}".lstrip()


def known_words() -> frozenset[str]:
    """Every single word that names something of the world, singular and plural, synonyms and kinds with it."""
    phrases = [*NOUNS, *KINDS, *(word for words in synonyms().values() for word in words)]
    several = [word for words in _KIND_WORDS.values() for word in words]
    return frozenset(word for text in (*phrases, *map(plural_phrase, phrases), *several) for word in text.split())


def plural_phrase(phrase: str) -> str:
    """Plural of a noun of one or several words: "palm trees"."""
    before, _, last = phrase.rpartition(" ")
    return f"{before} {plural(last)}".lstrip()
