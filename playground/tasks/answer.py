"""Visual question answering: an answer, how probable it is, and what else the model nearly said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playground.checkpoints.calibration import read
from playground.models.messages import Candidate, asked, spoken
from playground.tasks import checked_question

if TYPE_CHECKING:
    import threading

    from playground.checkpoints.calibration import Calibration
    from playground.imaging.opening import Source
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.prefix_cache import PrefixCache
    from playground.models.messages import Answer, Statistics
    from playground.models.server.chat import AnyChatModel

_BEAM_TOKENS = 24
UNTOLD = "The server does not tell how probable its answers are."


@dataclass(frozen=True)
class Answered:
    """An answer to one question.

    Attributes:
        text: the answer.
        probability: of the whole answer, 0 to 1: the product of the probabilities of its tokens. None where the
            model is on a server that tells none; then there are no runners-up either.
        runners_up: other answers, most probable first. They come from a beam search (on a server: are drawn),
            which finds probable answers but not surely all, so the probabilities need not sum to 1.
        statistics: of the run that wrote the answer.
        notes: what was done to the picture as it was opened.
        calibrated: the share of answers of this probability that were right when it was measured, 0 to 1; None where
            nothing was measured that counts for this model. calibration: a sentence on that.
    """

    text: str
    probability: float | None
    runners_up: tuple[Candidate, ...]
    statistics: Statistics
    calibrated: float | None = None
    calibration: str = ""
    notes: tuple[str, ...] = ()


def answer(
    model: AnyChatModel,
    image: Source,
    question: str,
    *,
    runners_up: int = 4,
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
    conversation: PrefixCache | None = None,
) -> Answered:
    """Ask one question about one picture; `runners_up` is how many other answers to look for.

    stop: ends it after the token in work; there are no runners-up then. seen: the session's encoded pictures.
    conversation: hand the same one to several questions about one picture, and the model reads the picture once.

    The answer is the most probable one of the greedy answer and the beam's. A greedy answer that is longer
    than the beam looks ahead (24 tokens) stays the answer: unfinished sentences are no rivals to it.

    Raises:
        TaskError: an empty or over-long question.
        EmptyAnswer: the model said nothing; the message says why.
        PromptTooLong: the model's context is too short for picture and question.
    """
    messages = asked(checked_question(question), image)
    if conversation is None:
        conversation = model.conversation()  # picture and question are read once for greedy answer and beam
    told = {"stop": stop, "seen": seen, "conversation": conversation}
    greedy = spoken(model.generate(messages, max_new_tokens=96, **told))
    certain = _probability(greedy)
    if certain is None:
        return Answered(greedy.text.strip(), None, (), greedy.statistics, None, UNTOLD, greedy.notes)
    found = model.candidates(messages, count=runners_up + 1, max_new_tokens=_BEAM_TOKENS, **told)
    said = {text: candidate.probability for candidate in found if (text := candidate.text.strip())}
    best = greedy.text.strip()
    probability = said.pop(best, None) or certain
    if len(greedy.pieces) < _BEAM_TOKENS and said and max(said.values()) > probability:
        said[best], best = probability, max(said, key=said.__getitem__)
        probability = said.pop(best)
    others = sorted((Candidate(text, value) for text, value in said.items()), key=lambda c: -c.probability)
    calibration, sentence = calibration_of(model)
    calibrated = calibration(probability) if calibration else None
    found = tuple(others[:runners_up])
    return Answered(best, probability, found, greedy.statistics, calibrated, sentence, greedy.notes)


def calibration_of(model: AnyChatModel) -> tuple[Calibration | None, str]:
    """The calibration that counts for a model's answers, and a sentence on it; see `checkpoints.calibration.read`."""
    network = getattr(model, "model", None)
    adapted = hasattr(network, "peft_config")  # by an adapter: other weights than its folder's
    return read(Path("" if adapted else getattr(network, "name_or_path", "")))


def _probability(written: Answer) -> float | None:
    """Of the whole answer; None where nobody told it."""
    each = [piece.probability for piece in written.pieces]
    return (
        None if not each or None in each else math.exp(sum(math.log(max(probability, 1e-12)) for probability in each))
    )
