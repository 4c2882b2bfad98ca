"""Learning from own answers: rewards are exact, and what is right becomes likelier."""

import numpy as np
import pytest
import torch

from playground.moji.scenes import make_scene
from playground.moji.words import Exchange
from playground.training import encoder
from playground.training.loop import Budget, Run
from playground.training.reward import (
    QUESTIONS,
    WAYS,
    RewardObjective,
    advantages,
    batch_maker,
    learn,
    questions_for,
    reward,
)
from playground.training.stages import STAGES, part_of
from playground.training.vlm import make_processor, make_vlm


@pytest.mark.parametrize(
    ("kind", "said", "worth"),
    [
        ("caption", "A dog and two cats.", 1.0),
        ("caption", "two cats and a dog", 1.0),
        ("caption", "A dog and a cat.", 0.4),
        ("caption", "A bus.", 0.0),
        ("caption", "", 0.0),
        ("count", "three", 1.0),
        ("count", "Three.", 1.0),
        ("count", "Two.", 0.0),
        ("list kind", "Three", 1.0),
    ],
)
def test_an_answer_is_worth_what_the_truth_says(kind, said, worth):
    truth = "A dog and two cats." if kind == "caption" else "Three."
    assert reward(kind, said, truth) == pytest.approx(worth)


def test_advantages_compare_answers_to_one_question_alone():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.2]])
    found = advantages(rewards)
    assert found[0].tolist() == pytest.approx([1, -1, -1, 1], abs=1e-4) and not found[1].any()
    assert found.sum(1).abs().max() < 1e-4 and found[2, 3] > 1


def test_questions_about_a_scene_are_those_whose_answers_add_up():
    drawn = (np.random.default_rng(seed) for seed in range(20))
    exchanges = [each for rng in drawn for each in questions_for(make_scene(rng), rng)]
    assert {each.type for each in exchanges} == set(QUESTIONS)


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    return make_vlm(encoder.make_clip("tiny"), "tiny").state_dict()


def fresh(base):
    vlm = make_vlm(encoder.make_clip("tiny"), "tiny")
    vlm.load_state_dict(base)
    return vlm


@pytest.mark.parametrize("way", WAYS)
def test_every_way_learns_and_a_cut_run_goes_on(way, base, tmp_path):
    vlm, processor = fresh(base), make_processor()
    run = Run(tmp_path, Budget(steps=2), batch=2, save_minutes=0)
    losses = learn(run, vlm, processor, way, samples=2)
    assert len(losses) == 2 and np.isfinite(losses).all()
    moved = {part_of(name) for name, value in vlm.named_parameters() if not torch.equal(base[name], value)}
    assert moved == set(STAGES["reward"].learns)
    again = learn(Run(tmp_path, Budget(steps=3), batch=2, save_minutes=0), fresh(base), processor, way, samples=2)
    assert len(again) == 1, "it goes on where it was cut"


def test_grpo_makes_the_better_answer_likelier(base, monkeypatch):
    """Two fixed answers, one right: after a few steps the right one has gained on the other."""
    vlm, processor = fresh(base), make_processor()
    objective = RewardObjective(vlm, processor, "grpo", samples=2, anchor=0.0)
    batch = batch_maker(processor)(np.random.default_rng(0), 2, 0.5)
    truths = objective._texts(batch["truths"])
    monkeypatch.setattr(objective, "drawn", lambda pixels, asked: [[truth, "Nine cows."] for truth in truths])
    optimizer = torch.optim.SGD(vlm.parameters(), 0.1)

    def gap():
        asked = objective._texts(batch["questions"])
        pairs = [[Exchange("x", q, t), Exchange("x", q, "Nine cows.")] for q, t in zip(asked, truths, strict=True)]
        with torch.no_grad():
            own, length = objective._log_probabilities(vlm, batch["pixels"], pairs)
        return float(((own / length)[:, 0] - (own / length)[:, 1]).mean())

    before = gap()
    for _ in range(4):
        told = objective(**batch)
        optimizer.zero_grad()
        told["loss"].backward()
        optimizer.step()
    assert gap() > before + 0.05 and float(told["reward"]) == pytest.approx(0.5, abs=0.05)


def test_an_unknown_way_is_told(base):
    with pytest.raises(ValueError, match="Choose one of: rejection"):
        RewardObjective(fresh(base), make_processor(), "ppo")
