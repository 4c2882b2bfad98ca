"""The shipped models on fresh scenes: real questions, real answers, better than chance of every type."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoModelForZeroShotImageClassification, AutoProcessor

from playground import load
from playground.checkpoints.catalog import find
from playground.models.messages import Message
from playground.moji.asking import LOOSE, PLAIN
from playground.training.measures_answers import TYPES, ask, measure_captions, questions_about, score_answers
from playground.training.measures_matching import measure_zero_shot
from playground.training.measures_regions import measure_masks
from playground.training.measures_worlds import as_drawn, fresh_scenes

SEED = 77
# What weights of the earlier vocabulary were taught; they are asked in the plainest words.
FORMER = ("exists", "count", "total", "where", "at", "side", "relation", "colour", "says", "kind", "bigger", "outside")
NOW = "▁aubergine" in AutoProcessor.from_pretrained(find("moji-vlm").source).tokenizer.get_vocab()
TAUGHT = TYPES if NOW else FORMER


@pytest.fixture(scope="module")
def scenes():
    return fresh_scenes(60, SEED)


@pytest.fixture(scope="module")
def answers(scenes):
    kinds = [kind for kind in TAUGHT if kind != "follow-up"]
    asked = questions_about(as_drawn(scenes), SEED, LOOSE if NOW else PLAIN, kinds=kinds)
    return score_answers(asked, ask(load("moji-vlm"), asked))


def test_every_question_type_is_asked(answers):
    assert set(answers) == {*TAUGHT, "follow-up", "all"}


@pytest.mark.parametrize("kind", TAUGHT)
def test_answers_beat_always_saying_the_same(answers, kind):
    row = answers[kind]
    assert row["right"] > row["chance"], row


def test_most_answers_are_right(answers):
    assert answers["all"]["right"] > 0.84


def test_captions_name_what_is_there(scenes):
    score = measure_captions(load("moji-vlm"), as_drawn(scenes[:40]))
    assert score["f1"] > 0.85 and score["exact"] > 0.4


def test_the_picture_decides(scenes):
    """The same question about another picture gets another answer: the model looks."""
    model = load("moji-vlm")
    told = {model.generate([Message("user", "describe the picture.", (scene.image,))]).text for scene in scenes[:8]}
    assert len(told) == 8


def test_clip_knows_single_things_by_name():
    assert measure_zero_shot(load("moji-clip"), fresh_scenes(40, SEED, most=1)) > 0.9


def test_clipseg_paints_what_a_phrase_names(scenes):
    assert measure_masks(load("moji-clipseg"), scenes[:15], SEED) > 0.65


def test_clipseg_paints_nothing_for_what_is_not_there():
    from playground.moji.scenes import make_scene

    names = [("dog", "", "noto"), ("bus", "", "noto")]
    image = make_scene(np.random.default_rng(3), 2, names=names).image
    masks = load("moji-clipseg").segment(image, ["dog", "banana"]).masks(0.5)
    assert masks[0].mean() > 0.02 and masks[1].mean() < 0.005


@pytest.mark.parametrize(
    ("name", "auto"),
    [("moji-vlm", AutoModelForImageTextToText), ("moji-clip", AutoModelForZeroShotImageClassification)],
)
def test_the_checkpoints_load_with_plain_transformers(name, auto):
    folder = find(name).source
    model, info = auto.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    assert AutoProcessor.from_pretrained(folder).tokenizer.unk_token == "<unk>"
    assert all(torch.isfinite(value).all() for value in model.parameters())
