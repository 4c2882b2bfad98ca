"""The maps of an answer beyond one word: who looked at a place, all heads, scores beside chance, and the check."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from playground import load
from playground.imaging.drawing import maps_grid
from playground.interpret.forward.image_dependence import BLANK, image_dependence
from playground.interpret.methods import explain
from playground.interpret.metrics.baselines import baseline, beside_baselines
from playground.interpret.metrics.check import by_chance, check
from playground.interpret.metrics.measure import named_things
from playground.interpret.painting import attention_map, head_maps
from playground.interpret.token_lookup import box_of, columns_of, tokens_at, words_at
from playground.interpret.trace import trace, trace_picture
from playground.models.messages import Message
from playground.moji.fresh import fresh_scenes
from playground.tasks.examples import examples, truth_of
from playground.tasks.maps import (
    View,
    answer_maps,
    believed,
    checked_view,
    drawn_map,
    ready_map,
    telling_word,
    with_leans,
)
from playground.ui.tabs.attention import figures as attention_figures


@pytest.fixture(scope="module")
def moji():
    return load("moji-vlm")


@pytest.fixture(scope="module")
def seen(moji):
    return trace_picture(moji, Image.open(examples()[0].path), "what is in the picture?")


@pytest.fixture(scope="module")
def tiled(checkpoint, picture):
    """Two pictures, each cut into tiles, with a view of the whole."""
    message = Message("user", "what is this ?", (picture, picture.rotate(90, expand=True)))
    return trace(load(str(checkpoint("smolvlm"))), [message], max_new_tokens=3)


def test_a_place_belongs_to_the_token_that_shows_it(seen):
    (token,) = tokens_at(seen, 20, 40)
    assert token == 2 * 12 + 1 and box_of(seen, token) == (16, 32, 32, 48)
    assert tokens_at(seen, 500, 40) == () and len(columns_of(seen)) == 144


def test_the_shares_of_all_places_are_all_that_a_word_gave_to_the_picture(seen):
    places = [words_at(seen, [token], layer=2, head=3) for token in range(144)]
    own = seen.words[1].pieces
    assert sum(place[1] for place in places) == pytest.approx(
        seen.attention[list(own), 2, 3].mean(axis=0).sum(), abs=1e-4
    )
    busiest = int(np.argmax([place[1] for place in places]))
    values = attention_map(seen, 1, layer=2, head=3)
    left, top, right, bottom = map(int, box_of(seen, busiest))
    assert values[top:bottom, left:right].max() == values.max()


def test_a_tiled_picture_shows_a_place_in_its_tile_and_in_the_whole(tiled):
    for image in (0, 1):
        finest, *coarser = tokens_at(tiled, 30, 30, image)
        assert coarser and {finest, *coarser} <= set(columns_of(tiled, image))
        areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (box_of(tiled, finest), box_of(tiled, coarser[0]))]
        assert areas[0] < areas[1]


def test_the_small_maps_of_heads_are_the_large_ones(seen, tiled):
    maps = head_maps(seen, 1, side=12)  # a pixel for each patch
    assert maps.shape == (seen.layers + 1, seen.heads + 1, 12, 12)
    for layer, head in ((0, 0), (2, 0), (0, 3), (4, 8)):
        large = attention_map(seen, 1, layer=layer - 1 if layer else None, head=head - 1 if head else None)
        small = large.reshape(12, 16, 12, 16).sum(axis=(1, 3))
        np.testing.assert_allclose(maps[layer, head], small, atol=1e-5)
    assert head_maps(tiled, 0, image=1).sum(axis=(2, 3)) == pytest.approx(1)


def test_a_click_into_the_grid_finds_the_head(seen):
    grid = maps_grid(head_maps(seen, 1), ["all", *"1234"], ["all", *"12345678"])
    left, top = grid.margin
    for row, column in ((0, 0), (2, 5), (4, 8)):
        middle = left + (column + 0.5) * grid.cell[0], top + (row + 0.5) * grid.cell[1]
        assert grid.at(*middle) == (row, column)
    assert grid.at(5, 5) is None and grid.at(*grid.image.size) is None


def test_maps_are_remembered_by_what_their_method_looks_at(moji, seen):
    looked = with_leans(answer_maps(seen, moji), moji)
    assert believed(looked) == "patches" and looked.trace.words[telling_word(looked)].text == "ball"
    view = View("patches", 1, layer=2, head=3)
    assert ready_map(looked, view) is None
    drawn = drawn_map(looked, moji, view)
    np.testing.assert_array_equal(ready_map(looked, View("patches", 1)), drawn)
    other = drawn_map(looked, moji, View("rollout", 1, layer=2))
    assert ready_map(looked, View("rollout", 1, layer=2)) is other and len(looked.drawn) == 1
    assert ready_map(looked, View("attention", 1, layer=2)) is not None
    with pytest.raises(IndexError):
        checked_view(looked, View("attention", 1, layer=seen.layers))
    assert believed(answer_maps(seen)) == "attention"


def test_all_words_have_their_believed_map_as_soon_as_one_has(moji, seen):
    """The same maps as one by one, and a slow model is not made to draw what nobody asked for."""

    def took(seconds: float):
        """The same answer as a machine gives it that takes so long."""
        statistics = replace(seen.answer.statistics, seconds=seconds)
        return answer_maps(replace(seen, answer=replace(seen.answer, statistics=statistics)), moji)

    looked = took(0.1)
    drawn_map(looked, moji, View("patches", 1))
    for word in range(len(seen.words)):
        alone = explain("patches", moji, seen, word)
        np.testing.assert_allclose(ready_map(looked, View("patches", word)), alone, atol=1e-7)
    slow = took(9.0)
    drawn_map(slow, moji, View("patches", 1))
    assert ready_map(slow, View("patches", 1)) is not None and ready_map(slow, View("patches", 4)) is None


def test_memory_of_maps_is_bounded(moji, seen, monkeypatch):
    looked = answer_maps(seen, moji)
    monkeypatch.setattr("playground.tasks.maps.REMEMBERED", 2 * 192 * 192 * 4)
    for word in (1, 3, 4):
        drawn_map(looked, moji, View("gradcam", word))
    assert [view.word for view in looked.drawn] == [3, 4]


def test_a_large_prompt_begins_with_attention(moji, seen):
    long = replace(seen.answer.statistics, prompt_tokens=3000)
    assert believed(answer_maps(replace(seen, answer=replace(seen.answer, statistics=long)), moji)) == "attention"


def test_a_true_map_beats_chance_by_mask_and_by_model(moji, seen):
    looked = answer_maps(seen, moji)
    values = drawn_map(looked, moji, View("patches", 1))
    found = beside_baselines(values, truth_of(seen.images[0]).mask("ball"))
    assert list(found) == ["map", "random", "centre", "uniform"]
    assert found["map"].best_iou > max(found[name].best_iou for name in ("random", "centre", "uniform"))
    true = check(moji, seen, 1, "patches", values)
    assert true.verdict == "yes" and true.own.insertion_area > true.chance.insertion_area
    assert true.unchanged < 0.9 and not true.reason


def test_the_check_believes_the_right_maps_and_hardly_any_random_one(moji, monkeypatch):
    """Of words that name things: at least three in four of the believed maps, at most one in twenty by chance."""
    monkeypatch.setattr("playground.interpret.metrics.check._unchanged", lambda *_: (None, "left out here, for time"))
    rng, found = np.random.default_rng(0), {"patches": [], "random": []}
    for scene in fresh_scenes(7, 3):
        answered = trace_picture(moji, scene.image, "describe the picture.")
        leans = image_dependence(moji, answered)
        for word, _ in [each for each in named_things(answered, scene) if leans[each[0]] > BLANK][:1]:
            draws = by_chance(moji, answered, word)
            maps = {"patches": [explain("patches", moji, answered, word)]}
            maps["random"] = [baseline("random", (192, 192), rng) for _ in range(4)]
            for method, several in maps.items():
                told = [check(moji, answered, word, method, each, lean=leans[word], draws=draws) for each in several]
                found[method] += [each.verdict == "yes" for each in told]
    assert len(found["random"]) >= 20 and np.mean(found["random"]) <= 0.05
    assert np.mean(found["patches"]) >= 0.75


def test_a_word_that_needs_no_picture_cannot_be_checked(moji, seen):
    leans = image_dependence(moji, seen)
    word = int(np.argmin(leans))
    told = check(moji, seen, word, "attention", attention_map(seen, word))
    assert told.lean == leans[word] < BLANK and told.verdict == "cannot tell"
    shown = attention_figures.checked(told, seen.words[word].text)
    assert "This test cannot tell" in shown and "Yes" not in shown and "of random patches" in shown


def test_a_model_without_room_for_its_twin_is_checked_by_its_curves_alone(moji, seen, monkeypatch):
    monkeypatch.setattr("playground.checkpoints.device.free_memory", lambda: 10**6)
    alone = check(moji, seen, 1, "attention", attention_map(seen, 1))
    assert alone.unchanged is None and "no room" in alone.reason
