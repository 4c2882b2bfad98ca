"""Methods say which part of a picture a word comes from: maps of the right shape, by the papers' definitions."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from families import CHAT_FAMILIES
from PIL import Image

from playground import load
from playground.interpret.forward.image_dependence import BLANK, blank, image_dependence, says_little
from playground.interpret.forward.logit_lens import logit_lens
from playground.interpret.forward.propagate_relevance import image_tokens, propagate_relevance
from playground.interpret.forward.teacher_forcing import probabilities, teacher_forced_forward
from playground.interpret.methods import METHODS, CannotExplain, Method, explain, reason
from playground.interpret.methods.activation import rank_gaussian
from playground.interpret.methods.occlusion import _covers
from playground.interpret.methods.patches import _blurred
from playground.interpret.metrics.score import mass_inside
from playground.interpret.trace import Trace, Word, trace, trace_picture
from playground.models.chat import ChatModel
from playground.models.messages import Message
from playground.moji.scenes import make_scene
from playground.tasks.maps import answer_maps
from playground.ui.tabs.attention.view import method_parts

RUN = [name for name, method in METHODS.items() if method.needs == "run"]


def ask(*images: Image.Image, text: str = "what is this ?") -> list[Message]:
    return [Message("user", text, images)]


@pytest.fixture(scope="module")
def moji() -> ChatModel:
    return load("moji-vlm")


@pytest.fixture(scope="module")
def scene():
    names = [("dog", "", "noto"), ("circle", "red", "")]
    return make_scene(np.random.default_rng(5), 2, names=names, ground="plain")


@pytest.fixture(scope="module")
def seen(moji, scene) -> Trace:
    """What moji-vlm says about a dog and a red circle."""
    return trace(moji, ask(scene.image, text="describe the picture."))


def place_of(seen: Trace, text: str) -> int:
    return [word.text for word in seen.words].index(text)


def mask_of(scene, noun: str) -> np.ndarray:
    return scene.mask([thing.noun for thing in scene.things].index(noun))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_draws_a_map_of_every_word(moji, seen, method):
    for word in range(len(seen.words)):
        values = explain(method, moji, seen, word)
        assert values.shape == (192, 192) and values.dtype == np.float32
        assert values.min() >= 0 and (values.sum() == 0 or values.sum() == pytest.approx(1, abs=1e-4))
    assert explain(method, moji, seen, place_of(seen, "dog")).sum() > 0


def test_a_method_is_one_file_and_one_line(moji, seen, monkeypatch):
    """What its file says is all that anything asks of it: the Attention tab, the memory that it takes, the reasons."""
    for name, method in METHODS.items():
        assert method.name == name and method.explain.__module__ == f"playground.interpret.methods.{name}"
        assert method.label and method.paper and method.about.endswith(".")

    def explain_evenly(model, trace, word, *, image=0):
        return np.full((192, 192), 1 / 192**2, np.float32)

    even = Method("even", "Evenly", "nobody", "nothing at all.", explain_evenly, "run", keeps=("hidden",))
    monkeypatch.setitem(METHODS, "even", even)
    assert explain("even", moji, seen, 0).sum() == pytest.approx(1, abs=1e-4) and reason("even", moji, seen) is None
    looked = answer_maps(seen, moji)
    parts = method_parts(looked, "even")
    assert "Evenly: nothing at all. nobody" in parts["about"] and ("Evenly", "even") in parts["method"].choices
    monkeypatch.setitem(METHODS, "even", replace(even, refuses=lambda model, trace: "Not on Thursdays."))
    with pytest.raises(CannotExplain, match="Not on Thursdays"):
        explain("even", moji, seen, 0)


@pytest.mark.parametrize("method", ["occlusion", "relevance", "patches"])
def test_a_thing_is_found_where_it_stands(moji, seen, scene, method):
    for noun in ("dog", "circle"):
        mask = mask_of(scene, noun)
        inside = mass_inside(explain(method, moji, seen, place_of(seen, noun)), mask)
        assert inside > 2 * mask.mean(), f"{noun}: {inside:.2f} of the map, {mask.mean():.2f} of the picture"


@pytest.mark.parametrize("family", [name for name in CHAT_FAMILIES if name != "blip_vqa"])
def test_a_given_answer_is_as_likely_as_when_it_was_chosen(checkpoint, picture, family):
    """The run that the methods look into is the run that gave the answer: tiles, windows, cross-attention and all."""
    model = load(str(checkpoint(family)))
    answered = _answered(model, picture)
    said = np.array([piece.probability for piece in answered.pieces])
    ids = [piece.token_id for piece in answered.pieces]
    free = slice(1, None) if family == "florence2" else slice(None)  # its first token is forced
    for asked in ({}, {"attention": True, "gradients": True}, {"features": True, "hidden": True, "gradients": True}):
        run = teacher_forced_forward(model, answered, **asked)
        likely = run.logits.softmax(-1)[range(len(ids)), ids].detach().numpy()
        np.testing.assert_allclose(likely[free], said[free], atol=1e-5)
    other = blank(picture)
    together = probabilities(model, answered, [[picture], [other], [picture]], batch=3)
    np.testing.assert_allclose(together[0][free], said[free], atol=1e-5)
    np.testing.assert_allclose(together[1], probabilities(model, answered, [[other]])[0], atol=1e-5)
    assert not np.allclose(together[0], together[1], atol=1e-7)


def _answered(model: ChatModel, picture: Image.Image):
    """What a trace has that a run needs, without attention: for families whose attention is not recorded as well."""
    messages = tuple(ask(picture))
    return SimpleNamespace(messages=messages, pieces=model.generate(messages, max_new_tokens=6).pieces)


@pytest.mark.parametrize("family", ["smolvlm", "qwen2_5_vl"])
@pytest.mark.parametrize("method", [name for name in METHODS if name != "occlusion"])
def test_methods_work_on_tiles_and_merged_patches(checkpoint, picture, family, method):
    model = load(str(checkpoint(family)))
    answered = trace(model, ask(picture, picture.rotate(180)), max_new_tokens=4)
    if (method, family) == ("patches", "smolvlm"):
        with pytest.raises(CannotExplain, match="cut into tiles"):
            explain(method, model, answered, 0)
        return
    first, second = (explain(method, model, answered, 0, image=image) for image in (0, 1))
    assert first.shape == second.shape == (120, 160)
    assert min(first.min(), second.min()) >= 0 and first.sum() + second.sum() > 0


@pytest.mark.parametrize("family", ["blip_chat", "florence2", "gemma3"])
def test_methods_work_through_cross_attention_and_windows(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    answered = trace(model, ask(picture), max_new_tokens=4)
    answered = replace(answered, words=(Word("second", (1,), 0.5),))  # random weights may spell no word
    able = [method for method in METHODS if reason(method, model) is None]
    unable = {"blip_chat": {"activation"}, "florence2": {"activation", "patches"}, "gemma3": set()}
    assert set(METHODS) - {*able} == unable[family]
    for method in able:
        values = explain(method, model, answered, 0)
        assert values.shape == (120, 160) and values.dtype == np.float32 and values.min() >= 0, method
        assert values.sum() == pytest.approx(1, abs=1e-4) or method in ("gradcam", "hirescam", "occlusion", "sinks")


def test_attention_that_is_kept_whole_is_what_was_recorded(moji, seen):
    run = teacher_forced_forward(moji, seen, attention=True)
    rows = slice(run.rows, run.rows + len(seen.pieces))
    for layer in range(seen.layers):
        whole = run.attention[layer][0][:, rows][..., image_tokens(seen)].transpose(0, 1)
        np.testing.assert_allclose(whole, seen.attention[:, layer], atol=2e-5)


def test_walking_back_is_the_product_of_all_layers():
    torch.manual_seed(0)
    squares = [torch.rand(5, 5).tril().softmax(-1) for _ in range(3)]
    identity = torch.eye(5)
    half = [0.5 * square + 0.5 * identity for square in squares]
    torch.testing.assert_close(propagate_relevance(4, squares, keep=0.5, pass_on=0.5), (half[2] @ half[1] @ half[0])[4])
    # With cross-attention: words and picture as one sequence of 5 + 4.
    cross = [torch.rand(5, 4).softmax(-1) for _ in range(3)]
    joint = torch.eye(9)
    for square, look in zip(squares, cross, strict=True):
        own, seen = torch.eye(9), torch.eye(9)
        own[:5, :5] = 0.5 * identity + 0.5 * square
        seen[:5, :5], seen[:5, 5:] = 0.5 * identity, 0.5 * look
        joint = seen @ own @ joint
    torch.testing.assert_close(propagate_relevance(4, squares, cross, keep=0.5, pass_on=0.5), joint[4, 5:])


def test_rollout_loses_nothing(moji, seen):
    """What is not in the picture's tokens came from the words: the shares of all tokens sum to 1."""
    run = teacher_forced_forward(moji, seen, attention=True)
    merged = [heads.mean(0) for (heads,) in run.attention]
    shares = propagate_relevance(run.rows, merged, keep=0.5, pass_on=0.5)
    assert float(shares.sum()) == pytest.approx(1, abs=1e-4)
    assert 0 < float(shares[image_tokens(seen)].sum()) < 1


def test_words_that_need_no_picture_do_not_lean_on_it(moji, seen):
    leans = dict(zip([word.text for word in seen.words], image_dependence(moji, seen), strict=True))
    assert leans["dog"] > BLANK > leans["."], leans
    assert all(0 <= lean <= 1 for lean in leans.values())


def test_occlusion_runs_once_for_all_words_of_an_answer(moji, seen, monkeypatch):
    first = explain("occlusion", moji, seen, place_of(seen, "dog"))
    monkeypatch.setattr("playground.interpret.methods.occlusion.probabilities", None)  # calling it would raise
    second = explain("occlusion", moji, seen, place_of(seen, "circle"))
    assert not np.allclose(first, second)


def test_the_lens_reads_every_layer(moji, seen):
    lens = logit_lens(moji, seen)
    assert len(lens.words) == seen.layers + 1 and {len(row) for row in lens.words} == {144}
    assert lens.probability.shape == (seen.layers + 1, 144)
    assert lens.probability.min() > 0 and lens.probability.max() <= 1


def test_the_lens_ends_where_the_model_ends(moji, seen):
    """At the last layer the lens is the model's own prediction of what follows each image token."""
    lens = logit_lens(moji, seen)
    with torch.inference_mode():
        logits = moji.model(**moji.prepare(seen.messages)).logits[0, image_tokens(seen)]
    best = logits.float().softmax(-1).max(-1)
    np.testing.assert_allclose(lens.probability[-1], best.values, atol=1e-4)
    assert lens.words[-1][0] == moji.processor.tokenizer.decode([int(best.indices[0])])


@pytest.mark.parametrize("method", RUN)
def test_a_method_leaves_the_model_as_it_was(moji, seen, method):
    before = moji.generate(seen.messages, max_new_tokens=8)
    attention = moji.model.config.text_config._attn_implementation
    explain(method, moji, seen, 0)
    assert moji.model.config.text_config._attn_implementation == attention
    assert not any(weight.requires_grad or weight.grad is not None for weight in moji.model.parameters())
    assert moji.generate(seen.messages, max_new_tokens=8).pieces == before.pieces


def test_layers_and_heads_are_chosen(moji, seen):
    word = place_of(seen, "dog")
    for method in ("attention", "sinks", "rollout", "relevance", "activation"):
        one, other = (explain(method, moji, seen, word, layer=layer, head=0) for layer in (0, seen.layers - 1))
        assert not np.allclose(one, other), method
    for method in METHODS:  # also those that look at no layer or head
        for wrong in ({"layer": 99}, {"head": seen.heads}, {"image": 1}):
            with pytest.raises(IndexError, match="There is no"):
                explain(method, moji, seen, word, **wrong)


def test_sinks_are_what_every_word_looks_at(moji, seen):
    """A column that has the same share in all rows is not in the map, however large the share."""
    rows = np.array(np.asarray(seen.attention))
    rows[..., 7] = 0.9
    sinking = replace(seen, attention=rows)
    word = place_of(seen, "dog")
    top, left = 0, 7 * 16  # patch 7 of the first row
    assert explain("attention", None, sinking, word)[top : top + 16, left : left + 16].sum() > 0.4
    assert explain("sinks", None, sinking, word)[top : top + 16, left : left + 16].sum() == pytest.approx(0, abs=1e-6)


def test_a_lone_peak_is_smoothed_away_and_a_plain_grid_stays():
    grid = np.zeros((6, 6))
    grid[2, 2] = 1
    assert rank_gaussian(grid).max() < 0.15
    np.testing.assert_allclose(rank_gaussian(np.full((4, 4), 0.3)), 0.3)
    np.testing.assert_allclose(rank_gaussian(np.array([[3.0]])), 3)


def test_the_middle_of_what_was_found_becomes_the_highest():
    """A patch at the edge of a thing, a little higher than its neighbours, is not where the thing is."""
    grid = np.zeros((6, 9))
    grid[1:4, 3:6] = 1
    grid[1, 4] = 1.2
    assert np.unravel_index(_blurred(grid).argmax(), grid.shape) == (2, 4)
    np.testing.assert_allclose(_blurred(grid.T), _blurred(grid).T)
    assert not _blurred(np.zeros((1, 4))).any()


def test_covers_reach_every_pixel_and_stay_inside():
    hidden = np.zeros((50, 90), int)
    for x0, y0, x1, y1 in _covers((90, 50), 0.25, 12):
        assert 0 <= x0 < x1 <= 90 and 0 <= y0 < y1 <= 50
        hidden[y0:y1, x0:x1] += 1
    assert hidden.min() > 0


def test_what_cannot_be_explained_says_why(checkpoint, moji, seen):
    with pytest.raises(CannotExplain, match="There is no method “magic”; there are attention, sinks"):
        explain("magic", moji, seen, 0)
    with pytest.raises(CannotExplain, match="load the model"):
        explain("gradcam", None, seen, 0)
    crossing = load(str(checkpoint("blip_chat")))
    assert "never reaches the output head" in reason("activation", crossing)
    assert reason("gradcam", crossing) is None
    with pytest.raises(CannotExplain, match="never reaches"):
        logit_lens(crossing, seen)
    assert all(reason(method, moji) is None for method in METHODS)
    assert "server" in reason("gradcam", object())
    with pytest.raises(IndexError):
        explain("attention", None, seen, 99)


def test_function_words_marks_and_words_that_hardly_lean_say_little(moji, seen):
    for text in ("the", "A", "of", ".", "…"):
        assert says_little(text) and says_little(text, 1.0)
    assert says_little("dog", BLANK / 2) and not says_little("dog", 0.9) and not says_little("dog")


def test_a_picture_in_tiles_has_no_way_down_to_its_patches(checkpoint, picture):
    model = load(str(checkpoint("smolvlm")))
    tiled = trace_picture(model, picture, "what ?", max_new_tokens=1)
    assert reason("patches", model) is None and "tiles" in reason("patches", model, tiled)
