"""Many pictures at once: captions, answers and vectors in batches, with what went wrong beside each item.

Items of similar length are computed together, padded on the left; every result is what the item alone would give.
The number computed together is found from the memory that one takes and what is left, and is halved whenever
memory runs out.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from PIL import Image

from playground.checkpoints.device import is_out_of_memory
from playground.imaging.opening import Picture, Source, open_picture
from playground.models.chat import ChatModel
from playground.models.messages import EmptyAnswer, Message, notes_of
from playground.models.messages import asked as asked_about
from playground.tasks import checked_question
from playground.tasks.captions.wording import Style, wording

if TYPE_CHECKING:
    import threading

    import torch

    from playground.models.embedding import EmbeddingModel
    from playground.models.server.chat import AnyChatModel

Value = TypeVar("Value")
Talks: TypeAlias = "tuple[tuple[Message, ...], ...]"  # what is asked about one item, one talk a question

_WINDOW = 64  # as many pictures are open at a time, and sorted by length
_SHARE = 0.5  # of the memory that is left


@dataclass(frozen=True, eq=False)
class Result(Generic[Value]):
    """What one item gave: a value, or a sentence that says why there is none; and notes on how its picture was read."""

    value: Value | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()


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
        each = _each(wanted, opened, run, _Size(at_once, model.device))
        found = _collected(each, len(wanted), label) if wanted else []
        for place, result in zip(places, found, strict=True):
            results[place] = result
    return results


def _talk(
    model: AnyChatModel,
    items: Sequence,
    asked: Callable[[Any], Talks],
    tokens: int,
    at_once: int,
    stop: threading.Event | None = None,
    joined: Callable[[Sequence[str]], str] = "".join,
) -> Iterator[tuple[int, Result[str]]]:
    """`_each` with a chat model, on this machine or on a server; the answers to one item's talks are joined."""
    here = isinstance(model, ChatModel)

    def answers(talks: Sequence[Sequence[Message]]) -> list[str | Exception]:
        return _here(model, talks, tokens, stop) if here else _remotely(model, talks, tokens, at_once, stop)

    def run(items: Sequence[Talks]) -> list[str | Exception]:
        each = zip(*map(answers, zip(*items, strict=True)), strict=True)
        return [
            next((said for said in all_said if isinstance(said, Exception)), None) or joined(all_said)
            for all_said in each
        ]

    return _each(items, asked, run, _Size(at_once, model.device if here else None), stop)


def _here(
    model: ChatModel, talks: Sequence[Sequence[Message]], tokens: int, stop: threading.Event | None
) -> list[str | Exception]:
    prepared = [_attempt(model.prepare, talk) for talk in talks]
    sound = [inputs for inputs in prepared if not isinstance(inputs, Exception)]
    texts = iter(model.generate_batch(sound, max_new_tokens=tokens, stop=stop) if sound else ())
    silent = EmptyAnswer(f"{model.name} ended its answer at once, without a word.")
    return [inputs if isinstance(inputs, Exception) else next(texts).strip() or silent for inputs in prepared]


def _remotely(
    model: AnyChatModel, talks: Sequence[Sequence[Message]], tokens: int, at_once: int, stop: threading.Event | None
) -> list[str | Exception]:
    answers = model.generate_many(talks, max_new_tokens=tokens, at_once=at_once, stop=stop)
    return [answer if isinstance(answer, Exception) else answer.text.strip() for answer in answers]


class _Size:
    """How many items to compute together: one at first, then as many as memory allows, fewer when it runs out."""

    def __init__(self, most: int, device: torch.device | None) -> None:
        """device: where the items are computed; None where that is not on this machine."""
        self._most, self._unwatched = max(1, most), device
        self.now = 1 if device else self._most

    def run(self, run: Callable[[list], Sequence], batch: list) -> list:
        """`run(batch)`; the first time it is watched how much memory that takes."""
        device, self._unwatched = self._unwatched, None
        if device is None:
            return list(run(batch))
        from playground.models.memory import available, growth

        with growth(device) as risen:
            values = list(run(batch))
        left, each = available(device), (risen.bytes or 0) / len(batch)
        self.now = max(1, min(self._most, int(left * _SHARE / each))) if left and each else self._most
        return values

    def halve(self) -> None:
        """Compute half as many from now on, and give back what memory can be given back."""
        self.now = max(1, self.now // 2)
        gc.collect()
        if "torch" in sys.modules:
            sys.modules["torch"].cuda.empty_cache()


def _each(
    items: Sequence,
    opened: Callable[[Any], Any],
    run: Callable[[list], Sequence],
    size: _Size,
    stop: threading.Event | None = None,
) -> Iterator[tuple[int, Result]]:
    """`run` over batches of opened items, a window of them open at a time: the place of each, and what it gave."""
    stopped = stop.is_set if stop else lambda: False
    for start in range(0, len(items), _WINDOW):
        window: dict[int, Any] = {}
        for place, item in enumerate(items[start : start + _WINDOW], start):
            if stopped():
                return
            window[place] = _attempt(opened, item)
            if isinstance(window[place], Exception):
                yield place, _result(window.pop(place))
        # The longest first: what it takes alone says how many can be computed together.
        waiting = sorted(window, key=lambda place: _length(window[place]), reverse=True)
        while waiting:
            batch, waiting = waiting[: size.now], waiting[size.now :]
            values = _attempt(size.run, run, [window[place] for place in batch])
            if stopped():  # what came of this batch may be cut short
                return
            if _out_of_memory(values) and len(batch) > 1:
                size.halve()
                waiting = batch + waiting
                continue
            if isinstance(values, Exception) and len(batch) == 1:
                values = [values]
            elif isinstance(values, Exception):  # one of them is at fault: the others go on without it
                values = [_attempt(lambda item: run([item])[0], window[place]) for place in batch]
            for place, value in zip(batch, values, strict=True):
                yield place, _result(value, _notes(window.pop(place)))


def _collected(each: Iterator[tuple[int, Result]], count: int, label: str | None) -> list[Result]:
    """All results in their items' order, with a bar where there is a label for it."""
    from tqdm.auto import tqdm

    results = dict(tqdm(each, total=count, desc=label, disable=label is None))
    return [results[place] for place in range(count)]


def _attempt(do: Callable, *arguments: Any) -> Any:
    """What it returns, or the exception that it raises."""
    try:
        return do(*arguments)
    except Exception as error:
        # Through these it would hold what was computed so far, which has to go before a smaller batch is tried.
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)


def _result(value: Any, notes: tuple[str, ...] = ()) -> Result:
    if not isinstance(value, Exception):
        return Result(value, notes=notes)
    if _out_of_memory(value):
        return Result(error="There is not enough memory for this one alone. Scale its picture down.")
    line = (str(value).strip() or type(value).__name__).splitlines()[0]
    own = type(value).__module__.startswith("playground.") or isinstance(value, ValueError)
    return Result(error=line if own else f"It could not be computed ({type(value).__name__}): {line}")


def _notes(item: Any) -> tuple[str, ...]:
    """What was done to the pictures of an opened item."""
    if isinstance(item, Picture | str):
        return getattr(item, "notes", ())
    return notes_of(message for talk in item for message in talk)


def _out_of_memory(value: Any) -> bool:
    return isinstance(value, Exception) and is_out_of_memory(value)


def _length(item: Any) -> float:
    """About how many tokens an item is: what is computed together should be of one length."""
    if isinstance(item, str):
        return len(item) / 4
    if isinstance(item, Picture):
        return _length(item.image)
    if isinstance(item, Image.Image):
        return item.width * item.height / 800
    if isinstance(item, Message):
        return _length(item.text) + sum(map(_length, item.images))
    return sum(map(_length, item))
