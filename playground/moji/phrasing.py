"""How people type: the app's own prompts, a greeting before, marks left out, slips of the finger."""

from __future__ import annotations

import string
from functools import lru_cache

import numpy as np

from playground.moji.synonyms import known_words
from playground.moji.world import COLOURS, KINDS, NUMBERS, PLACES, WRITINGS, plural

SHORT_PROMPT = "describe the picture."
DETAILED_PROMPT = "describe the picture in detail."

_BEFORE = (
    "please ", "hey, ", "ok, ", "so ", "hi, ", "hello, ", "now, ", "um, ", "moji, ", "hey moji, ",
    "question: ", "i wonder, ", "well, ", "do you know, ", "excuse me, ", "quick question: ",
)  # fmt: skip
_AFTER = (" please", " thanks", " pls", " thank you", " plz", ", please")
_SHORTENED = (
    ("what is ", "whats "), ("where is ", "wheres "), ("what is ", "what's "), ("there is ", "theres "),
    ("is there ", "is their "), ("are ", "r "), ("you ", "u "), ("how many ", "howmany "), ("picture", "pic"),
    ("picture", "image"), ("image", "photo"), ("do not ", "dont "), ("please", "plz"),
)  # fmt: skip
_PLAIN_ENDS = str.maketrans("", "", "?.'")
_LETTERS = string.ascii_lowercase
# the key beside it
_NEAR = {"a": "s", "s": "a", "e": "r", "r": "e", "i": "o", "o": "i", "n": "m", "m": "n", "t": "r", "d": "f", "g": "h"}


@lru_cache(maxsize=1)
def world_words() -> frozenset[str]:
    """Every word that names something in the world: a misspelling must not turn one of them into another."""
    names = [*KINDS, *map(plural, KINDS), *COLOURS, *NUMBERS, *WRITINGS]
    return frozenset(names) | known_words() | {word for row in PLACES for place in row for word in place.split()}


def loosely(question: str, rng: np.random.Generator) -> str:
    """The question as somebody might type it: a greeting before, a please behind, a word shortened, marks left out or
    doubled, a capital."""
    draw = rng.random()
    if draw < 0.12:
        question = _BEFORE[int(rng.integers(len(_BEFORE)))] + question
    elif draw < 0.18:
        question = question.rstrip("?.") + _AFTER[int(rng.integers(len(_AFTER)))] + question[-1:]
    if rng.random() < 0.08:
        long, short = _SHORTENED[int(rng.integers(len(_SHORTENED)))]
        question = question.replace(long, short, 1)
    draw = rng.random()
    if draw < 0.3:
        question = question.translate(_PLAIN_ENDS)
    elif draw < 0.33:
        question = question.rstrip("?.") + ("??", " ?", "?!", "...")[int(rng.integers(4))]
    return question[:1].upper() + question[1:] if rng.random() < 0.4 else question


def misspelt(text: str, rng: np.random.Generator) -> str:
    """The text with one small slip, one time in five with two, each in a word of four letters or more: two letters
    swapped, one lost, doubled or struck beside, or a space within. Never a slip that makes another
    word of the world."""
    for _ in range(2 if rng.random() < 0.2 else 1):
        text = _slip(text, rng)
    return text


def _slip(text: str, rng: np.random.Generator) -> str:
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
        word[: len(word) // 2] + " " + word[len(word) // 2 :],
    )
    draw = int(rng.integers(9))  # a word in two is rarer than the others
    slip = slips[draw // 2 if draw < 8 else 4]
    if not any(part.strip(string.punctuation) in world_words() for part in slip.split(" ")):
        words[place] = slip
    return " ".join(words)
