"""The synthetic world: scenes whose truth is exact, and words that follow from it."""

import re

import numpy as np
import pytest

from playground.moji.phrasing import (
    _AFTER,
    _BEFORE,
    FOLLOW_UPS,
    STRANGE,
    STRANGE_FOLLOW_UPS,
    TEMPLATES,
    misspelt,
    world_words,
)
from playground.moji.scenes import Scene, Thing, make_scene
from playground.moji.sprites import SPRITES
from playground.moji.talks import follow_up
from playground.moji.words import (
    QUESTION_TYPES,
    SIDES,
    Asker,
    counts,
    detailed_caption,
    is_side,
    plural_name,
    short_caption,
)
from playground.moji.world import (
    COLOURS,
    EMOJI_NOUNS,
    KINDS,
    NOUNS,
    NUMBERS,
    SHAPES,
    STYLES,
    WRITINGS,
    article,
    held_out,
)
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


NAMED = {}
for _noun in [*NOUNS, *KINDS]:
    _told = COLOURS if _noun in SHAPES else WRITINGS if _noun == "sign" else ()
    for _name in [*(f"{told} {_noun}" for told in _told), _noun]:
        NAMED |= {_name: _name, plural_name(_name): _name}
_NAMES = re.compile(rf"\b({'|'.join(sorted(NAMED, key=len, reverse=True))})\b")
_PLACES = re.compile(r"\b((?:top|bottom) (?:left|right)|top|bottom|left|right|middle)\b")
_NINTHS = {(0, 0): "top left", (1, 0): "top", (2, 0): "top right", (0, 1): "left", (1, 1): "middle", (2, 1): "right"}
_NINTHS |= {(0, 2): "bottom left", (1, 2): "bottom", (2, 2): "bottom right"}


def place(thing):
    """The ninth of the picture that holds the middle of the box, by its corners alone."""
    left, top, right, bottom = thing.box
    return _NINTHS[(left + right) // 128, (top + bottom) // 128]


def lies(thing, side, other):
    """Whether a thing's middle lies on this side of another's."""
    axis = 0 if side in ("left of", "right of") else 1
    gap = sum(other.box[axis::2]) - sum(thing.box[axis::2])
    return gap > 0 if side in ("left of", "above") else gap < 0


def told(phrases):
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(phrases[:-1]), phrases[-1]] if len(phrases) > 1 else phrases)


def listed(there):
    """Things as an answer names them: "a dog and two cats", or "nothing"."""
    names = list(dict.fromkeys(thing.name for thing in there))
    number = {name: sum(thing.name == name for thing in there) for name in names}
    some = [article(n) if number[n] == 1 else f"{NUMBERS[number[n]]} {plural_name(n)}" for n in names]
    return told(some) if some else "nothing"


def true_answer(kind, question, things):
    """The answer that the boxes and names of the things give, told from the words of the question alone."""
    names = [NAMED[found] for found in _NAMES.findall(question)]
    meant = [[thing for thing in things if name in (thing.name, thing.noun, thing.kind)] for name in names]
    side = next((side for side in SIDES if side in question), None)
    if kind == "exists":
        return "yes" if meant[0] else "no"
    if kind in ("count", "total"):
        number = len(meant[0] if kind == "count" else things)
        return NUMBERS[number] if number else "none"
    if kind == "where":
        return told(list(dict.fromkeys(place(thing) for thing in meant[0])))
    if kind == "at":
        (where,) = _PLACES.findall(question)
        return listed([thing for thing in things if place(thing) == where])
    if kind == "side":
        return listed([thing for thing in things if thing is not meant[0][0] and lies(thing, side, meant[0][0])])
    if kind == "relation":
        return "yes" if lies(meant[0][0], side, meant[1][0]) else "no"
    if kind == "colour":
        return meant[0][0].colour
    if kind == "says":
        return next((thing.writing for thing in things if thing.noun == "sign"), "there is no sign")
    if kind == "kind":
        return article(NOUNS[names[0]].kind)
    if kind == "bigger":
        rivals = sum(meant, []) if names else things
        return (
            f"the {max(rivals, key=lambda thing: max(thing.box[2] - thing.box[0], thing.box[3] - thing.box[1])).name}"
        )
    raise AssertionError(f"nothing is known about questions of the type {kind}")


def asks_for_a_kind(exchange):
    """ "what kind of thing is a dog" names the thing once; "thing" is no name."""
    return exchange.question.replace("how many objects", "").replace("objects", "").replace("object", "")


@pytest.mark.parametrize("kind", [kind for kind in QUESTION_TYPES if kind not in ("absent", "outside")])
@pytest.mark.parametrize("strange", [False, True])
def test_answers_follow_from_the_truth(kind, strange):
    """Every answer is told again from the question's words, the names and the boxes."""
    asked = 0
    for seed, scene in enumerate(scenes(200)):
        exchange = getattr(Asker(scene, np.random.default_rng(seed), loose=True, strange=strange), kind)()
        if exchange is not None and exchange.type == kind:
            asked += 1
            assert exchange.answer == true_answer(kind, asks_for_a_kind(exchange), scene.things), exchange
    assert asked >= 15, f"only {asked} scenes allowed a question of this type"


def test_what_is_asked_about_in_vain_is_not_there():
    for seed, scene in enumerate(scenes(200)):
        exchange = Asker(scene, np.random.default_rng(seed)).where()
        if exchange is not None and exchange.type == "absent":
            name = NAMED[_NAMES.findall(exchange.question)[0]]
            assert exchange.answer == f"there is no {name}"
            assert all(thing.name != name for thing in scene.things)


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
    assert all(exchange.type == "follow-up" for talk in talks for exchange in talk[1:])
    others = [talk for talk in talks if "other" in talk[1].question]
    assert others and all({talk[0].answer, talk[1].answer} <= set(_NINTHS.values()) for talk in others)


def test_of_two_that_stand_one_above_the_other_none_is_called_the_left_one():
    def two(gap, rng):
        """Two dogs whose middles lie ``gap`` pixels apart from left to right."""
        dogs = (Thing("dog", (60, 20, 100, 60)), Thing("dog", (60 + gap, 120, 100 + gap, 160)))
        return follow_up(Scene(np.zeros(0), np.zeros(0), dogs), rng)

    sides = {gap: [talk for seed in range(40) if "left" in (talk := two(gap, np.random.default_rng(seed)))[0].question
                   or "right" in talk[0].question] for gap in (0, 11, 12, 60)}  # fmt: skip
    assert not sides[0] and not sides[11] and len(sides[12]) > 5 and len(sides[60]) > 5


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


def spoken(wordings):
    """All wordings of these types with their blanks filled, as words alone: marks tell no two wordings apart."""
    blanks = dict(name="dog", a="a dog", plural="dogs", other="cat", side="left of", place="top left", which="left")
    return {tuple(re.findall(r"[a-z']+", text.format(**blanks))) for texts in wordings.values() for text in texts}


def test_strange_wordings_are_kept_from_training():
    """No greeting, no please and no lost mark makes a wording of the training into one that counts as never seen."""
    plain, strange = spoken(TEMPLATES) | spoken(FOLLOW_UPS), spoken(STRANGE) | spoken(STRANGE_FOLLOW_UPS)
    before = [(), *(tuple(re.findall(r"[a-z']+", text)) for text in _BEFORE)]
    after = [(), *((text.strip(),) for text in _AFTER)]
    trained = {(*greeting, *text, *end) for greeting in before for text in plain for end in after}
    unmarked = {tuple(word.replace("'", "") for word in text) for text in trained}
    assert not strange & (trained | unmarked)
    assert {word for text in strange for word in text} <= {word for text in trained for word in text}


def test_every_question_has_a_wording_that_is_never_seen():
    assert STRANGE.keys() == TEMPLATES.keys() and STRANGE_FOLLOW_UPS.keys() == FOLLOW_UPS.keys()
    for seed, scene in enumerate(scenes()):
        asker = Asker(scene, np.random.default_rng(seed), strange=True)
        wordings = {exchange.question for exchange in follow_up(scene, np.random.default_rng(seed), strange=True)}
        wordings |= {exchange.question for exchange in (asker.where(), asker.bigger()) if exchange}
        names = sorted({name for thing in scene.things for name in (thing.name, thing.noun)}, key=len, reverse=True)
        usual = [text for texts in (*TEMPLATES.values(), *FOLLOW_UPS.values()) for text in texts]
        for name in names:
            filled = dict(name=name, a=article(name), plural=plural_name(name), which="left", side="", place="")
            assert not wordings & {text.format(**filled, other=name) for text in usual}


def test_captions_name_places_that_the_boxes_confirm():
    for scene in scenes():
        phrases = re.split(r", | and ", detailed_caption(scene).rstrip("."))
        assert phrases == [f"{article(thing.name)} at the {place(thing)}" for thing in scene.things]
