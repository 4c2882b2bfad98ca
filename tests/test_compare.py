"""One question to two models: what each says and where it looked, with the shipped models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from scripted_server import says, scripted

from playground import load
from playground.interpret.forward.image_dependence import says_little
from playground.interpret.metrics.baselines import beside_baselines
from playground.tasks.compare import fusion, same_word, side
from playground.tasks.examples import examples, truth_of
from playground.tasks.maps import most_telling, word_map
from playground.ui.tabs.compare import layout as compare_tab


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return Image.open(examples()[0].path)


@pytest.fixture(scope="module")
def sides(scene):
    return tuple(side(load(name), scene, "describe the picture.") for name in ("moji-vlm", "moji-blip"))


def test_both_models_name_what_is_there_and_point_at_it(scene, sides):
    truth = truth_of(scene)
    for found in sides:
        assert found.reason is None and found.statistics.image_tokens in (144, 145)
        assert found.probability == pytest.approx(math.prod(piece.probability for piece in found.trace.pieces))
        word = most_telling(found.words, found.leans, [truth])
        noun = truth.named_in([found.words[word]])
        seen = word_map(load(found.name), found.trace, word)
        assert (seen.method, seen.note) == ("patches", "")
        told = beside_baselines(seen.values, truth.mask(noun))
        assert set(told) == {"map", "random", "centre", "uniform"}
        assert told["uniform"].mass == pytest.approx(told["uniform"].area, abs=1e-4)
        assert told["map"].mass > 2 * told["uniform"].mass, f"{found.name} on the {noun}"


def test_words_that_say_little_are_marked_and_get_no_score(scene):
    """Dotted and with a sentence, whatever thing the question names; the tab begins with a word that says something."""
    *_, (kept, *_) = compare_tab.respond(
        str(examples()[0].path), "describe the picture.", "moji-vlm", "moji-blip", "patches"
    )
    for place, found in enumerate(kept.sides):
        assert len(found.leans) == len(found.words) and not says_little(
            found.words[kept.chosen[place]], found.lean(kept.chosen[place])
        )
        little = next(word for word, text in enumerate(found.words) if says_little(text, found.lean(word)))
        *_, (_, *parts) = compare_tab.choose(place, kept, little, "attention")
        told = parts[3 * place + 2]
        assert f"The map of “{found.words[little]}” means little" in told and "of the map lies" not in told
        assert f"#side-words-{place} label:nth-of-type({little + 1}) {{ --mark: dotted" in told
        assert '<table class="scores">' not in told


def test_the_same_word_is_found_in_the_other_answer(scene, sides):
    first, second = sides
    shared = [word for word in first.words if word in second.words]
    assert shared, "both name something of this scene alike"
    for word, text in enumerate(first.words):
        place = same_word(first, word, second)
        assert (place is not None) == (text in second.words)
        assert place is None or second.words[place] == text
    counting = side(load("moji-vlm"), scene, "how many dogs are there?")
    assert same_word(counting, 0, side(load("moji-blip"), scene, "how many dogs are there?")) == 0
    assert same_word(counting, 0, side(load("moji-blip"), scene, "where is the cat?")) is None


def test_families_say_how_they_join_picture_and_words(checkpoint, sides):
    assert "Self-attention" in sides[0].fusion and "Cross-attention" in sides[1].fusion
    assert "twice" in fusion(load(str(checkpoint("blip_vqa"))))
    assert "Encoder" in fusion(load(str(checkpoint("florence2"))))


def test_a_method_that_a_model_has_no_use_for_gives_way_to_its_attention(checkpoint, picture):
    model = load(str(checkpoint("smolvlm")))
    found = side(model, picture, "what is this?", max_new_tokens=8)
    if found.words:  # random weights may spell none
        seen = word_map(model, found.trace, 0, "patches")
        assert seen.method == "attention" and "cut into tiles" in seen.note
        np.testing.assert_array_equal(seen.values, word_map(model, found.trace, 0, "attention").values)
    with pytest.raises(IndexError):
        word_map(model, found.trace, len(found.words))


def test_a_model_that_cannot_be_looked_into_answers_all_the_same(checkpoint, picture):
    closed = load(str(checkpoint("blip_vqa")))
    found = side(closed, picture, "what is this?", max_new_tokens=4)
    assert found.trace is None and found.words == () and "no place in the picture" in found.reason
    assert 0 < found.probability < 1
    with scripted(says("two", " dogs")) as server:
        told = side(load(server.address), picture, "what is this?")
        assert told.text == "two dogs" and told.probability is None and "server" in told.reason
