"""Long commands end cleanly when they are told to: by Ctrl-C, by `kill`, and by a terminal that is closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def set_by_signals(stop: threading.Event) -> Iterator[list[int]]:
    """Let the first of these signals set `stop`; the next one does what it always does.

    Yields a list that gets the number of the signal. Does nothing outside the main thread, where Python allows no
    handlers.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    # Whoever started this may have chosen to ignore one of them, as `nohup` does.
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}

    def handle(number: int, _: object) -> None:
        came.append(number)
        stop.set()
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        for number in before:
            signal.signal(number, handle)
        yield came
    finally:
        restore()
