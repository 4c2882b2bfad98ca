"""Ending what a model computes between two of its layers: an answer, or a run over an answer that was given."""

from __future__ import annotations

import contextlib
import contextvars
import weakref
from collections.abc import Callable, Iterator
from threading import Event, Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class Stopped(Exception):
    """What was computed was stopped before there was a result."""

    def __init__(self) -> None:
        super().__init__("It was stopped.")


_events: contextvars.ContextVar[tuple[Event, ...]] = contextvars.ContextVar("stop", default=())
# Looking through all modules of a small model takes longer than one of its tokens.
_LAYERS: weakref.WeakKeyDictionary[PreTrainedModel, tuple[weakref.ref, ...]] = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def stopped_by(stop: Event | None) -> Iterator[None]:
    """While this context is open in this thread, setting `stop` ends every `alone` with a model by raising Stopped.

    None changes nothing; contexts may be nested, and the event of any of them ends the work.
    """
    token = _events.set((*_events.get(), stop) if stop else _events.get())
    try:
        check_stop()
        yield
    finally:
        _events.reset(token)


def check_stop() -> None:
    """Raise Stopped where one of the events of `stopped_by` is set; to be called between two pieces of work."""
    checker()()


def checker() -> Callable[[], None]:
    """`check_stop` for what runs in another thread: with the events that are open here and now."""
    events = _events.get()

    def check() -> None:
        if any(event.is_set() for event in events):
            raise Stopped

    return check


@contextlib.contextmanager
def alone(model: PreTrainedModel, lock: Lock) -> Iterator[None]:
    """Have a model to oneself for one run: wait for its lock, and look before each layer whether to go on.

    lock: the model's lock. Raises Stopped once one of the events of `stopped_by` is set, while it waits too.
    """
    events = _events.get()
    with acquire_or_stop(lock, *events) as mine:
        if not mine:
            raise Stopped
        with before_each_layer(model, check_stop) if events else contextlib.nullcontext():
            yield
    check_stop()


@contextlib.contextmanager
def before_each_layer(model: PreTrainedModel, look: Callable[[], None]) -> Iterator[None]:
    """Call `look` before every layer of the model that runs while this is open; what it raises ends the run."""
    hooks = watched_layers(model, look)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def watched_layers(model: PreTrainedModel, look: Callable[[], None]) -> list[torch.utils.hooks.RemovableHandle]:
    """Hooks that call `look` before every layer, until they are removed."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    if model not in _LAYERS:
        found = [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]
        _LAYERS[model] = tuple(map(weakref.ref, found))
    layers = (layer for layer in (held() for held in _LAYERS[model]) if layer is not None)
    return [layer.register_forward_pre_hook(lambda *_: look()) for layer in layers]


@contextlib.contextmanager
def acquire_or_stop(lock: Lock, *events: Event) -> Iterator[bool]:
    """Wait for the lock and hold it; False, at once and without it, where one of the events is set first."""
    mine = False
    while not mine and not any(event.is_set() for event in events):
        mine = lock.acquire(timeout=0.1)
    try:
        yield mine and not any(event.is_set() for event in events)
    finally:
        if mine:
            lock.release()
