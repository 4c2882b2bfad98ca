"""How far to believe a map: every score on maps whose value is known, curves and checks on a real model, the table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground import load
from playground.interpret.forward.image_dependence import FUNCTION_WORDS
from playground.interpret.methods import METHODS, explain
from playground.interpret.metrics.baselines import BASELINES, baseline, beside_baselines, random_scores
from playground.interpret.metrics.faithfulness import area, curves
from playground.interpret.metrics.measure import Plan, measure, named_things
from playground.interpret.metrics.sanity import given, randomised, rank_correlation
from playground.interpret.metrics.score import (
    best_iou,
    levels,
    mass_inside,
    otsu_iou,
    otsu_threshold,
    pointing_hit,
    score_map,
)
from playground.interpret.metrics.table import as_table
from playground.interpret.trace import Trace, trace
from playground.models.chat import ChatModel
from playground.models.messages import Message
from playground.moji.fresh import fresh_scenes
from playground.moji.scenes import Scene, make_scene

ROOT = Path(__file__).parents[1]


@pytest.fixture
def mask() -> np.ndarray:
    """A thing of 4 × 6 pixels in a picture of 12 × 16: an eighth of it, off the middle."""
    mask = np.zeros((12, 16), bool)
    mask[1:5, 2:8] = True
    return mask


@pytest.fixture(scope="module")
def moji() -> ChatModel:
    return load("moji-vlm")


@pytest.fixture(scope="module")
def scene() -> Scene:
    names = [("dog", "", "noto"), ("circle", "red", "")]
    return make_scene(np.random.default_rng(5), 2, names=names, ground="plain")


@pytest.fixture(scope="module")
def seen(moji, scene) -> Trace:
    """What moji-vlm says about a dog and a red circle."""
    return trace(moji, [Message("user", "describe the picture.", (scene.image,))])


def as_map(values: np.ndarray) -> np.ndarray:
    return (values / values.sum()).astype(np.float32)


def test_a_perfect_map_has_every_score(mask):
    score = score_map(as_map(mask), mask)
    assert score.hit and score.area == pytest.approx(1 / 8)
    assert (score.mass, score.best_iou, score.otsu_iou) == pytest.approx((1, 1, 1))


def test_an_inverted_map_has_none(mask):
    score = score_map(as_map(~mask), mask)
    assert not score.hit and (score.mass, score.best_iou, score.otsu_iou) == (0, 0, 0)


def test_a_uniform_map_has_what_the_mask_covers(mask):
    score = score_map(baseline("uniform", mask.shape, np.random.default_rng(0)), mask)
    assert (score.mass, score.best_iou, score.otsu_iou) == pytest.approx((1 / 8, 1 / 8, 1 / 8))


def test_a_map_of_nothing_selects_nothing(mask):
    score = score_map(np.zeros(mask.shape, np.float32), mask)
    assert not score.hit and (score.mass, score.best_iou, score.otsu_iou) == (0, 0, 0)


def test_the_best_threshold_is_the_best_of_all(mask):
    values = as_map(np.random.default_rng(3).random(mask.shape) + 0.5 * mask)
    tried = [(values >= threshold) for threshold in values.ravel()]
    assert best_iou(values, mask) == pytest.approx(max((one & mask).sum() / (one | mask).sum() for one in tried))
    assert otsu_iou(values, mask) <= best_iou(values, mask)


def test_otsus_threshold_parts_two_heaps():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(2, 0.3, 900), rng.normal(7, 0.3, 100)]).reshape(20, 50)
    assert 3 < otsu_threshold(values) < 6
    assert otsu_threshold(np.full((3, 3), 0.25)) == 0.25
    half = np.repeat([[1.0, 3.0]], 8, axis=0)
    assert otsu_iou(half, half > 2) == 1


def test_rounding_makes_no_order():
    values = np.full((8, 8), 0.1, np.float32)
    values[0, 0] = np.nextafter(np.float32(0.1), np.float32(1))
    assert levels(values).max() == 0
    assert levels(np.array([[0.0, 1e-9], [2e-9, 0.5]])).tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("score", [pointing_hit, mass_inside, best_iou, otsu_iou])
def test_maps_and_masks_of_two_sizes_are_refused(score, mask):
    with pytest.raises(ValueError, match=r"size \(3, 3\) and the mask \(12, 16\)"):
        score(np.ones((3, 3)), mask)


def test_baselines_are_maps_that_see_nothing():
    for name in BASELINES:
        values = baseline(name, (50, 90), np.random.default_rng(0))
        assert values.shape == (50, 90) and values.dtype == np.float32 and values.min() >= 0
        assert values.sum() == pytest.approx(1, abs=1e-4)
    centre = baseline("centre", (50, 90), np.random.default_rng(0))
    assert np.unravel_index(centre.argmax(), centre.shape) in [(24, 44), (24, 45), (25, 44), (25, 45)]
    with pytest.raises(ValueError, match="no baseline “magic”"):
        baseline("magic", (4, 4), np.random.default_rng(0))


def test_random_patches_score_as_the_mean_of_many_draws():
    """What one draw gives is luck; the mean is that of painting and scoring every one of them."""
    mask = fresh_scenes(1, 0)[0].mask(0)
    rng = np.random.default_rng(3)
    each = [score_map(baseline("random", mask.shape, rng), mask) for _ in range(25)]
    found = random_scores(mask, draws=25, seed=3)
    for name in ("hit", "mass", "best_iou", "otsu_iou"):
        assert getattr(found, name) == pytest.approx(np.mean([getattr(one, name) for one in each]), abs=0.003), name
    many = beside_baselines(as_map(mask), mask)["random"]
    assert many.hit == pytest.approx(mask.mean(), abs=0.05) and many.mass == pytest.approx(mask.mean(), rel=0.1)


def test_a_perfect_map_beats_the_baselines_on_real_scenes():
    rng, best = np.random.default_rng(0), {name: [] for name in (*BASELINES, "perfect")}
    for scene in fresh_scenes(20, 0):
        for index in range(len(scene.things)):
            mask = scene.mask(index)
            maps = {name: baseline(name, mask.shape, rng) for name in BASELINES} | {"perfect": as_map(mask)}
            for name, values in maps.items():
                score = score_map(values, mask)
                best[name].append((score.hit, score.mass, score.best_iou, score.otsu_iou))
    means = {name: np.mean(rows, axis=0) for name, rows in best.items()}
    assert means["perfect"] == pytest.approx([1, 1, 1, 1])
    for name in BASELINES:
        assert (means[name] < 0.3).all(), name


def test_words_that_name_a_single_thing(seen, scene):
    found = {seen.words[word].text: scene.things[thing].noun for word, thing in named_things(seen, scene)}
    assert found == {"dog": "dog", "circle": "circle"}
    two = make_scene(np.random.default_rng(1), 2, names=[("dog", "", "noto")] * 2)
    assert named_things(seen, two) == []


def test_curves_move_the_right_way(moji, seen, scene):
    """The thing itself, shown first, brings its word back at once, and taken away first, takes it away at once."""
    word, thing = next((word, thing) for word, thing in named_things(seen, scene) if scene.things[thing].noun == "dog")
    mask = scene.mask(thing)
    grown = np.asarray(Image.fromarray(mask).resize((24, 24)).resize((192, 192)))
    right, wrong = curves(moji, seen, word, [as_map(grown + 1e-3), as_map(~grown + 1e-3)], steps=8)
    assert right.insertion.shape == right.deletion.shape == (9,)
    for curve in (right, wrong):
        assert curve.insertion[-1] == pytest.approx(seen.words[word].probability, abs=1e-3)
        assert curve.deletion[0] == curve.insertion[-1]
        assert curve.insertion[0] < 0.2 and curve.deletion[-1] < 0.2
    assert right.insertion_area > wrong.insertion_area + 0.2
    assert right.deletion_area < wrong.deletion_area - 0.2


def test_the_area_under_a_curve():
    assert area(np.array([0, 0.5, 1])) == pytest.approx(0.5)
    assert area(np.array([1, 1, 0, 0])) == pytest.approx(0.5)


def test_rank_correlation_knows_order_alone():
    rng = np.random.default_rng(0)
    values = rng.random((30, 40))
    assert rank_correlation(values, values**3) == pytest.approx(1)
    assert rank_correlation(values, 1 / (1 + values)) == pytest.approx(-1)
    assert abs(rank_correlation(values, rng.random((30, 40)))) < 0.1
    flat = np.full((30, 40), 0.5)
    assert rank_correlation(values, flat) == 0 and rank_correlation(flat, 2 * flat) == 1
    # Ties share their rank: by hand, ranks 1.5 1.5 3 against 1 2 3.
    assert rank_correlation(np.array([[1, 1, 2]]), np.array([[1, 2, 3]])) == pytest.approx(np.sqrt(3) / 2)


def test_a_randomised_model_has_forgotten_and_the_trained_one_has_not(moji, seen, scene):
    before = {name: weight.clone() for name, weight in moji.model.named_parameters()}
    forgetful = randomised(moji)
    assert all((weight == before[name]).all() for name, weight in moji.model.named_parameters())
    for name, weight in forgetful.model.named_parameters():
        assert weight.flatten().sort().values.equal(before[name].flatten().sort().values)
    answer = forgetful.generate(seen.messages, max_new_tokens=8).text
    assert "dog" not in answer and answer != seen.answer.text
    word = named_things(seen, scene)[0][0]
    kept = explain("attention", forgetful, given(forgetful, seen), word)
    assert rank_correlation(kept, explain("attention", moji, seen, word)) < 0.9


@pytest.mark.parametrize("family", ["moji", "blip_chat", "florence2", "smolvlm"])
def test_a_given_answers_attention_is_what_was_recorded(checkpoint, picture, moji, seen, family):
    if family == "moji":
        model, answered = moji, seen
    else:
        model = load(str(checkpoint(family)))
        answered = trace(model, [Message("user", "what is this ?", (picture,))], max_new_tokens=4)
    np.testing.assert_allclose(given(model, answered).attention, np.asarray(answered.attention), atol=1e-4)


def test_figures_of_a_model(moji):
    plan = Plan(methods=("attention", "activation"), few=1, steps=2)
    figures = measure(moji, fresh_scenes(2, 0), plan)
    assert set(figures["methods"]) == {"attention", "activation", *BASELINES}
    words = figures["words"]["caption"]
    assert words > 0 and figures["methods"]["attention"]["caption"]["words"] == words
    assert figures["methods"]["uniform"]["caption"]["mass"] == pytest.approx(figures["area"]["caption"], abs=1e-3)
    assert figures["methods"]["uniform"]["unchanged"] == 1
    assert 0 <= figures["methods"]["attention"]["insertion"] <= 1
    assert figures["blank"]["function"]["words"] > 0 and "seconds" not in figures["methods"]["random"]


def test_what_a_model_cannot_do_is_said_under_its_table(checkpoint):
    model = load(str(checkpoint("blip_chat")))
    figures = measure(model, fresh_scenes(1, 0), Plan(methods=("attention", "activation"), few=0))
    table = as_table("tiny", figures, 0)
    assert "Token activation map: Its picture stays beside the words" in table
    assert "0 words of answers" in table and "nan" not in table


def test_the_command_prints_the_table_and_keeps_the_figures(tmp_path):
    output = tmp_path / "deep" / "maps.json"
    asked = ["--scenes", "3", "--few", "1", "--models", "moji-vlm", "--methods", "attention", "gradcam"]
    run = subprocess.run(
        [sys.executable, "-m", "playground", "maps", *asked, "--output", str(output)],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = [line for line in run.stdout.splitlines() if line.startswith("|")]
    assert rows[0].startswith("| map | pointing game | mass inside |")
    named = [row.split("|")[1].strip() for row in rows[2:]]
    assert named == [METHODS["attention"].label, METHODS["gradcam"].label, *(f"*{name}*" for name in BASELINES)]
    assert "function words" in run.stdout and "3 fresh scenes of seed 0" in run.stdout
    result = json.loads(output.read_text())
    assert result["scenes"] == 3 and result["few"] == 1
    assert set(result["models"]["moji-vlm"]["methods"]) == {"attention", "gradcam", *BASELINES}


def test_no_function_word_names_a_thing():
    from playground.moji.world import NOUNS

    assert not FUNCTION_WORDS & set(NOUNS)
