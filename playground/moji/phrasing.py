"""How people word a question: many templates for each type, loose typing, and small misspellings.

The first template of each type is the plainest one. ``FOLLOW_UPS`` are questions that lean on one before. ``STRANGE``
and ``STRANGE_FOLLOW_UPS`` hold wordings that no training step draws, greetings and dropped marks included: with them
one can measure whether a model understood the question or learnt its templates by heart. They use words of the training
alone, so that nothing but the wording is new.
"""

from __future__ import annotations

import string
from functools import lru_cache

import numpy as np

from playground.moji.world import COLOURS, KINDS, NOUNS, NUMBERS, PLACES, WRITINGS, plural

SHORT_PROMPT = "describe the picture."
DETAILED_PROMPT = "describe the picture in detail."

TEMPLATES: dict[str, tuple[str, ...]] = {
    "caption": (
        SHORT_PROMPT, "what is in the picture?", "what do you see?", "caption this.", "whats in here?", "what's this?",
        "what is this?", "what does the picture show?", "what can you see here?", "describe this image.",
        "describe the image.", "what's in the image?", "tell me what you see.", "write a caption.", "what is there?",
        "list everything you see.", "what things are in here?",
    ),
    "detail": (
        DETAILED_PROMPT, "tell me more about the picture.", "where is everything?", "describe it in detail.",
        "describe everything and where it is.", "what is where?", "give me a detailed description.",
        "describe the image in detail.", "say where each thing is.",
    ),
    "exists": (
        "is there {a}?", "is there {a} in the picture?", "do you see {a}?", "can you see {a}?",
        "are there any {plural}?", "any {plural}?", "is there {a} here?", "do you see any {plural}?",
        "does the picture have {a}?",
        "is {a} in the image?", "are there {plural} in the picture?", "can you find {a}?", "{a}?", "got any {plural}?",
        "is there any {name}?",
    ),
    "count": (
        "how many {plural} are there?", "how many {plural}?", "how many {plural} do you see?", "count the {plural}.",
        "how many {plural} are in the picture?", "what is the number of {plural}?", "how many {plural} can you see?",
        "number of {plural}?", "how many {plural} are here?", "can you count the {plural}?", "how much {plural}?",
        "tell me how many {plural} there are.",
    ),
    "total": (
        "how many things are there?", "how many objects are there?", "how many things do you see?", "count everything.",
        "how many things are in the picture?", "how many objects?", "how many things in all?", "count all things.",
        "how many items are there?", "what is the number of things?",
    ),
    "where": (
        "where is the {name}?", "where is the {name} in the picture?", "where do you see the {name}?",
        "find the {name}.", "where's the {name}?", "wheres the {name}?", "in which part of the picture is the {name}?",
        "locate the {name}.", "what is the position of the {name}?", "where can i find the {name}?",
        "tell me where the {name} is.",
    ),
    "wheres": (
        "where are the {plural}?", "where are the {plural} in the picture?", "where do you see {plural}?",
        "find the {plural}.", "where can i find the {plural}?", "locate the {plural}.",
    ),
    "at": (
        "what is in the {place}?", "what is at the {place}?", "what do you see in the {place}?",
        "what's at the {place}?", "whats in the {place}?", "which thing is at the {place}?",
        "what do you see at the {place}?",
        "what can you find in the {place}?", "tell me what is in the {place}.",
    ),
    "side": (
        "what is {side} the {name}?", "which thing is {side} the {name}?", "what's {side} the {name}?",
        "what do you see {side} the {name}?", "what can you see {side} the {name}?", "whats {side} the {name}?",
        "which things are {side} the {name}?", "tell me what is {side} the {name}.",
    ),
    "relation": (
        "is the {name} {side} the {other}?", "is {a} {side} the {other}?",
        "can you see the {name} {side} the {other}?", "do you see {a} {side} the {other}?",
        "{name} {side} the {other}?", "is it true that the {name} is {side} the {other}?",
    ),
    "colour": (
        "what colour is the {name}?", "what color is the {name}?", "which colour is the {name}?",
        "which color does the {name} have?", "what is the colour of the {name}?", "what's the color of the {name}?",
        "what colour does the {name} have?", "tell me the color of the {name}.", "the {name} is what colour?",
    ),
    "kind": (
        "what kind of thing is the {name}?", "what kind of thing is {a}?", "what type of thing is the {name}?",
        "what sort of thing is the {name}?", "which kind of thing is {a}?", "the {name} is what kind of thing?",
        "what is {a}?", "what category is the {name}?",
    ),
    "bigger": (
        "which is bigger, the {name} or the {other}?", "what is bigger, the {name} or the {other}?",
        "which one is bigger, the {name} or the {other}?", "which is larger, the {name} or the {other}?",
        "is the {name} or the {other} bigger?", "who is bigger, the {name} or the {other}?",
        "what is larger, the {name} or the {other}?", "bigger: the {name} or the {other}?",
    ),
    "biggest": (
        "what is the biggest thing?", "which thing is the biggest?", "what's the biggest?",
        "which is the largest thing?", "what is the largest object?", "which thing is biggest?",
    ),
    "says": (
        "what does the sign say?", "what is written on the sign?", "what does it say on the sign?", "read the sign.",
        "what's on the sign?", "what word is on the sign?", "what does the writing say?", "what is written there?",
        "can you read the sign?", "what does it say?",
    ),
}  # fmt: skip

FOLLOW_UPS: dict[str, tuple[str, ...]] = {
    "which where": ("where is the {name} on the {which}?", "where is the {which} {name}?"),
    "other": ("and the other one?", "where is the other one?", "the other one?", "and the other?"),
    "any": ("are there any {plural}?", "do you see {plural}?"),
    "how many": ("how many?", "how many of them?", "and how many?", "how many are there?", "count them."),
    "where": ("where is it?", "and where is it?", "where?", "where's it?", "tell me where it is."),
    "kind": ("what kind of thing is it?", "what kind of thing is that?", "what type of thing is it?"),
    "colour": ("what colour is it?",),
    "and the": ("and the {name}?", "what about the {name}?", "and where is the {name}?", "how about the {name}?"),
}

STRANGE: dict[str, tuple[str, ...]] = {
    "caption": ("please describe what you can see in this picture.", "so what is here?"),
    "detail": ("what do you see, and where is it?", "describe where you see each thing."),
    "exists": ("in the picture, is there {a}?", "can you see any {plural} here?", "have you got {a}?"),
    "count": ("in this image, how many {plural} do you see?", "count all the {plural} you can see."),
    "total": ("how many things can you see in the image?", "what is the number of objects?"),
    "where": ("in what part of the image do you see the {name}?", "can you tell me where the {name} is?"),
    "wheres": ("tell me where you see the {plural}.", "the {plural}, where do you see them?"),
    "at": ("in the {place}, what is there?", "can you see what is at the {place}?"),
    "side": ("tell me which thing you see {side} the {name}.", "{side} the {name}, what is there?"),
    "relation": ("do you see that the {name} is {side} the {other}?", "the {name} is {side} the {other}, is it?"),
    "colour": ("of the {name}, tell me the colour.", "the {name}, what color is it?"),
    "kind": ("can you tell me what kind of thing the {name} is?",),
    "bigger": ("of the {name} and the {other}, which is bigger?", "the {name} or the {other}, which is bigger?"),
    "biggest": ("of all the things, which is the biggest?", "tell me which thing is the largest."),
    "says": ("can you tell me what is written on the sign?", "tell me what you can read on the sign."),
}

STRANGE_FOLLOW_UPS: dict[str, tuple[str, ...]] = {
    "which where": ("the {name} on the {which}, where is it?", "tell me where you see the {which} {name}."),
    "other": ("what about the other one?", "tell me where the other one is."),
    "any": STRANGE["exists"][1:2],
    "how many": ("what is the number of them?", "tell me how many you see."),
    "where": ("in which part of the picture is it?", "find it."),
    "kind": ("can you tell me what kind of thing it is?", "which kind of thing is it?"),
    "colour": ("which colour does it have?", "tell me the colour of it."),
    "and the": ("the {name}, where is that?", "and in which part is the {name}?"),
}

_BEFORE = ("please ", "hey, ", "ok, ", "so ", "hi, ", "now, ", "tell me, ", "um, ", "moji, ", "and ")
_AFTER = (" please", " thanks", " pls")
_PLAIN_ENDS = str.maketrans("", "", "?.'")
_LETTERS = string.ascii_lowercase
_NEAR = {"a": "s", "s": "a", "e": "r", "r": "e", "i": "o", "o": "i", "n": "m", "m": "n", "t": "r", "d": "f", "g": "h"}


@lru_cache(maxsize=1)
def world_words() -> frozenset[str]:
    """Every word that names something in the world: a misspelling must not turn one of them into another."""
    names = [*NOUNS, *map(plural, NOUNS), *KINDS, *map(plural, KINDS), *COLOURS, *NUMBERS, *WRITINGS]
    return frozenset(names) | {word for row in PLACES for place in row for word in place.split()}


def loosely(question: str, rng: np.random.Generator) -> str:
    """The question as somebody might type it: a greeting before, a please behind, marks left out, a capital."""
    draw = rng.random()
    if draw < 0.10:
        question = _BEFORE[int(rng.integers(len(_BEFORE)))] + question
    elif draw < 0.14:
        question = question.rstrip("?.") + _AFTER[int(rng.integers(len(_AFTER)))] + question[-1:]
    if rng.random() < 0.3:
        question = question.translate(_PLAIN_ENDS)
    return question


def misspelt(text: str, rng: np.random.Generator) -> str:
    """The text with one small slip in a word of four letters or more: two letters swapped, one lost, doubled or
    struck beside. Never a slip that makes another word of the world."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if sum(letter in _LETTERS for letter in word) >= 4]
    if not long:
        return text
    place = long[int(rng.integers(len(long)))]
    word = words[place]
    at = int(rng.integers(1, len(word) - 2))
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + _NEAR.get(word[at], word[at]) + word[at + 1 :],
    )
    slip = slips[int(rng.integers(len(slips)))]
    if slip.strip(string.punctuation) not in world_words():
        words[place] = slip
    return " ".join(words)
