"""LoRA and preference tuning run small: losses fall, the base stays, a cut run goes on, the adapter loads."""

import json
import math
from collections import Counter

import numpy as np
import pytest
import torch
from cut_budget import CutBudget
from transformers import LlavaForConditionalGeneration

from playground import load
from playground.moji.scenes import make_scene
from playground.moji.words import counts, short_caption
from playground.training import encoder, lora, preference
from playground.training.answers import answer_logits
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import Budget, Run, train
from playground.training.packing import Packer
from playground.training.scene_tensors import pixel_values
from playground.training.scoring import parse_caption
from playground.training.stages import part_of, set_learning
from playground.training.vlm import chat_tokenizer, make_processor, make_vlm


def scenes(count, first=0):
    return [make_scene(np.random.default_rng(seed)) for seed in range(first, first + count)]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny base checkpoint that knows nothing."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("base") / "base"
    save_checkpoint(make_vlm(encoder.make_clip("tiny"), "tiny"), make_processor(), folder)
    return folder


def fresh(base):
    return LlavaForConditionalGeneration.from_pretrained(base, dtype=torch.float32)


@pytest.fixture(scope="module")
def adapted(base, tmp_path_factory):
    """The base with an adapter after a few steps, and their losses; the adapter lies beside the base."""
    vlm = fresh(base)
    folder = tmp_path_factory.mktemp("run")
    losses = lora.adapt(Run(folder, Budget(steps=12), batch=4), vlm, chat_tokenizer(), rank=4)
    lora.save_adapter(vlm, base, base.parent / "json")
    return vlm, losses, base.parent / "json"


def test_lora_learns_and_leaves_the_base_as_it_was(base, adapted):
    vlm, losses, _ = adapted
    assert np.mean(losses[-3:]) < 0.95 * np.mean(losses[:3])
    had = fresh(base).state_dict()
    has = {
        name.replace("token_adapter.", "").replace("base_layer.", ""): value for name, value in vlm.state_dict().items()
    }
    assert all(torch.equal(value, has[name]) for name, value in had.items())
    assert {part_of(name) for name, value in vlm.named_parameters() if value.requires_grad} == {"adapters"}


def test_the_adapter_is_small_and_every_way_of_loading_it_gives_the_same_model(base, adapted, tmp_path):
    vlm, _, folder = adapted
    assert (folder / "adapter_model.safetensors").stat().st_size < 50_000
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "../base"
    lora.merge(base, folder, tmp_path)
    batch = lora.batch_maker(chat_tokenizer())(np.random.default_rng(1), 2, 0.0)
    with torch.no_grad():
        wanted, without = answer_logits(vlm, **batch)[0], answer_logits(fresh(base), **batch)[0]
        loaded, merged = answer_logits(load(str(folder)).model, **batch)[0], answer_logits(fresh(tmp_path), **batch)[0]
    assert (wanted - without).abs().max() > 0.2
    assert torch.allclose(loaded, wanted, atol=0.02) and torch.allclose(merged, wanted, atol=0.02)


def test_json_answers_survive_the_tokenizer_and_say_what_is_there():
    tokenizer = chat_tokenizer()
    for scene in scenes(60):
        answer = lora.json_answer(scene)
        assert isinstance(json.loads(answer), list)
        assert tokenizer.decode(tokenizer(answer, add_special_tokens=False).input_ids) == answer
        assert lora.read_json(answer) == counts(scene)


def test_what_is_no_list_of_numbers_and_names_is_no_valid_json():
    assert lora.read_json('["2 dogs", "1 red circle", "1 dog"]') == Counter({"dog": 3, "red circle": 1})
    for wrong in (
        "a dog.",
        '["2 dogs", "1 cat"',
        '{"dog": 2}',
        '["dogs"]',
        '["two dogs"]',
        "3",
        "[2]",
        '["2 dogs" "1 cat"]',
    ):
        assert lora.read_json(wrong) is None, wrong


def test_new_tokens_are_the_marks_that_json_needs_and_captions_do_not():
    tokenizer = chat_tokenizer()

    def marks(texts):
        tokens = {token for text in texts for token in tokenizer.tokenize(text)}
        return {token for token in tokens if len(token) == 1 and not token.isalpha()}

    needed = marks(map(lora.json_answer, scenes(60))) - marks(map(short_caption, scenes(60)))
    assert {"[", "]", '"', "1", "2"} <= needed
    assert needed <= set(tokenizer.convert_ids_to_tokens(lora.new_tokens(tokenizer)))


def test_preference_tuning_learns_from_where_the_reference_stands(base, tmp_path):
    """At the start both models are the same, so every margin is 0 and the loss log 2; then it falls."""
    vlm = fresh(base)
    losses = preference.prefer(Run(tmp_path, Budget(steps=8), batch=4, rate=10), vlm, make_processor(), 1.0, anchor=0.0)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-3)
    assert np.mean(losses[-3:]) < 0.98 * math.log(2)
    before = fresh(base).state_dict()
    moved = {part_of(name) for name, value in vlm.named_parameters() if not torch.equal(before[name], value)}
    assert moved == {"language model"}


def test_rejected_answers_are_false_and_chosen_ones_true():
    for seed, scene in enumerate(scenes(80)):
        rng = np.random.default_rng(seed)
        own = ("a dog.", short_caption(scene))[seed % 2]
        pairs = preference.pairs_about(scene, rng, own)
        assert [chosen.type for chosen, _ in pairs] == ["caption", "exists", "exists", "count"]
        for chosen, rejected in pairs:
            assert chosen.question == rejected.question and chosen.answer != rejected.answer
        caption, wrong = (exchange.answer for exchange in pairs[0])
        assert parse_caption(caption) == counts(scene) != parse_caption(wrong)
        if own.lower() != caption.lower() and counts(scene) != Counter({"dog": 1}):
            assert wrong == own
        else:
            assert parse_caption(wrong).keys() - counts(scene).keys(), "something is invented"


def test_answers_in_a_pack_have_the_probabilities_that_they_have_alone(base):
    vlm, packer, (one, two) = fresh(base), Packer(chat_tokenizer()), scenes(2)
    talks = [
        [(exchange,) for pair in preference.pairs_about(scene, np.random.default_rng(0), "") for exchange in pair]
        for scene in (one, two)
    ]
    objective = preference.PreferenceObjective(vlm)
    with torch.no_grad():
        packed = packer.pack(talks) | {"pixels": pixel_values([one, two])}
        together, lengths = objective.answer_log_probabilities(vlm, packed)
        for scene, own, found in ((one, talks[0], together[:4]), (two, talks[1], together[4:])):
            for pair, each in zip(zip(own[::2], own[1::2], strict=True), found, strict=True):
                for talk, value in zip(pair, each, strict=True):
                    logits, target = answer_logits(vlm, pixel_values([scene]), **packer.pack([[talk]]))
                    alone = logits.log_softmax(-1).gather(-1, target[:, None]).sum()
                    assert len(target) in lengths
                    assert value.item() == pytest.approx(alone.item(), abs=1e-3)


def test_chair_counts_what_is_invented():
    truths = [Counter({"dog": 2, "cat": 1}), Counter({"bus": 1})]
    score = preference.chair(["two dogs and a taxi.", "a bus."], truths)
    assert score == {"chair_i": 1 / 3, "chair_s": 1 / 2, "named": 2 / 3, "exact": 1 / 2}


def lora_objective(vlm):
    torch.manual_seed(1)  # the thin matrices start at random
    lora.add_adapter(vlm, chat_tokenizer(), 4)
    set_learning(vlm, "lora")
    return lora.AnswerObjective(vlm), lora.batch_maker(chat_tokenizer())


def preference_objective(vlm):
    objective = preference.PreferenceObjective(vlm)
    set_learning(vlm, "preference")
    return objective, preference.batch_maker(objective.reference, make_processor())


@pytest.mark.parametrize("make", [lora_objective, preference_objective])
def test_a_cut_run_goes_on_where_it_stopped(base, tmp_path, make):
    """Four steps at once, or cut after two and run again: the same losses."""

    def losses_of(*steps):
        losses = []
        for until in steps:
            objective, batches = make(fresh(base))
            run = Run(tmp_path / "-".join(map(str, steps)), CutBudget(steps=4, until=until), batch=2)
            losses += train(run, objective, batches, matrix_rate=2e-3, other_rate=2e-3)
        return losses

    whole, cut = losses_of(4), losses_of(2, 4)
    assert len(whole) == len(cut) == 4
    assert cut == pytest.approx(whole, rel=0.01)
    assert whole[-1] < whole[0]
