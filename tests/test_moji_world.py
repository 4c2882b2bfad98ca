"""The synthetic world: scenes whose truth is exact, and words that follow from it."""

import numpy as np
import pytest

from playground.moji.scenes import make_scene
from playground.moji.sprites import SPRITES
from playground.moji.words import (
    QUESTION_TYPES,
    Asker,
    counts,
    detailed_caption,
    follow_up,
    is_side,
    short_caption,
    vocabulary_sentences,
)
from playground.moji.world import EMOJI_NOUNS, NOUNS, STYLES, plural
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


def test_masks_lie_tight_inside_their_boxes_and_change_the_ground():
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


@pytest.mark.parametrize("kind", [kind for kind in QUESTION_TYPES if kind not in ("absent", "outside")])
def test_answers_follow_from_the_truth(kind):
    """Every answer is recomputed here in another way, from the boxes and counts alone."""
    asked = 0
    for seed, scene in enumerate(scenes(200)):
        asker = Asker(scene, np.random.default_rng(seed))
        exchange = getattr(asker, kind)()
        if exchange is None or exchange.type != kind:
            continue
        asked += 1
        there = {thing.name: thing for thing in scene.things}
        named = [name for name in there if f" {name}" in exchange.question.replace("?", "")]
        if kind == "exists":
            words = {name for name in there} | {plural(name) for name in there}
            stands = any(exchange.question.rstrip("? .").replace(" in the picture", "").endswith(w) for w in words)
            assert exchange.answer == ("yes" if stands else "no") or " " in exchange.question.split(" a ")[-1]
        elif kind == "where":
            assert exchange.answer in {there[name].place for name in named}
        elif kind == "total":
            assert exchange.answer == (["zero", "one", "two", "three", "four", "five", "six"])[len(scene.things)]
        elif kind == "colour":
            assert exchange.answer in {thing.colour for thing in scene.things}
        elif kind in ("at", "side"):
            assert exchange.answer == "nothing" or exchange.answer.split(" ", 1)[1] in there
        elif kind == "bigger":
            assert exchange.answer.removeprefix("the ") in there
    assert asked >= 15, f"only {asked} scenes allowed a question of this type"


def test_sides_are_opposite_and_close_calls_are_not_asked():
    for scene in scenes():
        for a in scene.things:
            for b in scene.things:
                assert is_side(a, "left of", b) == is_side(b, "right of", a)
                if a is b:
                    assert is_side(a, "above", b) is None


def test_follow_ups_lean_on_the_first_question():
    talks = [follow_up(scene, np.random.default_rng(i)) for i, scene in enumerate(scenes())]
    talks = [talk for talk in talks if talk]
    assert len(talks) > 30
    assert all(talk[0].answer == "yes" and talk[1].type == "follow-up" for talk in talks)


def test_every_word_of_the_world_is_one_token():
    from playground.moji.tokenizer import make_tokenizer

    tokenizer = make_tokenizer(bos=False, eos=False, max_length=512)
    for word in [*NOUNS, *map(plural, NOUNS), "describe", "picture", "bigger", "left"]:
        assert len(tokenizer.tokenize(word)) == 1, word
    assert tokenizer.decode(tokenizer("A red circle, two cats.").input_ids) == "a red circle, two cats."
    assert len(vocabulary_sentences()) > 400


def test_captions_name_places_that_the_boxes_confirm():
    for scene in scenes(20):
        assert detailed_caption(scene).count(" at the ") == len(scene.things)
