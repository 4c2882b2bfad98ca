"""Many pictures at once: captions, answers and vectors in batches, with what went wrong beside each item.

Items of similar length are computed together, padded on the left; every result is what the item alone would give.
How many at once is found by `playground.tasks.bulk.batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from playground.imaging.opening import Source, open_picture
from playground.models.chat import ChatModel
from playground.models.messages import EmptyAnswer, Message
from playground.models.messages import asked as asked_about
from playground.tasks import checked_question
from playground.tasks.bulk.batches import BatchSize, Result, attempt, in_batches
from playground.tasks.captions.wording import Style, wording

if TYPE_CHECKING:
    import threading

    import torch

    from playground.models.embedding import EmbeddingModel
    from playground.models.server.chat import AnyChatModel

Talks: TypeAlias = "tuple[tuple[Message, ...], ...]"  # what is asked about one item, one talk a question


def caption_many(
    model: AnyChatModel, images: Iterable[Source], style: Style = "short", *, at_once: int = 16, progress: bool = True
) -> list[Result[str]]:
    """A description of each picture, in their order: `caption_each`, collected.

    Args:
        progress: whether to show a bar.
    """
    images = list(images)
    each = caption_each(model, images, style, at_once=at_once)
    return _collected(each, len(images), "captions" if progress else None)


def caption_each(
    model: AnyChatModel,
    images: Iterable[Source],
    style: Style = "short",
    *,
    at_once: int = 16,
    stop: threading.Event | None = None,
) -> Iterator[tuple[int, Result[str]]]:
    """A description of each picture as soon as there is one: its place among the pictures, and what it gave.

    They come in batches, the longest prompts of some dozens of pictures first.

    Args:
        images: paths of this machine, bytes, arrays or PIL pictures; each is opened when its turn comes.
        style: "short", "detailed" or "blind", see `playground.tasks.caption.caption`.
        at_once: the most pictures that are computed together.
        stop: set it to end within a token; the batch in work is dropped, what came before is not.

    Raises:
        TaskError: an unknown style, at once.
    """
    words = wording(model, style)

    def asked(image: Source) -> Talks:
        picture = open_picture(image)
        return tuple(asked_about(question, picture) for question in words.questions)

    return _talk(model, list(images), asked, words.new_tokens, at_once, stop, words.joined)


def answer_many(
    model: AnyChatModel,
    questions: Iterable[tuple[Source, str]],
    *,
    max_new_tokens: int = 96,
    at_once: int = 16,
    progress: bool = True,
) -> list[Result[str]]:
    """The answer to each (picture, question), in their order; see `caption_many`."""

    questions = list(questions)

    def asked(pair: tuple[Source, str]) -> Talks:
        image, question = pair
        return (asked_about(checked_question(question), image),)

    each = _talk(model, questions, asked, max_new_tokens, at_once)
    return _collected(each, len(questions), "answers" if progress else None)


def reply_many(
    model: AnyChatModel,
    conversations: Iterable[Sequence[Message]],
    *,
    max_new_tokens: int = 96,
    at_once: int = 16,
    progress: bool = True,
) -> list[Result[str]]:
    """The next turn of each conversation, in their order; see `caption_many`."""
    conversations = list(conversations)
    each = _talk(model, conversations, lambda talk: (tuple(talk),), max_new_tokens, at_once)
    return _collected(each, len(conversations), "replies" if progress else None)


def embed_many(
    model: EmbeddingModel, items: Iterable[Source], *, at_once: int = 64, progress: bool = True
) -> list[Result[torch.Tensor]]:
    """The vector of each picture or text, in their order: float32 (dimensions), of length 1, on the CPU.

    Args:
        items: a `str` is a text; pictures are paths (`pathlib.Path`), bytes, arrays or PIL pictures.
        at_once: the most items that are computed together.
        progress: whether to show a bar.
    """
    items = list(items)
    label = "vectors" if progress else None
    texts = [place for place, item in enumerate(items) if isinstance(item, str)]
    pictures = [place for place, item in enumerate(items) if not isinstance(item, str)]
    results: list[Result[torch.Tensor]] = [Result()] * len(items)
    for places, opened, run in (
        (texts, lambda item: item, model.embed_texts),
        (pictures, open_picture, model.embed_images),
    ):
        wanted = [items[place] for place in places]
        each = in_batches(wanted, opened, run, BatchSize(at_once, model.device))
        found = _collected(each, len(wanted), label) if wanted else []
        for place, result in zip(places, found, strict=True):
            results[place] = result
    return results


def _collected(each: Iterator[tuple[int, Result]], count: int, label: str | None) -> list[Result]:
    """All results in their items' order, with a bar where there is a label for it."""
    from tqdm.auto import tqdm

    results = dict(tqdm(each, total=count, desc=label, disable=label is None))
    return [results[place] for place in range(count)]


def _talk(
    model: AnyChatModel,
    items: Sequence,
    asked: Callable[[Any], Talks],
    tokens: int,
    at_once: int,
    stop: threading.Event | None = None,
    joined: Callable[[Sequence[str]], str] = "".join,
) -> Iterator[tuple[int, Result[str]]]:
    """`in_batches` with a chat model, on this machine or on a server; the answers to one item's talks are joined."""
    here = isinstance(model, ChatModel)

    def answers(talks: Sequence[Sequence[Message]]) -> list[str | Exception]:
        return _here(model, talks, tokens, stop) if here else _remotely(model, talks, tokens, at_once, stop)

    def run(items: Sequence[Talks]) -> list[str | Exception]:
        each = zip(*map(answers, zip(*items, strict=True)), strict=True)
        return [
            next((said for said in all_said if isinstance(said, Exception)), None) or joined(all_said)
            for all_said in each
        ]

    return in_batches(items, asked, run, BatchSize(at_once, model.device if here else None), stop)


def _here(
    model: ChatModel, talks: Sequence[Sequence[Message]], tokens: int, stop: threading.Event | None
) -> list[str | Exception]:
    prepared = [attempt(model.prepare, talk) for talk in talks]
    sound = [inputs for inputs in prepared if not isinstance(inputs, Exception)]
    texts = iter(model.generate_batch(sound, max_new_tokens=tokens, stop=stop) if sound else ())
    silent = EmptyAnswer(f"{model.name} ended its answer at once, without a word.")
    return [inputs if isinstance(inputs, Exception) else next(texts).strip() or silent for inputs in prepared]


def _remotely(
    model: AnyChatModel, talks: Sequence[Sequence[Message]], tokens: int, at_once: int, stop: threading.Event | None
) -> list[str | Exception]:
    answers = model.generate_many(talks, max_new_tokens=tokens, at_once=at_once, stop=stop)
    return [answer if isinstance(answer, Exception) else answer.text.strip() for answer in answers]
