"""Describe a picture: in a sentence, in detail, or for a reader who cannot see it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from playground.imaging.opening import Source, open_picture
from playground.models.messages import Answer, GeneratedToken, asked, spoken
from playground.tasks.captions.wording import NEW_TOKENS, PROMPTS, Style, wording

if TYPE_CHECKING:
    import threading

    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.messages import Statistics
    from playground.models.server.chat import AnyChatModel

__all__ = ["NEW_TOKENS", "PROMPTS", "Style", "caption"]


def caption(
    model: AnyChatModel,
    image: Source,
    style: Style = "short",
    stop: threading.Event | None = None,
    *,
    seen: ImageFeatureCache | None = None,
) -> Generator[GeneratedToken, None, Answer]:
    """Stream a description of the picture; the generator returns the whole `Answer`.

    Args:
        style: "short" is a sentence of up to 64 tokens, "detailed" says more, in up to 256; "blind" says what a person
            needs who cannot see the picture, in up to 320. `wording(model, style).note` tells what a model makes of it.
        stop: set it to end the caption after the token in work.
        seen: the session's encoded pictures; those that are among them are not encoded again.

    Raises:
        TaskError: an unknown style.
        EmptyAnswer: the model said nothing; the message says why.
    """
    words = wording(model, style)
    told = {"max_new_tokens": words.new_tokens, "stop": stop, "seen": seen}
    picture = open_picture(image)
    first, *others = (asked(question, picture) for question in words.questions)
    answers = [spoken((yield from model.stream(first, **told)))]
    for messages in others:
        if answers[-1].statistics.stopped:
            break
        answers.append(spoken(model.generate(messages, **told)))
    if len(answers) < 2 or answers[-1].statistics.stopped:
        return answers[0]
    text = words.joined([answer.text.strip() for answer in answers])
    added = GeneratedToken(text.removeprefix(answers[0].text.strip()), None, None, ())
    yield added
    statistics = _together([answer.statistics for answer in answers])
    return Answer(text, (*answers[0].pieces, added), statistics, picture.notes)


def _together(each: Sequence[Statistics]) -> Statistics:
    """What several answers about one picture took."""
    tokens, seconds = sum(one.new_tokens for one in each), sum(one.seconds for one in each)
    writing = seconds - sum(one.seconds_to_first_token for one in each)
    rate = (tokens - len(each)) / writing if writing > 0 else 0.0
    return replace(each[0], new_tokens=tokens, seconds=seconds, tokens_per_second=rate)
