"""Kinds of question around other questions: with an order how to answer, two in one, and those without an answer."""

from __future__ import annotations

from playground.moji.asking import Asker
from playground.moji.beyond import ANSWER, COLOUR_ANSWER, outside_questions, outside_things
from playground.moji.questions.beside import relation
from playground.moji.questions.comparing import size_check
from playground.moji.questions.number import count, more, number_check, total
from playground.moji.questions.place import place_check, where
from playground.moji.questions.presence import exists, exists_kind
from playground.moji.questions.registry import Asked, question
from playground.moji.questions.things import colour, kind_check
from playground.moji.wordings import wordings
from playground.moji.words import SIDES, sentence
from playground.moji.world import NOUNS

_YES_NO = (exists, exists, exists_kind, relation, place_check, number_check, more, kind_check, size_check)
_SHORT = (count, total, where, colour)
_OUTSIDE = ("exists", "exists", "count", "where", "side", "kind", "relation", "tag", "negated", "next to")

# {question} has its mark at the end
wordings(
    "yes or no",
    """
    answer yes or no: {question}
    yes or no: {question}
    yes or no, {question}
    {question} yes or no?
    {question} answer yes or no.
    {question} answer with yes or no.
    only yes or no: {question}
    just say yes or no: {question}
    answer with yes or no: {question}
    answer only yes or no: {question}
    reply with yes or no. {question}
    """,
    """
    reply only yes or no: {question}
    say yes or no: {question}
    {question} just yes or no.
    {question} say only yes or no.
    """,
)
wordings(
    "in short",
    """
    in one word: {question}
    {question} answer in one word.
    answer in a word: {question}
    {question} just a short answer.
    briefly: {question}
    short answer: {question}
    {question} answer briefly.
    give a short answer: {question}
    """,
    """
    answer briefly: {question}
    {question} in one word, please.
    {question} give a short answer.
    """,
)
wordings(
    "two questions",
    """
    {question} {second}
    {question} and {second}
    two questions: {question} {second}
    first, {question} then, {second}
    {question} and also, {second}
    {question} also, {second}
    """,
    """
    first question: {question} then: {second}
    {question} then {second}
    i have two questions. {question} {second}
    """,
)


def _plain(asker: Asker) -> Asker:
    """The same asker with nothing typed loosely: only the whole question is."""
    typing = asker.typing
    inner = Asker(asker.scene, asker.rng, type(typing)(synonyms=typing.synonyms, plain=typing.plain))
    return inner


@question(share=0.8)
def yes_or_no(asker: Asker) -> Asked | None:
    """Answer yes or no: …"""
    asked = asker.pick(_YES_NO)(_plain(asker))
    return (asker.phrase("yes or no", question=asked[0]), asked[1]) if asked else None


@question(share=0.4)
def in_short(asker: Asker) -> Asked | None:
    """In one word: …; the answer is short as it is."""
    asked = asker.pick(_SHORT)(_plain(asker))
    return (asker.phrase("in short", question=asked[0]), *asked[1:]) if asked else None


@question(share=0.8)
def two_questions(asker: Asker) -> Asked | None:
    """How many dogs are there, and where is the cat? "Two. Top left." """
    inner = _plain(asker)
    pair = asker.two((exists, count, where, colour, total, exists_kind))
    first, second = (make(inner) for make in pair)
    if not first or not second:
        return None
    others = [(first[1], *(first[2] if len(first) > 2 else ())), (second[1], *(second[2] if len(second) > 2 else ()))]
    also = [f"{sentence(one)} {sentence(other)}" for one in others[0] for other in others[1]]
    phrase = asker.phrase("two questions", question=first[0], second=second[0])
    return phrase, also[0], tuple(also[1:])


@question(share=1.6)
def outside(asker: Asker) -> Asked:
    """A question that Moji cannot answer: no picture tells, a word it does not know, a colour of an emoji."""
    draw = asker.rng.random()
    emoji = [thing.noun for thing in asker.things if thing.noun in NOUNS and NOUNS[thing.noun].emoji]
    if draw < 0.2 and emoji:
        return asker.phrase("colour", name=asker.pick(emoji)), COLOUR_ANSWER
    if draw < 0.6:
        return asker.typed(asker.pick(outside_questions(asker.typing.unseen))), ANSWER
    name, other = asker.pick(outside_things(asker.typing.unseen)), asker.pick(asker.things).name
    return asker.phrase(asker.pick(_OUTSIDE), name=name, side=asker.pick(SIDES), other=other), ANSWER
