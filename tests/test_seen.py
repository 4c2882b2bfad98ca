"""What is kept of encoded pictures: by content, within a bound, for one model, until it is cleared."""

from __future__ import annotations

import gc
import threading

import pytest
import torch
from PIL import Image

from playground.models.generation.image_features import ImageFeatureCache, encoded, key_of


@pytest.fixture
def model() -> torch.nn.Module:
    return torch.nn.Linear(1, 1)


def test_the_same_pixels_are_encoded_once(model):
    seen, made = ImageFeatureCache(), []

    def encode(image: Image.Image) -> torch.Tensor:
        made.append(image.size)
        return torch.ones(4)

    red = Image.new("RGB", (8, 4), "red")
    for image in (red, red.copy(), red.convert("RGBA"), red.quantize()):
        encoded(seen, model, image, encode)
    assert made == [(8, 4)]
    for image in (Image.new("RGB", (8, 4), "blue"), red.resize((4, 8))):  # other pixels; the same in another shape
        encoded(seen, model, image, encode)
    assert len(made) == 3 and len(seen) == 3
    encoded(None, model, red, encode)
    assert len(made) == 4


def test_the_longest_unused_goes_first_and_the_bound_holds():
    seen = ImageFeatureCache(limit_mb=1)
    for name in "abc":
        seen.keep(name, {"map": torch.zeros(100_000)})  # 0.4 MB each: two fit
    assert (seen.get("a"), len(seen), seen.nbytes) == (None, 2, 800_000)
    seen.get("b")
    seen.keep("d", [torch.zeros(100_000)])
    assert seen.get("b") is not None and seen.get("c") is None
    seen.keep("e", torch.zeros(1_000_000))  # larger than all there is
    assert seen.get("e") is None and seen.get("b") is not None
    seen.keep("b", torch.zeros(1))
    assert seen.nbytes == 400_004
    seen.clear()
    assert (len(seen), seen.nbytes, seen.get("d")) == (0, 0, None)


def test_a_view_counts_all_that_it_keeps_alive_and_shared_memory_counts_once():
    seen, whole = ImageFeatureCache(), torch.zeros(1000)
    seen.keep("row", (whole[:1], whole[5:], {"whole": whole}))
    assert seen.nbytes == 4000


def test_models_do_not_answer_for_one_another_and_are_not_kept_alive(model):
    seen, image = ImageFeatureCache(), Image.new("RGB", (4, 4))
    other = torch.nn.Linear(1, 1)
    seen.keep(key_of(model, image), "mine")
    assert seen.get(key_of(other, image)) is None
    seen.keep(key_of(other, image), "other")
    gone = key_of(other, image)[0]
    del other
    gc.collect()
    assert gone() is None and seen.get(key_of(model, image)) == "mine"
    new = [torch.nn.Linear(1, 1) for _ in range(50)]  # one of them may lie where the dead one lay
    assert all(seen.get(key_of(model, image)) is None for model in new)


def test_each_visitor_has_a_session_of_his_own_and_all_together_a_bound(monkeypatch):
    from types import SimpleNamespace

    from playground.ui import session

    monkeypatch.setattr(session, "_sessions", type(session._sessions)())
    monkeypatch.setattr(session, "TOGETHER_MB", 2)
    visitors = [SimpleNamespace(session_hash=name) for name in ("mine", "yours", "theirs")]
    for visitor in visitors[:2]:
        session.session_of(visitor).seen.keep("picture", torch.ones(200_000))
    assert session.session_of(visitors[0]).seen is not session.session_of(visitors[1]).seen
    session.session_of(visitors[2]).seen.keep("picture", torch.ones(200_000))
    session.session_of(visitors[2])  # three of them are too much: the one that came longest ago goes
    assert list(session._sessions) == ["yours", "theirs"]
    session.end(visitors[1])
    assert session.session_of(visitors[1]).seen.get("picture") is None


def test_many_threads_may_use_it(model):
    seen, failed = ImageFeatureCache(limit_mb=1), []

    def work(number: int) -> None:
        for turn in range(200):
            image = Image.new("RGB", (2, 2), (turn % 40, number % 2, 0))
            vector = encoded(seen, model, image, lambda image: torch.full((20_000,), image.getpixel((0, 0))[0]))
            if vector[0] != turn % 40:
                failed.append(turn)
            if turn == 100:
                seen.clear()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and 0 < seen.nbytes <= 1_000_000
