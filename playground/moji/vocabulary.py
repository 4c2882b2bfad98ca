"""The sentences that Moji's tokenizer is trained on."""

from __future__ import annotations

from .beyond import ANSWER, COLOUR_ANSWER, outside_questions
from .phrasing import TEMPLATES
from .words import SIDES
from .world import COLOURS, KINDS, NOUNS, NUMBERS, PLACES, WRITINGS, plural

_EXTRAS = (
    "yes no none nothing there is an at the and in of it what about where user assistant picture one 's them",
    "that type how other on left please hey ok so hi now tell me um moji thanks pls wheres whats",
)

# How often a word stands here decides the number of its token, and checkpoints know tokens by number: a change of one
# count makes all of them speak gibberish. So wordings that came later are left out, and these have stayed.
_FIXED = (
    "please describe what you can see in this picture. so what is here? in the a, is there a? can you see any a here?",
    "have you got a? in this image, how many a do you see? count all the a you can see. what is the number of objects?",
    "how many things can you see in the image? in what part of the image do you see the a? the a, what color is it?",
    "can you tell me where the a is? in the picture, what is there? can you see what is at the a?",
    "a the a, what is there? tell me which thing you see a the a. tell me, is the a a the a? the a is a the a, is it?",
    "read what the sign says. tell me which colour the a has. can you tell me what kind of thing the a is?",
    "the a or the a, which is bigger? tell me which is bigger: the a or the a.",
    "can you tell me what is written on the sign?",
)


def vocabulary_sentences() -> list[str]:
    """Sentences that together hold every word of this world: what the tokenizer is trained on.

    Outside nouns are left out, so that a known and an unknown one look alike: letters and pieces.
    """
    names = [*NOUNS, *map(plural, NOUNS), *KINDS, *map(plural, KINDS), *COLOURS, *NUMBERS, *sum(PLACES, ()), *SIDES]
    blank = dict.fromkeys(("plural", "a", "name", "place", "side", "other"), "a")
    templates = [text.format(**blank) for texts in TEMPLATES.values() for text in texts]
    return [*names, *WRITINGS, *outside_questions(), ANSWER, COLOUR_ANSWER, *templates, *_FIXED, *_EXTRAS]
