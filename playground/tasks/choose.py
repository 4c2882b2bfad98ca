"""Multiple choice by likelihood: how probable the model finds each choice as its answer, instead of reading its text.

A model that answers freely may say the right thing in other words, or none of the choices; its own probabilities of
the choices can always be compared. That is how benchmarks score multiple choice (Brown et al. 2020, arXiv:2005.14165,
section 2.4; lm-evaluation-harness, github.com/EleutherAI/lm-evaluation-harness). Each choice gets the sum of the
log-probabilities of its tokens, the one that ends the answer included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

from playground.models.messages import asked
from playground.tasks import TaskError, checked_question, whole_text

if TYPE_CHECKING:
    import threading

    from playground.imaging.opening import Source
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.messages import Likelihood, Statistics
    from playground.models.server.chat import AnyChatModel

YES_NO = ("yes", "no")
FEWEST, MOST, LONGEST = 2, 20, 200
"""How many choices there may be, and how many characters each may have."""
Measure = Literal["sum", "mean"]


@dataclass(frozen=True)
class Choice:
    """One choice: how likely it is as the whole answer, and its share among the choices (0 to 1, together 1)."""

    likelihood: Likelihood
    share: float

    @property
    def text(self) -> str:
        """The choice as it was given."""
        return self.likelihood.text


@dataclass(frozen=True)
class Chosen:
    """The choices compared.

    Attributes:
        choices: in the order given.
        measure: what the shares were made from.
        covered: the probability that the model, answering freely, gives one of the choices word for word, 0 to 1, with
            a capital and a full stop where its own answer has them: so are the choices compared.
            Where it is small the shares compare answers of which the model would have given none.
        said: what it answers freely, always the likeliest token.
        statistics: of the run that wrote that. notes: what was done to the picture as it was opened.
    """

    choices: tuple[Choice, ...]
    measure: Measure
    covered: float
    said: str
    statistics: Statistics
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Choice:
        """The choice with the greatest share; of equal ones the first."""
        return max(self.choices, key=lambda choice: choice.share)


def choose(
    model: AnyChatModel,
    image: Source,
    question: str,
    choices: Sequence[str] = YES_NO,
    *,
    measure: Measure = "sum",
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
) -> Chosen:
    """Compare choices as answers to a question about a picture, which is read only once.

    Args:
        choices: two to `MOST` different texts; by default yes and no.
        measure: what the shares are made from. "sum" takes each choice's probability as a whole, p(choice), divided
            by that of all choices: the model's own odds, the default. Every further token makes an answer less
            probable, so among choices of very different length it favours the short ones. "mean" takes
            exp(mean log-probability of a token) instead, which takes the length out (Brown et al. 2020 do so, and
            lm-evaluation-harness by characters, as `acc_norm`), but is no probability any more.
        stop: ends it early, which raises TaskError. seen: the session's encoded pictures.

    Raises:
        TaskError: an empty or over-long question, choices that cannot be compared, an unknown measure, or a model
            that does not tell how likely given answers are (a server's); it was stopped.
        PromptTooLong: the model's context is too short for picture, question and choices.
    """
    wanted, texts = checked_question(question), checked_choices(choices)
    if measure not in get_args(Measure):
        raise TaskError(f"There is no measure {measure!r}. Choose one of: {', '.join(get_args(Measure))}.")
    if model.likelihood_reason:
        raise TaskError(model.likelihood_reason)
    messages = asked(wanted, image)
    told = {"stop": stop, "seen": seen, "conversation": model.conversation()}  # picture and question are read once
    free = model.generate(messages, max_new_tokens=32, **told)
    said = free.text.strip()
    found = model.likelihoods(messages, [spelt_as(said, text) for text in texts], **told)
    if not found:
        raise TaskError("It was stopped before the choices were compared. Ask again.")
    found = [replace(item, text=text) for item, text in zip(found, texts, strict=True)]
    each = [item.log_probability if measure == "sum" else item.per_token for item in found]
    covered = min(1.0, sum(math.exp(item.log_probability) for item in found))
    compared = tuple(Choice(item, share) for item, share in zip(found, _shares(each), strict=True))
    return Chosen(compared, measure, covered, said, free.statistics, free.notes)


def spelt_as(said: str, choice: str) -> str:
    """The choice with a capital and a full stop where the model's own answer has them: "yes" beside "No." is "Yes.".

    A model that writes sentences finds a bare word improbable, whichever it is.
    """
    if said[:1].isupper():
        choice = choice[:1].upper() + choice[1:]
    return choice + "." if said.endswith(".") and choice[-1:].isalnum() else choice


def checked_choices(choices: Sequence[str]) -> tuple[str, ...]:
    """The choices without surrounding blanks.

    Raises:
        TaskError: fewer than two, too many, an empty or over-long one, or one that is there twice.
    """
    texts = tuple(whole_text(choice, "A choice").strip() for choice in choices)
    if not FEWEST <= len(texts) <= MOST:
        count = f"{len(texts)} choice{'s' * (len(texts) != 1)}" if texts else "no choice"
        are = "is" if len(texts) < 2 else "are"
        raise TaskError(f"There {are} {count}; {FEWEST} to {MOST} can be compared. Write one a line.")
    for text in texts:
        if not text:
            raise TaskError("One of the choices is empty. Leave it out.")
        if len(text) > LONGEST:
            raise TaskError(f"One choice has {len(text):,} characters; up to {LONGEST} are read. Shorten it.")
        if sum(other.casefold() == text.casefold() for other in texts) > 1:
            raise TaskError(f"“{text}” is there twice. Leave one of them out.")
    return texts


def _shares(logarithms: Sequence[float]) -> list[float]:
    """Softmax: the share of each, together 1."""
    greatest = max(logarithms)
    if math.isinf(greatest):
        return [1 / len(logarithms)] * len(logarithms)
    weights = [math.exp(value - greatest) for value in logarithms]
    return [weight / sum(weights) for weight in weights]
