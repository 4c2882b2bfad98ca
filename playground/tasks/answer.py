"""Visual question answering: an answer, how probable it is, and what else the model nearly said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.chat import Candidate, Message
from playground.tasks import checked_question

if TYPE_CHECKING:
    from PIL import Image

    from playground.models.chat import Answer, ChatModel, Statistics

_BEAM_TOKENS = 24


@dataclass(frozen=True)
class Answered:
    """An answer to one question.

    Attributes:
        text: the answer.
        probability: of the whole answer, 0 to 1: the product of the probabilities of its tokens.
        runners_up: other answers, most probable first. They come from a beam search, which finds probable
            answers but not surely all, so the probabilities need not sum to 1.
        statistics: of the run that wrote the answer.
    """

    text: str
    probability: float
    runners_up: tuple[Candidate, ...]
    statistics: Statistics


def answer(model: ChatModel, image: Image.Image, question: str, *, runners_up: int = 4) -> Answered:
    """Ask one question about one picture; `runners_up` is how many other answers to look for.

    The answer is the most probable one of the greedy answer and the beam's. A greedy answer that is longer
    than the beam looks ahead (24 tokens) stays the answer: unfinished sentences are no rivals to it.

    Raises:
        TaskError: an empty or over-long question.
        PromptTooLong: the model's context is too short for picture and question.
    """
    messages = (Message("user", checked_question(question), (image,)),)
    greedy = model.generate(messages, max_new_tokens=96)
    found = model.candidates(messages, count=runners_up + 1, max_new_tokens=_BEAM_TOKENS)
    said = {candidate.text.strip(): candidate.probability for candidate in found}
    best = greedy.text.strip()
    probability = said.pop(best, None) or _probability(greedy)
    if len(greedy.pieces) < _BEAM_TOKENS and said and max(said.values()) > probability:
        said[best], best = probability, max(said, key=said.__getitem__)
        probability = said.pop(best)
    others = sorted((Candidate(text, value) for text, value in said.items()), key=lambda c: -c.probability)
    return Answered(best, probability, tuple(others[:runners_up]), greedy.statistics)


def _probability(written: Answer) -> float:
    return math.exp(sum(math.log(max(piece.probability, 1e-12)) for piece in written.pieces))
