"""What goes into a conversation with a model and what comes out: plain data, the same for every kind of model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from playground.imaging.opening import Source, open_picture

if TYPE_CHECKING:
    from PIL import Image


LONGEST_SIDE_READ = 4096
"""Pixels. A photograph of a phone reaches a model whole; Qwen-VL, which reads most, takes 12.8 million pixels."""


class CannotRead(ValueError):
    """The model's processor refuses the conversation; the message says what it said."""


class PromptTooLong(ValueError):
    """The conversation has more tokens than the model can read; the message says how many of each."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: who speaks, the words, and the pictures shown before them.

    Whatever `images` are given as (paths, bytes, PIL images, arrays, tensors …), they go through
    `playground.imaging.opening.open_picture` and are upright RGB from then on; what is so already stays as it is.
    Sides of more than `LONGEST_SIDE_READ` pixels are scaled down.

    notes: what was done to the pictures that whoever brought them should know, one sentence each.
    Raises MediaError for what is no picture.
    """

    role: Literal["user", "assistant", "system"]
    text: str
    images: tuple[Image.Image, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        opened = [open_picture(image, longest_side=LONGEST_SIDE_READ) for image in self.images]
        notes = [*self.notes]
        for place, picture in enumerate(opened, 1):
            notes += [f"Picture {place}: {note}" if len(opened) > 1 else note for note in picture.notes]
        object.__setattr__(self, "images", tuple(picture.image for picture in opened))
        object.__setattr__(self, "notes", tuple(dict.fromkeys(notes)))


def asked(question: str, *images: Source) -> tuple[Message]:
    """A conversation of one message: a question about pictures."""
    return (Message("user", question, images),)  # type: ignore[arg-type]  # it opens them


def notes_of(messages: Iterable[Message]) -> tuple[str, ...]:
    """What was done to the pictures of a conversation, none twice."""
    return tuple(dict.fromkeys(note for message in messages for note in message.notes))


@dataclass(frozen=True)
class GeneratedToken:
    """One generated token.

    text: what it adds to the answer; "" for the token that ends it, and while a character is incomplete.
    probability: the model's, at temperature 1, whatever the temperature it was drawn with.
    runners_up: up to five other tokens the model thought likely, with their probabilities, most likely first.
    token_id and probability are None where a server tells neither; a piece of its may be more than one token.
    """

    text: str
    token_id: int | None
    probability: float | None
    runners_up: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Statistics:
    """What an answer took.

    image_tokens: positions of the prompt that hold the pictures (for BLIP: states of its vision tower, which its
        decoder looks at); prompt_tokens: all positions of the prompt. None where a server does not tell.
    new_tokens: generated tokens, the one that ends the answer included.
    seconds_to_first_token: from the request to the first token; seconds: to the last. Waiting for another
        conversation's turn on the same model does not count.
    tokens_per_second: of the tokens after the first one; 0 where there is none.
    stopped: True when somebody stopped it; False when the model ended or reached the length allowed.
    reused_tokens: how many of the prompt's positions came from the conversation and were not computed again.
    cache_miss_reason: a sentence that says why a conversation could not be continued; None where it was, where nothing
        came before, and where none was given.
    vision_seconds: what the vision encoder took, 0 where the pictures were known; language_seconds: the rest of
        the computation.
    peak_memory: bytes that memory rose at most while the answer was computed, weights and what was there before
        left out; see `playground.models.memory.growth` for what is counted.
    limited: for each picture that costs less than its checkpoint's settings would have it, such as "4032 × 3024 →
        15,552 tokens, limited to 2,028."; see `playground.models.picture_tokens`.
    None for any of vision_seconds, language_seconds and peak_memory where a server does not tell.
    """

    image_tokens: int | None
    prompt_tokens: int | None
    new_tokens: int
    seconds_to_first_token: float
    seconds: float
    tokens_per_second: float
    stopped: bool
    reused_tokens: int = 0
    cache_miss_reason: str | None = None
    vision_seconds: float | None = None
    language_seconds: float | None = None
    peak_memory: int | None = None
    limited: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """As files and programs have it: there `cache_miss_reason` keeps its first name, "cold_reason"."""
        record = asdict(self)
        record["cold_reason"] = record.pop("cache_miss_reason")
        return record

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Statistics:
        """From `as_record`, with either name, and lists where JSON has no tuples; TypeError for what is none."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}
        if "cold_reason" in values:
            values["cache_miss_reason"] = values.pop("cold_reason")
        return cls(**values)


@dataclass(frozen=True)
class Answer:
    """A finished answer: its text (the pieces, joined), the pieces, what it took, and what was done to the pictures.

    reason: why there is no word in it, a sentence; "" where there is one, or where somebody stopped it. Whoever wants
        words asks `spoken`, which makes an error of it.
    """

    text: str
    pieces: tuple[GeneratedToken, ...]
    statistics: Statistics
    notes: tuple[str, ...] = ()
    reason: str = ""


class EmptyAnswer(ValueError):
    """An answer without a word, which is no answer; the message is a sentence that says why.

    answer: what there is of it, with its tokens and what it took; None where it came from a server.
    """

    def __init__(self, reason: str, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


def spoken(answer: Answer) -> Answer:
    """The answer, if there is a word in it, or if somebody stopped it. Raises EmptyAnswer, with the reason."""
    if answer.reason:
        raise EmptyAnswer(answer.reason, answer)
    return answer


def why_empty(name: str, text: str, statistics: Statistics, allowed: int) -> str:
    """Why there is no word in a model's answer, a sentence; "" where there is one, or where somebody stopped it.

    name: the model's; allowed: how many tokens it might have.
    """
    if text.strip() or statistics.stopped:
        return ""
    if statistics.new_tokens >= allowed > 1:
        return f"{name} used all the {allowed:,} tokens that it was allowed, and there is no word among them."
    return f"{name} ended its answer at once, without a word. Ask again, or ask otherwise."


@dataclass(frozen=True)
class Candidate:
    """One possible answer and the probability that the model gives it as a whole."""

    text: str
    probability: float


@dataclass(frozen=True)
class Likelihood:
    """How likely the model is to give one answer, word for word.

    log_probability: the natural logarithm of its probability as a whole, 0 or less: the sum over its tokens, the one
        that ends it included. tokens: how many these are.
    """

    text: str
    log_probability: float
    tokens: int

    @property
    def per_token(self) -> float:
        """The mean log-probability of a token."""
        return self.log_probability / max(1, self.tokens)
