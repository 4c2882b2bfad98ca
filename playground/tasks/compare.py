"""The same question about the same picture to two models: what each says, how sure it is, and where it looked."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.families.registry import family_of
from playground.models.generation.stopping import stopped_by
from playground.models.messages import asked, spoken
from playground.tasks import checked_question
from playground.tasks.maps import QUICK

if TYPE_CHECKING:
    import threading

    from playground.imaging.opening import Source
    from playground.interpret.trace import Trace
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.messages import Statistics
    from playground.models.server.chat import AnyChatModel

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Side:
    """What one model said.

    name: of the model. text: its answer. probability: of the whole answer, 0 to 1, the product over its tokens; None
    where a server tells none. statistics: what the answer took. fusion: how the model brings picture and words
    together, in a sentence.
    trace: the answer's words and their attention; None where it cannot be read, and then `reason` says why.
    leans: how much each word leans on the picture, see `playground.interpret.forward.image_dependence`; () where
    nobody asked the model, because it is slow.
    """

    name: str
    text: str
    probability: float | None
    statistics: Statistics
    fusion: str
    trace: Trace | None = None
    reason: str | None = None
    leans: tuple[float, ...] = ()

    def lean(self, word: int) -> float | None:
        """How much a word leans on the picture, 0 to 1; None while nobody knows."""
        return self.leans[word] if self.leans else None

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the answer that can be looked into; none where there is no trace."""
        return tuple(word.text for word in self.trace.words) if self.trace else ()


def side(
    model: AnyChatModel,
    image: Source,
    question: str,
    *,
    max_new_tokens: int = 48,
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
) -> Side:
    """Ask one of the models. A model whose attention cannot be read answers as well.

    seen: the session's encoded pictures. Raises TaskError for an empty or over-long question, and what `generate`
    raises.
    """
    messages = asked(checked_question(question), image)
    options = {"max_new_tokens": max_new_tokens, "stop": stop, "seen": seen}
    traced = None
    if not model.attention_reason:
        from playground.interpret.trace import trace

        traced = trace(model, messages, **options)
    written = traced.answer if traced else model.generate(messages, **options)
    each = [piece.probability for piece in written.pieces]
    told = None if not each or None in each else math.prod(each)
    text = spoken(written).text.strip()
    return Side(
        model.name,
        text,
        told,
        written.statistics,
        fusion(model),
        traced,
        model.attention_reason,
        _leans(model, traced, stop),
    )


def _leans(model: AnyChatModel, traced: Trace | None, stop: threading.Event | None) -> tuple[float, ...]:
    """How much each word leans on the picture, of a quick model: it runs twice more."""
    if traced is None or not traced.words or traced.answer.statistics.seconds > QUICK:
        return ()
    from playground.interpret.forward.image_dependence import image_dependence

    try:
        with stopped_by(stop):
            return image_dependence(model, traced)
    except (ValueError, RuntimeError):  # some models cannot be run over a given answer; this one stands without
        _log.warning("%s: how much each word leans on the picture is not known", model.name, exc_info=True)
        return ()


def same_word(chosen: Side, word: int, other: Side) -> int | None:
    """Where the other answer says the same word: its second "dog" for the second "dog", else its last one; None where
    it does not say it. Capitals do not matter."""
    text = chosen.words[word].casefold()
    places = [place for place, said in enumerate(other.words) if said.casefold() == text]
    before = sum(said.casefold() == text for said in chosen.words[:word])
    return places[min(before, len(places) - 1)] if places else None


def fusion(model: AnyChatModel) -> str:
    """How a model brings picture and words together, in a sentence."""
    if not hasattr(model, "model"):
        return "It runs on a server, which does not show how it brings picture and words together."
    return family_of(model.model.config).fusion(model.model)
