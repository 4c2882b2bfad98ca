"""Every event that runs a model stands in the one queue; long work goes a slice at a time; a full disk loses none."""

from __future__ import annotations

import errno
import inspect
import os
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType

import pytest

from playground.tasks.examples import examples
from playground.ui import app as application
from playground.ui import error_messages
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.tabs.ask import many
from playground.ui.tabs.caption import folder
from playground.ui.tabs.caption.job import Upload

# What fetches a model, and so may run it.
LOADERS = {"chat_model", "segmentation_model", "detection_model", "embedding_model"}
# They only ask a model what it can do, or load it.
ASK_ONLY = {
    "ui.tabs.attention.layout.capability",
    "ui.tabs.chat.settings.capability",
    "ui.tabs.chat.settings.switched",
    "ui.tabs.segment.actions.able",
    "ui.components.picker.picker.<locals>.get",
    "ui.components.picker.picker.<locals>.offer",
    "ui.components.picker.picker.<locals>.pick",
    "ui.app._greeting",
    "ui.tabs.ask.layout.able",
    "ui.tabs.chat.why.react",
    "ui.tabs.ask.many.stopped",  # what a table's percentages are, for its file
}


def inner(function: Callable) -> FunctionType:
    while isinstance(function, partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, partial) else function.__wrapped__
    return function


def names_in(code: CodeType) -> set[str]:
    """Every name that a function or a function within it reads."""
    own = {*code.co_names, *code.co_freevars}
    return own.union(*(names_in(each) for each in code.co_consts if isinstance(each, CodeType)))


def reached(function: FunctionType, known: set[FunctionType]) -> set[str]:
    """The names that a function of the pages reads, and those that the functions it calls read, and so on."""
    if function in known:
        return set()
    known.add(function)
    found = names_in(function.__code__)
    here = {name: function.__globals__.get(name) for name in found} | inspect.getclosurevars(function).nonlocals
    modules = [value for value in here.values() if isinstance(value, ModuleType)]
    named = [*here.values(), *(getattr(module, name, None) for module in modules for name in found)]
    for called in map(inner, filter(callable, named)):
        if isinstance(called, FunctionType) and called.__module__.startswith("playground.ui."):
            found = found | reached(called, known)
    return found


@pytest.fixture(scope="module")
def events() -> Iterator[list]:
    yield [event for event in application.build().fns.values() if event.fn is not None]


def test_every_event_that_runs_a_model_stands_in_the_one_queue(events: list) -> None:
    astray, inside = set(), set()
    for event in events:
        function = inner(event.fn)
        name = f"{function.__module__.removeprefix('playground.')}.{function.__qualname__}"
        if event.concurrency_id == MODEL_QUEUE["concurrency_id"]:
            assert event.concurrency_limit == 1 and event.queue is not False, name
            inside.add(name)
            assert reached(function, set()) & (LOADERS | {"_model"}), f"{name} runs no model, or this test is blind"
        elif reached(function, set()) & LOADERS and name not in ASK_ONLY:
            astray.add(name)
    assert not astray, "these may run a model beside another one, and get no GPU on ZeroGPU"
    assert {"ui.tabs.ask.many.step", "ui.tabs.caption.folder.step", "ui.tabs.attention.actions.check_map"} <= inside
    assert not inside & ASK_ONLY
    assert {f"ui.api.endpoints.{name}" for name in ("chat", "answer", "choose", "caption", "match")} <= inside


def table(job: many.Job, again: int = 0) -> tuple[list[many.Shown], many.Job]:
    """What a slice shows, and the job after it."""
    shown = list(many.step(job, again))
    return shown, next(each.job for each in reversed(shown) if isinstance(each.job, many.Job))


def test_a_table_lets_others_come_between_and_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    paths, questions = [str(scene.path) for scene in examples()[:2]], "how many dogs are there?\nis there a cat?"
    begun = many.begin(paths, questions, "moji-vlm", None, 7)
    whole, job = table(begun.job)
    assert begun.again == 8 and len(job.cells) == 4 and whole[-1].csv.interactive and whole[-1].run.interactive
    monkeypatch.setattr(many, "_SLICE_SECONDS", 0)
    one, slices = begun.job, 0
    while len(one.cells) < one.total:
        shown, one = table(one, slices)
        slices += 1
        assert shown[-1].again == slices if len(one.cells) < one.total else shown[-1].csv.interactive
    assert slices == 4 and one.cells == job.cells
    _, half = table(begun.job)
    ended = many.stopped(half)
    assert "Stopped after 1 answer;" in ended.far and ended.csv.interactive and ended.run.interactive
    assert list(many.step(half, 1)) == [many.Shown()]  # a slice that was asked for already does nothing
    refused = many.begin(paths * 101, questions, "moji-vlm", half, 1)
    assert "up to 200" in refused.note and refused.job == many.Shown().job


def test_a_full_disk_loses_neither_table_nor_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    paths = [str(scene.path) for scene in examples()[:2]]
    uploads = tuple(Upload(path, os.path.basename(path)) for path in paths)
    begun = folder.begin(uploads, (), "short", "moji-vlm", None, 0)
    asked = many.begin(paths, "is there a cat?", "moji-vlm", None, 0)
    with monkeypatch.context() as patch:
        patch.setattr(many, "save_bytes_to_cache", full)
        patch.setattr(folder, "save_bytes_to_cache", full)
        shown, _ = table(asked.job)
        assert "disk" in shown[-1].note and "is full" in shown[-1].note and len(shown[-1].job.cells) == 2
        *_, ended = folder.step(begun.job, 1)
        assert "is full" in ended.note and len(ended.job.rows) == 2 and ended.run.interactive
        assert "is full" in folder.stopped(ended.job).note
    again = folder.begin(uploads, (), "short", "moji-vlm", ended.job, 1)  # there is room: nothing is computed anew
    assert again.csv.visible and again.job.rows == ended.job.rows
    assert "is full" in error_messages.sentence(OSError(errno.EDQUOT, "quota"))
