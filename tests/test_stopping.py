"""Runs over an answer end within a layer, are never waited for by others, and hide no cause of a failure."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from transformers.modeling_layers import GradientCheckpointingLayer

from playground import load
from playground.imaging.opening import open_picture
from playground.interpret.methods import METHODS, explain, occlusion
from playground.interpret.metrics.check import check
from playground.interpret.trace import Trace, trace
from playground.models.chat import ChatModel
from playground.models.generation.stopping import Stopped
from playground.models.messages import Message
from playground.tasks.compare import side
from playground.tasks.examples import examples
from playground.tasks.maps import View, answer_maps, drawn_map, read_lens, with_leans, word_map
from playground.tasks.preview_map import preview_map
from playground.ui.components import background, streaming


@pytest.fixture(scope="module")
def moji() -> ChatModel:
    return load("moji-vlm")


@pytest.fixture(scope="module")
def seen(moji: ChatModel) -> Trace:
    return trace(moji, [Message("user", "what is in the picture?", (picture(),))])


def picture() -> Image.Image:
    return open_picture(examples()[0].path).image


def runs(moji: ChatModel, seen: Trace) -> dict[str, Callable[[threading.Event], object]]:
    """Everything that runs the model over a given answer, by its name."""
    looked, picture = answer_maps(seen, moji), seen.images[0]
    said = side(moji, picture, "what is in the picture?")
    flat = np.ones(picture.size[::-1], np.float32)
    drawn = {
        name: (lambda stop, name=name: explain(name, moji, seen, 1, stop=stop))
        for name, method in METHODS.items()
        if method.needs == "run"
    }
    return drawn | {
        "maps of all words": lambda stop: drawn_map(looked, moji, View("patches", 1), stop=stop),
        "logit lens": lambda stop: read_lens(looked, moji, stop=stop),
        "leaning": lambda stop: with_leans(looked, moji, stop=stop),
        "insertion and deletion": lambda stop: check(moji, seen, 1, "attention", flat, lean=1.0, stop=stop),
        "random weights": lambda stop: check(moji, seen, 1, "patches", flat, lean=1.0, draws=(), stop=stop),
        "compare": lambda stop: side(moji, picture, "how many dogs are there?", stop=stop),
        "compare's map": lambda stop: word_map(moji, said.trace, 1, "occlusion", stop=stop),
        "preview": lambda stop: preview_map(moji, picture, "what is in the picture?", "a ball.", stop=stop),
    }


def test_every_run_ends_within_a_layer_and_frees_the_model(moji: ChatModel, seen: Trace) -> None:
    everything, layers = runs(moji, seen), []
    occlusion._remembered.clear()
    watched = [part for part in moji.model.modules() if isinstance(part, GradientCheckpointingLayer)]
    for name, run in everything.items():
        stop = threading.Event()
        stopped = set_event()
        if name != "compare":  # what was said before it was stopped stands
            with pytest.raises(Stopped):
                run(stopped)
        layers.clear()

        def count(*_, stop=stop) -> None:
            layers.append(1)
            if len(layers) == 3:
                stop.set()

        hooks = [layer.register_forward_hook(count) for layer in watched]
        try:
            run(stop)
        except Stopped:
            pass
        else:
            assert name == "compare", f"{name} went on"
        finally:
            for hook in hooks:
                hook.remove()
        assert len(layers) == 3 and stopped.is_set(), name
        assert moji.lock.acquire(blocking=False), f"{name} keeps the model"
        moji.lock.release()
    hooked = [part for part in moji.model.modules() if part._forward_pre_hooks]
    assert not hooked and explain("gradcam", moji, seen, 1).sum() == pytest.approx(1, abs=1e-3)


def set_event() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_a_run_that_waits_for_the_model_can_leave(moji: ChatModel, seen: Trace) -> None:
    stop = threading.Event()
    with moji.lock:
        threading.Timer(0.05, stop.set).start()
        with pytest.raises(Stopped):
            explain("gradcam", moji, seen, 1, stop=stop)


def test_what_occlusion_found_is_known_by_the_model_itself(moji: ChatModel, seen: Trace) -> None:
    again = replace(seen)
    twin = load("moji-blip")  # another model, which may get the place in memory of one that is gone
    kept = occlusion._remembered.setdefault(again, occlusion.WeakKeyDictionary())
    kept.setdefault(twin.model, {})[0, occlusion.SIZE, 2] = None
    covers, likely = occlusion.falls(moji, again, steps=2)
    assert len(likely) == 1 + len(covers) and len(kept) == 2
    del twin, kept
    gc.collect()
    assert all(isinstance(each, dict) for each in occlusion._remembered[again].values())


def test_a_result_is_not_lost_while_its_work_takes_a_moment_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def idle_at_the_end(*came: object) -> Callable[..., Iterator[object]]:
        return lambda *_: (each for each in (None, *came, None))

    monkeypatch.setattr(streaming, "while_working", idle_at_the_end(("two", None), ("two", "the answer")))
    assert list(streaming.growing_while_watched(None)) == [None, ("two", None), ("two", "the answer")]

    monkeypatch.setattr(background, "while_working", idle_at_the_end("a map"))
    waiting = background.awaited(None, "nothing new")
    with pytest.raises(StopIteration) as ended:
        while True:
            assert next(waiting) == "nothing new"
    assert ended.value.value == "a map"


def test_the_cause_of_a_failed_generation_is_what_is_raised(moji: ChatModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("the true cause")

    asked = [Message("user", "how many dogs are there?", (picture(),))]
    for place in ("growth", "_vision_timed", "begin"):
        with monkeypatch.context() as patch:
            patch.setattr(f"playground.models.generation.generate.{place}", broken)
            with pytest.raises(MemoryError, match="the true cause"):
                moji.generate(asked, conversation=moji.conversation())
    assert moji.generate(asked).text
