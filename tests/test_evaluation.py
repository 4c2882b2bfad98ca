"""Scores of hand-made cases whose right figure is known, questions that keep their promise, and the whole table."""

import json
from functools import partial

import numpy as np
import pytest

from playground import load
from playground.models.detection import Detection
from playground.moji.asking import PLAIN
from playground.moji.scenes import make_scene
from playground.moji.words import Exchange
from playground.moji.world import held_out
from playground.training import evaluate
from playground.training.measures_answers import Asked, Reply, ask, questions_about, score_answers
from playground.training.measures_confidence import measure_confidence
from playground.training.measures_examples import ANSWERS, measure_examples
from playground.training.measures_looks import AUGMENTED, CLEAN, LOOKS, STYLES
from playground.training.measures_outside import auroc, measure_outside, outside_pictures
from playground.training.measures_regions import average_precision, measure_boxes
from playground.training.measures_table import as_tables
from playground.training.measures_worlds import HARDER, as_drawn, fresh_scenes
from playground.training.measures_yes_no import absent_name, measure_yes_no
from playground.training.scoring import calibration, calibration_error, recall_at_one, score_yes_no

SEED = 78
WORLDS = {world.name: world for world in HARDER}


def asked(*answers, kind="count"):
    image = make_scene(np.random.default_rng(0), 1).image
    return [Asked(image, (Exchange(kind, "how many dogs?", answer),)) for answer in answers]


def test_answers_are_compared_word_for_word_but_for_case_and_the_last_mark():
    questions = asked("two", "two", "two", "one")
    table = score_answers(questions, [Reply(text, 1.0) for text in ("Two.", "two dogs", "too", "one")])
    assert table["count"] == {"right": 0.5, "chance": 0.75, "asked": 4} == table["all"]


def test_all_types_count_by_how_often_they_were_asked():
    questions = asked("one", "two", "two") + asked("yes", kind="exists")
    table = score_answers(questions, [Reply(text, 1.0) for text in ("one", "two", "one", "no")])
    assert table["count"]["right"] == pytest.approx(2 / 3) and table["exists"]["right"] == 0
    assert table["all"] == {"right": 0.5, "chance": 0.75, "asked": 4}


def test_yes_no_scores_see_a_model_that_always_says_yes():
    always = score_yes_no(["yes"] * 10, ["yes"] * 10)
    assert (always.accuracy, always.yes, always.asked) == (0.5, 1.0, 20)
    evasive = score_yes_no(["yes", "perhaps"], ["no", "a dog"])
    assert (evasive.accuracy, evasive.yes) == (0.5, 0.25)


def test_recall_counts_the_same_caption_of_another_picture_as_right():
    scores = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.1], [0.1, 0.7, 0.2]])
    assert recall_at_one(scores, ["a dog.", "a dog.", "a cat."]) == pytest.approx(2 / 3)


def test_calibration_error_is_nought_only_for_a_model_as_sure_as_right():
    honest = calibration([0.95] * 20 + [0.5] * 4, [True] * 19 + [False] + [True] * 2 + [False] * 2)
    assert [(row.sure, row.right, row.answers) for row in honest] == [
        (pytest.approx(0.5), 0.5, 4),
        (pytest.approx(0.95), 0.95, 20),
    ]
    assert calibration_error(honest) == pytest.approx(0)
    boastful = calibration([1.0] * 10, [True] * 6 + [False] * 4)
    assert calibration_error(boastful) == pytest.approx(0.4)


def test_confidence_is_that_of_the_replies():
    result = measure_confidence(asked("one", "two"), [Reply("one", 0.9), Reply("six", 0.3)])
    assert result["error"] == pytest.approx((0.1 + 0.3) / 2)
    assert [row["answers"] for row in result["rows"]] == [1, 1]


TRUTH = [[("dog", (10, 10, 50, 50)), ("cat", (100, 100, 140, 160))], [("dog", (0, 0, 40, 40))]]


def test_boxes_in_place_have_an_average_precision_of_one():
    right = [[Detection(name, box, 0.9) for name, box in things] for things in TRUTH]
    assert average_precision(right, TRUTH) == {"ap": pytest.approx(1), "ap50": pytest.approx(1)}


def test_boxes_a_little_off_count_at_half_overlap_only():
    off = [[Detection(name, (*box[:3], box[3] - 10), 0.9) for name, box in things] for things in TRUTH]
    score = average_precision(off, TRUTH)
    assert score["ap50"] == pytest.approx(1) and 0.4 < score["ap"] < 0.8


def test_doubles_wrong_names_and_missed_things_cost_precision():
    dog = Detection("dog", TRUTH[0][0][1], 0.5)
    surer = Detection("dog", (120, 0, 180, 60), 0.9)
    assert average_precision([[dog, surer], []], TRUTH)["ap50"] == pytest.approx((0.25 + 0) / 2, abs=0.01)
    assert average_precision([[Detection("cat", dog.box, 0.9)], []], TRUTH)["ap50"] == 0
    assert average_precision([[], []], TRUTH) == {"ap": 0.0, "ap50": 0.0}


@pytest.mark.parametrize("world", HARDER, ids=lambda world: world.name)
def test_the_same_seed_gives_the_same_world_and_every_question_has_an_answer(world):
    one, again, other = world.shown(4, 1), world.shown(4, 1), world.shown(4, 2)
    assert [each.image.tobytes() for each in one] == [each.image.tobytes() for each in again]
    assert [each.image.tobytes() for each in one] != [each.image.tobytes() for each in other]
    kinds = {item.talk[-1].type for item in questions_about(one, 1, world.typing, world.unasked)}
    assert {"exists", "count", "total", "at"} <= kinds and not kinds & set(world.unasked)


def test_each_harder_world_is_harder_as_its_name_says():
    pairs = WORLDS["pairs of things never seen together"].shown(8, 0)
    assert all(
        any(held_out(one.noun, other.noun) for one in each.scene.things for other in each.scene.things)
        for each in pairs
    )
    assert all(6 < len(each.scene.things) < 10 for each in WORLDS["seven to nine things"].shown(8, 0))
    small = [thing for each in WORLDS["small things, 20 to 26 pixels"].shown(8, 0) for thing in each.scene.things]
    assert max(thing.size for thing in small if not thing.writing) <= 26
    assert {each.image.size for each in WORLDS["96 × 96 pixels"].shown(2, 0)} == {(96, 96)}
    large = WORLDS["384 × 384 pixels"].shown(8, 0)
    assert {each.image.size for each in large} == {(384, 384)}
    assert max(thing.box[3] for each in large for thing in each.scene.things) <= 192
    shapes = {each.image.size for each in WORLDS["4:3 to 2:1, wide and tall"].shown(20, 0)}
    assert {(384, 192), (192, 384)} <= shapes


def test_things_in_wide_and_tall_pictures_look_as_they_are():
    """Its circles are round: squeezed by the processor, they are what the truth says they are."""
    for each in WORLDS["4:3 to 2:1, wide and tall"].shown(60, 0):
        width, height = each.image.size
        for thing in each.scene.things:
            if thing.noun == "circle":
                left, top, right, bottom = thing.box
                assert (right - left) * width / 192 == pytest.approx((bottom - top) * height / 192, rel=0.15)


def test_absent_names_are_absent_and_as_tempting_as_their_kind():
    names = [("bus", "", "noto"), ("circle", "red", "")]
    scene = make_scene(np.random.default_rng(1), 2, names=names)
    rng = np.random.default_rng(0)
    drawn = {kind: {absent_name(scene, kind, rng) for _ in range(80)} for kind in ("random", "popular", "adversarial")}
    assert not any({"bus", "circle"} & names for names in drawn.values())
    assert drawn["adversarial"] == {"car", "taxi", "truck", "train"}
    assert drawn["popular"] == {"square", "triangle", "star", "heart", "diamond", "sign"}
    assert len(drawn["random"]) > 40
    alone = make_scene(np.random.default_rng(1), 1, names=names[1:])
    assert absent_name(alone, "adversarial", rng).endswith(" circle")


def test_replies_in_batches_are_those_of_each_question_alone():
    chat = load("moji-vlm")
    questions = questions_about(as_drawn(fresh_scenes(3, 5)), 5)
    replies = ask(chat, questions)
    for question, reply in list(zip(questions, replies, strict=True))[::9]:
        alone = chat.generate(question.messages)
        assert reply.text == alone.text.strip()
        sure = np.prod([piece.probability for piece in alone.pieces])
        assert reply.probability == pytest.approx(sure, rel=1e-3)


# What the shipped models reach on these few scenes, with room for another machine's arithmetic.
LEAST_YES_NO, MOST_CALIBRATION_ERROR, LEAST_AP50 = 0.93, 0.1, 0.85


def test_the_shipped_detector_finds_what_stands_in_fresh_scenes():
    assert measure_boxes(load("moji-owl"), fresh_scenes(16, SEED))["ap50"] > LEAST_AP50


def test_the_shipped_chat_model_sees_little_that_is_not_there_and_is_as_sure_as_right():
    chat, shown = load("moji-vlm"), as_drawn(fresh_scenes(20, SEED))
    for kind, score in measure_yes_no(chat, shown, SEED).items():
        assert score.accuracy > LEAST_YES_NO and 0.35 < score.yes < 0.65, kind
    questions = questions_about(shown, SEED, PLAIN, kinds=("exists", "count", "where", "colour", "bigger"))
    assert measure_confidence(questions, ask(chat, questions))["error"] < MOST_CALIBRATION_ERROR


def test_the_command_prints_every_table_and_saves_the_figures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evaluate, "HARDER", HARDER[1:2])
    monkeypatch.setattr(evaluate, "LOOKS", LOOKS[:2])
    monkeypatch.setattr(evaluate, "STYLES", ())
    monkeypatch.setattr(evaluate, "CHAT_MODELS", ("moji-vlm",))
    few = partial(questions_about, kinds=("exists", "count"))
    monkeypatch.setattr(evaluate, "questions_about", few)
    figures, picture = tmp_path / "figures.json", tmp_path / "sure.png"
    monkeypatch.setattr("sys.argv", ["evaluate", "--scenes", "2", "--output", str(figures), "--figure", str(picture)])
    evaluate.main()
    saved, printed = json.loads(figures.read_text()), capsys.readouterr().out
    assert as_tables(saved) in printed and picture.read_bytes().startswith(b"\x89PNG")
    assert set(saved["chat"]) == {name for name in evaluate.CHAT_MODELS if evaluate.shipped(name)}
    told = ("seven to nine things", "adversarial", "calibration error", "mean IoU", "follow-up", "first of 4")
    for words in (*told, "unseen wordings", "brightness 0.6", "within 4 pixels"):
        assert words in printed


def test_every_look_shows_the_same_scenes_and_keeps_their_truth():
    clean = CLEAN.scenes(6, 3)
    names = [[thing.name for thing in scene.things] for scene in clean]
    for look in (*LOOKS, *STYLES):
        looks = look.scenes(6, 3)
        assert [scene.pixels.tobytes() for scene in looks] == [scene.pixels.tobytes() for scene in look.scenes(6, 3)]
        for scene in looks:
            assert scene.pixels.shape == (192, 192, 3) and scene.pixels.dtype == np.uint8
            centres = [thing.centre[0] for thing in scene.things]
            assert centres == sorted(centres) or look is AUGMENTED, look.name
            for index, thing in enumerate(scene.things):
                rows, columns = np.nonzero(scene.mask(index))
                left, top, right, bottom = thing.box
                assert len(rows) == 0 or (left - 3 <= columns.min() and columns.max() <= right + 3), look.name
                assert len(rows) == 0 or (top - 3 <= rows.min() and rows.max() <= bottom + 3), look.name
        if look.variety == CLEAN.variety:
            told = [sorted(thing.name for thing in scene.things) for scene in looks]
            assert told == [sorted(each) for each in names], look.name
        if look is not CLEAN:
            assert any(a.pixels.tobytes() != b.pixels.tobytes() for a, b in zip(looks, clean, strict=True)), look.name


def test_what_has_a_named_colour_keeps_it_when_hues_turn():
    scene = make_scene(np.random.default_rng(1), 2, names=[("circle", "red", ""), ("dog", "", "noto")])
    turned = next(look for look in LOOKS if look.name == "hue 180").change(np.random.default_rng(0), scene)
    for index, thing in enumerate(scene.things):
        same = (turned.pixels == scene.pixels)[scene.mask(index)].mean()
        assert (same == 1) == bool(thing.colour), thing.name


def test_outside_pictures_are_many_and_told_apart_by_a_score_that_can():
    pictures = outside_pictures()
    assert {"photographs", "screenshots", "noise", "textures"} <= set(pictures)
    assert sum(map(len, pictures.values())) > 100 and all(p.mode == "RGB" for some in pictures.values() for p in some)
    assert auroc([0, 0], [1, 1]) == 1 and auroc([0, 1], [0, 1]) == 0.5 and auroc([1], [0]) == 0
    fresh = [scene.image for scene in fresh_scenes(4, 1)]
    sizes = measure_outside(lambda images: [image.size != (192, 192) for image in images], fresh, fresh)
    assert sizes["photographs"] == {"fresh": 1.0, "augmented": 1.0} and sizes["noise"]["fresh"] == 0.5


def test_the_examples_are_asked_with_answers_that_their_scenes_confirm():
    from playground.tasks.examples import examples

    assert set(ANSWERS) == {example.name for example in examples()}
    told = json.loads((examples()[0].path.parent / "examples.json").read_text())
    for item in told:
        name, right = item["file"].removesuffix(".png"), ANSWERS[item["file"].removesuffix(".png")]
        nouns = [thing["noun"] for thing in item["objects"]]
        if "How many" in item["question"]:
            assert right == ("no", "one", "two", "three")[nouns.count(name.split("-")[1].removesuffix("s"))]
        elif right.split()[-1] in nouns:
            assert right in ("a taxi", "the lion")
    found = measure_examples(load("moji-vlm"))
    assert found["asked"] == 16 and 2 <= found["right"] <= 16


def test_models_without_a_score_of_foreignness_have_no_figure_and_others_all_sorts(monkeypatch):
    monkeypatch.setattr(evaluate, "out_of_distribution_score", lambda model, image: None)
    assert evaluate.measure_foreignness(None, 2, 0) is None
    monkeypatch.setattr(evaluate, "out_of_distribution_score", lambda model, image: float(image.size != (192, 192)))
    told = evaluate.measure_foreignness(None, 2, 0)
    assert set(told) == {*outside_pictures(), "all"} and told["photographs"] == {"fresh": 1.0, "augmented": 1.0}
