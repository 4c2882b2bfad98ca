"""Many pictures at once: captions, answers and vectors in batches, with what went wrong beside each item.

Items of similar length are computed together, padded on the left; every result is what the item alone would give.
The number computed together is found from the memory that one takes and what is left, and is halved whenever
memory runs out.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PIL import Image

from playground.checkpoints.device import is_out_of_memory
from playground.media import Source, open_picture
from playground.models.chat import ChatModel, Message
from playground.tasks import TaskError, checked_question
from playground.tasks.caption import NEW_TOKENS, PROMPTS, Style

if TYPE_CHECKING:
    import torch

    from playground.models.embedding import EmbeddingModel
    from playground.models.remote import AnyChatModel

Value = TypeVar("Value")

_WINDOW = 64  # as many pictures are open at a time, and sorted by length
_SHARE = 0.5  # of the memory that is left


@dataclass(frozen=True, eq=False)
class Result(Generic[Value]):
    """What one item gave: a value, or a sentence that says why there is none."""

    value: Value | None = None
    error: str | None = None


def caption_many(
    model: AnyChatModel, images: Iterable[Source], style: Style = "short", *, at_once: int = 16, progress: bool = True
) -> list[Result[str]]:
    """A description of each picture, in their order.

    Args:
        images: paths of this machine, bytes, arrays or PIL pictures; each is opened when its turn comes.
        style: "short" is a sentence of up to 64 tokens, "detailed" says more, in up to 256.
        at_once: the most pictures that are computed together.
        progress: whether to show a bar.

    Raises:
        TaskError: an unknown style.
    """
    if style not in PROMPTS:
        raise TaskError(f"There is no caption style {style!r}. Choose one of: {', '.join(PROMPTS)}.")

    def asked(image: Source) -> tuple[Message, ...]:
        return (Message("user", PROMPTS[style], (open_picture(image).image,)),)

    return _talk(model, list(images), asked, NEW_TOKENS[style], at_once, "captions" if progress else None)


def answer_many(
    model: AnyChatModel,
    questions: Iterable[tuple[Source, str]],
    *,
    max_new_tokens: int = 96,
    at_once: int = 16,
    progress: bool = True,
) -> list[Result[str]]:
    """The answer to each (picture, question), in their order; see `caption_many`."""

    def asked(pair: tuple[Source, str]) -> tuple[Message, ...]:
        image, question = pair
        return (Message("user", checked_question(question), (open_picture(image).image,)),)

    return _talk(model, list(questions), asked, max_new_tokens, at_once, "answers" if progress else None)


def reply_many(
    model: AnyChatModel,
    conversations: Iterable[Sequence[Message]],
    *,
    max_new_tokens: int = 96,
    at_once: int = 16,
    progress: bool = True,
) -> list[Result[str]]:
    """The next turn of each conversation, in their order; see `caption_many`."""
    return _talk(model, list(conversations), tuple, max_new_tokens, at_once, "replies" if progress else None)


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
        (pictures, lambda item: open_picture(item).image, model.embed_images),
    ):
        wanted = [items[place] for place in places]
        found = _each(wanted, opened, run, _Size(at_once, model.device), label) if wanted else []
        for place, result in zip(places, found, strict=True):
            results[place] = result
    return results


def _talk(
    model: AnyChatModel,
    items: Sequence,
    asked: Callable[[Any], Sequence[Message]],
    tokens: int,
    at_once: int,
    label: str | None,
) -> list[Result[str]]:
    """`_each` with a chat model, on this machine or on a server."""
    if not isinstance(model, ChatModel):
        size = _Size(at_once, None)
        return _each(items, asked, lambda talks: _remotely(model, talks, tokens, at_once), size, label)

    def run(talks: list[Sequence[Message]]) -> list[str | Exception]:
        prepared = [_attempt(model.prepare, talk) for talk in talks]
        sound = [inputs for inputs in prepared if not isinstance(inputs, Exception)]
        texts = iter(model.generate_batch(sound, max_new_tokens=tokens) if sound else ())
        return [inputs if isinstance(inputs, Exception) else next(texts).strip() for inputs in prepared]

    return _each(items, asked, run, _Size(at_once, model.device), label)


def _remotely(
    model: AnyChatModel, talks: Sequence[Sequence[Message]], tokens: int, at_once: int
) -> list[str | Exception]:
    answers = model.generate_many(talks, max_new_tokens=tokens, at_once=at_once)
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
    items: Sequence, opened: Callable[[Any], Any], run: Callable[[list], Sequence], size: _Size, label: str | None
) -> list[Result]:
    """`run` over batches of opened items, a window of them open at a time; results in the items' order."""
    from tqdm.auto import tqdm

    results: list[Result] = []
    with tqdm(total=len(items), desc=label, disable=label is None) as bar:
        for start in range(0, len(items), _WINDOW):
            window = [_attempt(opened, item) for item in items[start : start + _WINDOW]]
            sound = [place for place, item in enumerate(window) if not isinstance(item, Exception)]
            bar.update(len(window) - len(sound))
            # The longest first: what it takes alone says how many can be computed together.
            sound.sort(key=lambda place: _length(window[place]), reverse=True)
            while sound:
                batch, sound = sound[: size.now], sound[size.now :]
                values = _attempt(size.run, run, [window[place] for place in batch])
                if _out_of_memory(values) and len(batch) > 1:
                    size.halve()
                    sound = batch + sound
                    continue
                if isinstance(values, Exception) and len(batch) == 1:
                    values = [values]
                elif isinstance(values, Exception):  # one of them is at fault: the others go on without it
                    values = [_attempt(lambda item: run([item])[0], window[place]) for place in batch]
                for place, value in zip(batch, values, strict=True):
                    window[place] = value
                bar.update(len(batch))
            results += [_result(item) for item in window]
    return results


def _attempt(do: Callable, *arguments: Any) -> Any:
    """What it returns, or the exception that it raises."""
    try:
        return do(*arguments)
    except Exception as error:
        # Through these it would hold what was computed so far, which has to go before a smaller batch is tried.
        error.__context__ = error.__cause__ = None
        return error.with_traceback(None)


def _result(value: Any) -> Result:
    if not isinstance(value, Exception):
        return Result(value)
    if _out_of_memory(value):
        return Result(error="There is not enough memory for this one alone. Scale its picture down.")
    line = (str(value).strip() or type(value).__name__).splitlines()[0]
    own = type(value).__module__.startswith("playground.") or isinstance(value, ValueError)
    return Result(error=line if own else f"It could not be computed ({type(value).__name__}): {line}")


def _out_of_memory(value: Any) -> bool:
    return isinstance(value, Exception) and is_out_of_memory(value)


def _length(item: Any) -> float:
    """About how many tokens an item is: what is computed together should be of one length."""
    if isinstance(item, str):
        return len(item) / 4
    if isinstance(item, Image.Image):
        return item.width * item.height / 800
    return sum(_length(message.text) + sum(map(_length, message.images)) for message in item)
