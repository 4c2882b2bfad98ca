"""Items computed in batches of as many as memory allows, with what went wrong beside each item.

The number computed together is found from the memory that one takes and what is left, and is halved whenever memory
runs out. A batch that fails is done again one by one, so that one bad item takes no other with it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PIL import Image

from playground.checkpoints.device import is_out_of_memory
from playground.imaging.opening import Picture
from playground.models.messages import Message, notes_of

if TYPE_CHECKING:
    import threading

    import torch

Value = TypeVar("Value")
_WINDOW = 64  # as many pictures are open at a time, and sorted by length
_SHARE = 0.5  # of the memory that is left


@dataclass(frozen=True, eq=False)
class Result(Generic[Value]):
    """What one item gave: a value, or a sentence that says why there is none; and notes on how its picture was read."""

    value: Value | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()


class BatchSize:
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


def in_batches(
    items: Sequence,
    opened: Callable[[Any], Any],
    run: Callable[[list], Sequence],
    size: BatchSize,
    stop: threading.Event | None = None,
) -> Iterator[tuple[int, Result]]:
    """`run` over batches of opened items, a window of them open at a time: the place of each, and what it gave."""
    stopped = stop.is_set if stop else lambda: False
    for start in range(0, len(items), _WINDOW):
        window: dict[int, Any] = {}
        for place, item in enumerate(items[start : start + _WINDOW], start):
            if stopped():
                return
            window[place] = attempt(opened, item)
            if isinstance(window[place], Exception):
                yield place, _result(window.pop(place))
        # The longest first: what it takes alone says how many can be computed together.
        waiting = sorted(window, key=lambda place: _length(window[place]), reverse=True)
        while waiting:
            batch, waiting = waiting[: size.now], waiting[size.now :]
            values = attempt(size.run, run, [window[place] for place in batch])
            if stopped():  # what came of this batch may be cut short
                return
            if _out_of_memory(values) and len(batch) > 1:
                size.halve()
                waiting = batch + waiting
                continue
            if isinstance(values, Exception) and len(batch) == 1:
                values = [values]
            elif isinstance(values, Exception):  # one of them is at fault: the others go on without it
                values = [attempt(lambda item: run([item])[0], window[place]) for place in batch]
            for place, value in zip(batch, values, strict=True):
                yield place, _result(value, _notes(window.pop(place)))


def attempt(do: Callable, *arguments: Any) -> Any:
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
