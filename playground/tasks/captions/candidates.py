"""Several captions of one picture to choose from, with how probable each is and how well it fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.imaging.opening import Source, open_picture
from playground.models.messages import asked
from playground.tasks import TaskError
from playground.tasks.captions.clip_score import clip_scores
from playground.tasks.captions.wording import Style, wording

if TYPE_CHECKING:
    import threading

    from playground.models.embedding import EmbeddingModel
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.server.chat import AnyChatModel

MOST = 8
"""The most captions that are looked for at once: each is a beam of the search."""


@dataclass(frozen=True)
class CaptionCandidate:
    """One caption, the probability that the model gives it as a whole, and its CLIPScore where there is a judge."""

    text: str
    probability: float
    clip_score: float | None = None


def caption_candidates(
    model: AnyChatModel,
    image: Source,
    style: Style = "short",
    *,
    count: int = 5,
    judge: EmbeddingModel | None = None,
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
) -> tuple[CaptionCandidate, ...]:
    """The likeliest captions that a beam search of `count` beams finds (a server draws them), likeliest first.

    Where a caption is put together from several answers (see `playground.tasks.captions.wording.wording`), only the
    first one is looked for; its probability and score stand for the whole.

    Args:
        count: how many to look for, 2 to `MOST`; fewer come back where some have the same text.
        judge: a second opinion: an encoder that scores how well each caption fits, see `clip_scores`.
        stop: set it to end the search after the token in work; then there are none.
        seen: the session's encoded pictures.

    Raises:
        TaskError: an unknown style, a count out of range, or a server that tells no probabilities.
    """
    if not 2 <= count <= MOST:
        raise TaskError(f"{count} captions cannot be compared. Ask for 2 to {MOST}.")
    words = wording(model, style)
    picture = open_picture(image)
    first, *others = (asked(question, picture) for question in words.questions)
    told = {"max_new_tokens": words.new_tokens, "stop": stop, "seen": seen}
    found = model.candidates(first, count=count, **told)
    rest = [model.generate(messages, **told).text.strip() for messages in others]
    if stop is not None and stop.is_set():
        return ()
    if not found:
        raise TaskError(f"{model.name} does not tell how probable its captions are. Ask for one caption instead.")
    found = tuple(candidate for candidate in found if candidate.text.strip())
    if not found:
        raise TaskError(f"{model.name} ended each of its captions at once, without a word. Try another style.")
    texts = [candidate.text for candidate in found]
    fits = clip_scores(judge, picture, texts, seen=seen) if judge else [None] * len(texts)
    return tuple(
        CaptionCandidate(words.joined([candidate.text, *rest]), candidate.probability, fit)
        for candidate, fit in zip(found, fits, strict=True)
    )
