"""The synthetic world: scenes whose truth is exact, and words that follow from it."""

import re

import numpy as np

from playground.moji.phrasing import misspelt, world_words
from playground.moji.scenes import make_scene
from playground.moji.sprites import SPRITES
from playground.moji.words import counts, detailed_caption, short_caption
from playground.moji.world import EMOJI_NOUNS, STYLES, article, held_out
from playground.training.scoring import parse_caption, score_captions


def scenes(count=60):
    return [make_scene(np.random.default_rng(index)) for index in range(count)]


def test_every_noun_has_its_picture_in_every_style():
    missing = [(w, s) for w in EMOJI_NOUNS for s in STYLES if not (SPRITES / s / f"{w}.png").exists()]
    assert not missing


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    one, same, other = (make_scene(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.pixels, same.pixels) and one.things == same.things
    assert not np.array_equal(one.pixels, other.pixels)


def test_masks_lie_tight_inside_their_boxes():
    for scene in scenes():
        for index, thing in enumerate(scene.things):
            rows, columns = np.nonzero(scene.mask(index))
            left, top, right, bottom = thing.box
            assert abs(columns.min() - left) <= 3 and abs(columns.max() + 1 - right) <= 3
            assert abs(rows.min() - top) <= 3 and abs(rows.max() + 1 - bottom) <= 3


def test_things_are_told_from_left_to_right_and_never_overlap():
    for scene in scenes():
        centres = [thing.centre[0] for thing in scene.things]
        assert centres == sorted(centres)
        boxes = [thing.box for thing in scene.things]
        for i, a in enumerate(boxes):
            for b in boxes[i + 1 :]:
                assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_captions_say_exactly_what_is_there():
    truths = [counts(scene) for scene in scenes()]
    assert [parse_caption(short_caption(scene)) for scene in scenes()] == truths
    assert score_captions([short_caption(scene) for scene in scenes()], truths).exact == 1
    assert score_captions(["a dog."] * len(truths), truths).exact < 0.1


def test_scenes_of_training_never_show_a_pair_that_is_held_out():
    pairs = [(a, b) for a in EMOJI_NOUNS for b in EMOJI_NOUNS if held_out(a, b)]
    assert 0.01 < len(pairs) / len(EMOJI_NOUNS) ** 2 < 0.03
    for scene in scenes(300):
        assert not any(held_out(a.noun, b.noun) for a in scene.things for b in scene.things)


def test_a_slip_never_makes_another_word_of_the_world():
    rng = np.random.default_rng(0)
    for word in world_words() - {"no"}:
        for _ in range(5):
            assert misspelt(word, rng) == word or misspelt(word, rng) not in world_words() - {word}


def test_captions_name_places_that_the_boxes_confirm():
    for scene in scenes():
        phrases = re.split(r", | and ", detailed_caption(scene).rstrip("."))
        assert len(phrases) == len(scene.things)
        for phrase, thing in zip(phrases, scene.things, strict=True):
            left, top, right, bottom = thing.box
            row, column = ("top", "", "bottom")[(top + bottom) // 128], ("left", "", "right")[(left + right) // 128]
            place = f"{row} {column}".strip() or "middle"
            assert phrase == f"{article(thing.name)} at the {place}"
