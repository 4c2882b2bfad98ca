"""What takes much memory is reckoned before it runs, done in pieces where that is exact, or refused in a sentence."""

from __future__ import annotations

import lively
import numpy as np
import pytest

from playground import load
from playground.interpret.forward import cost, streamed
from playground.interpret.methods import METHODS, CannotExplain, explain, reason, relevance, rollout
from playground.interpret.trace import TooLarge, trace
from playground.models.messages import Message


@pytest.fixture(scope="module")
def moji():
    return load("moji-vlm")


def _asked(model, picture, **options):
    return trace(model, [Message("user", "what is this ? " * 4, (picture,))], max_new_tokens=4, **options)


# Windows, shared heads of keys, pictures read both ways, a grid of their own for positions.
@pytest.mark.parametrize("family", ["moji-vlm", "smolvlm", "qwen2_vl_windows", "qwen3_vl"])
def test_rows_are_followed_without_the_squares_and_come_out_the_same(tmp_path, picture, family, monkeypatch):
    model = load(family if family == "moji-vlm" else str(lively.write(family, tmp_path)))
    seen = _asked(model, picture)
    monkeypatch.setattr(streamed, "CHUNK_BYTES", 20_000)  # some dozen queries at a time
    for options in ({}, {"layer": 1}, {"head": 1}, {"layers": [0, -1], "heads": [0, 2]}):
        for method in (rollout, relevance):
            monkeypatch.setattr("playground.models.attention.is_plugged_in", lambda model: True)
            streamed_map = method.explain(model, seen, 0, **options)
            monkeypatch.setattr("playground.models.attention.is_plugged_in", lambda model: False)
            whole = method.explain(model, seen, 0, **options)
            np.testing.assert_allclose(streamed_map, whole, atol=1e-5 * max(whole.max(), 1e-9))


def test_layers_and_heads_that_count_can_be_named(moji, picture):
    seen = _asked(moji, picture)
    for method in ("attention", "sinks", "rollout", "relevance"):
        few = explain(method, moji, seen, 0, layers=[0], heads=[1])
        assert not np.allclose(few, explain(method, moji, seen, 0))
        np.testing.assert_allclose(
            explain(method, moji, seen, 0, layers=range(seen.layers), heads=range(seen.heads)),
            explain(method, moji, seen, 0),
            atol=1e-6,
        )
        with pytest.raises(IndexError, match="There is no layer 99"):
            explain(method, moji, seen, 0, layers=[99])
        with pytest.raises(IndexError, match="No head is chosen"):
            explain(method, moji, seen, 0, heads=[])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["moji-vlm", "moji-blip"])
def test_every_method_asks_how_much_is_free_and_says_what_would_fit(picture, method, name, monkeypatch):
    model = load(name)
    seen = _asked(model, picture)
    assert reason(method, model) is not None or explain(method, model, seen, 0).shape == picture.size[::-1]
    monkeypatch.setattr("playground.models.memory.available", lambda device: 1000)
    with pytest.raises(CannotExplain) as refused:
        explain(method, model, seen, 0)
    if reason(method, model) is None:
        assert "tokens would take about" in str(refused.value) and "smaller picture" in str(refused.value)
        assert reason(method, model, seen) == str(refused.value)


def test_a_large_picture_in_a_real_model_is_reckoned_as_what_it_takes():
    """5,172 tokens, 28 layers of 12 heads: whole squares are some 36 GB; followed row by row they are not needed."""
    real = cost.Sizes(5172, 28, 12, 1536, 8960, 151936, 3, 5000, 2, 5172, streams=False)
    assert cost.needed(METHODS["rollout"].keeps, real) > 18e9 and cost.needed(METHODS["relevance"].keeps, real) > 50e9
    row_by_row = cost.Sizes(**{**vars(real), "streams": True})
    assert cost.needed(METHODS["rollout"].keeps, row_by_row) < 4e9
    few = cost.needed(METHODS["relevance"].keeps, row_by_row, layers=[26, 27])
    assert few < cost.needed(METHODS["relevance"].keeps, row_by_row) / 3


def test_an_answer_whose_attention_has_no_room_is_refused_before_it_runs(moji, picture, monkeypatch):
    monkeypatch.setattr("playground.models.memory.available", lambda device: 1000)
    with pytest.raises(TooLarge, match="show a smaller picture, or ask for a shorter answer"):
        _asked(moji, picture)
