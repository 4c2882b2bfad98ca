"""Work that yields rarely, done in a thread of its own so that Stop and a closed page end it at once."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from typing import TypeVar

Item, Idle = TypeVar("Item"), TypeVar("Idle")
_PATIENCE = 0.1


def while_working(
    work: Callable[[threading.Event], Iterable[Item]], stop: threading.Event | None = None
) -> Iterator[Item | None]:
    """Everything that `work` yields, as it comes, and None every tenth of a second while nothing does.

    Gradio looks whether a page was closed only when something is yielded: hand on the None, or a model that reads a
    picture for half a minute does so for nobody.

    work: gets an event that is set to end it, `stop` or a new one; what goes wrong in it is raised here. Closing this
    generator, which is how Gradio stops an event, sets the event and waits for the thread.
    """
    items: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
    stop = stop or threading.Event()

    def run() -> None:
        try:
            for item in work(stop):
                items.put(("item", item))
            items.put(("end", None))
        except BaseException as error:
            items.put(("error", error))

    # A thread starts with empty context variables; the copy keeps what Gradio stores there.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True)
    thread.start()
    try:
        while True:
            try:
                kind, item = items.get(timeout=_PATIENCE)
            except queue.Empty:
                yield None
                continue
            if kind == "error":
                raise item
            if kind == "end":
                return
            yield item
    finally:
        stop.set()
        thread.join()


def awaited(work: Callable[[threading.Event], Item], idle: Idle) -> Generator[Idle, None, Item]:
    """What `work` returns, for `found = yield from awaited(…)`; yields `idle`, which changes nothing, until then.

    work: as in `while_working`, but returns one thing, and that is not None.
    """
    came: list[Item] = []
    with closing(while_working(lambda stop: map(work, (stop,)))) as results:
        for found in results:
            if found is None:  # also between the result and the end of the work
                yield idle
            else:
                came.append(found)
    return came[0]
