"""The recipes run small: losses fall, frozen parts stay, a cut run goes on, packed talks equal single ones."""

import json
import os
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from cut_budget import CutBudget
from transformers import AutoTokenizer

from playground.moji.scenes import make_scene
from playground.training import alignment, encoder, instruction, segmentation
from playground.training.checkpoint import carry_over, save_checkpoint
from playground.training.loop import Budget, Run, train
from playground.training.packing import Packer, talks_about
from playground.training.scene_tensors import NAMES, patch_truth, pixel_values
from playground.training.stages import STAGES, part_of, set_learning
from playground.training.vlm import chat_tokenizer, make_processor, make_vlm


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def easy_scenes(rng, size):
    return [make_scene(rng, 1, canvas=192) for _ in range(size)]


def run(folder, steps, batch=8):
    return Run(folder, Budget(steps=steps), batch=batch)


def falls(losses, by=0.9):
    tenth = max(2, len(losses) // 5)
    return np.mean(losses[-tenth:]) < by * np.mean(losses[:tenth])


def test_encoder_learns(tmp_path):
    objective = encoder.EncoderObjective(encoder.make_clip("tiny"))
    batches = encoder.batch_maker(encoder.make_tokenizer(bos=True, eos=True, max_length=64))
    losses = train(run(tmp_path, 12), objective, lambda rng, size, fraction: batches(rng, size, 0.0))
    assert falls(losses)


def test_segmentation_learns_with_the_encoders_frozen(tmp_path):
    clipseg = segmentation.make_clipseg(encoder.make_clip("tiny"))
    before = clipseg.clip.vision_model.encoder.layers[0].mlp.fc1.weight.clone()
    set_learning(clipseg, "segmentation")
    batches = segmentation.batch_maker(encoder.make_tokenizer(bos=True, eos=True, max_length=64))
    losses = train(run(tmp_path, 12, 4), segmentation.SegmentationObjective(clipseg), batches)
    assert falls(losses)
    assert torch.equal(before, clipseg.clip.vision_model.encoder.layers[0].mlp.fc1.weight)


def test_alignment_and_instruction_learn_only_what_their_stage_says(tmp_path, monkeypatch):
    monkeypatch.setattr(instruction, "CURRICULUM", ((1.01, 1),))  # single things: what is learnt shows in few steps
    for recipe in (alignment, instruction):  # in plain looks, for the same reason
        monkeypatch.setattr(recipe, "training_scene", lambda rng, count, share: make_scene(rng, count))
        monkeypatch.setattr(recipe, "share_at", lambda fraction: 0.0)
    vlm = make_vlm(encoder.make_clip("tiny"), "tiny")
    everything = partial(instruction.instruct, stage="everything")
    stages = (
        ("alignment", alignment.align, 60),
        ("instruction", instruction.instruct, 20),
        ("everything", everything, 20),
    )
    for stage, learn, steps in stages:
        before = {name: value.detach().clone() for name, value in vlm.named_parameters()}
        losses = learn(run(tmp_path / stage, steps, 4), vlm)
        assert falls(losses, 0.95), stage
        moved = {part_of(name) for name, value in vlm.named_parameters() if not torch.equal(before[name], value)}
        assert moved == set(STAGES[stage].learns)


def test_a_cut_run_goes_on_where_it_stopped(tmp_path):
    """Ten steps at once, or cut after five and run again: the same losses."""

    def losses_of(*steps):
        torch.manual_seed(0)
        folder = tmp_path / "-".join(map(str, steps))
        losses = []
        for until in steps:
            objective = alignment.AlignmentObjective(make_vlm(encoder.make_clip("tiny"), "tiny"))
            set_learning(objective.vlm, "alignment")
            budget = CutBudget(steps=10, until=until)
            losses += train(Run(folder, budget, batch=4), objective, alignment.make_batch)
        return losses

    whole, cut = losses_of(10), losses_of(5, 10)
    assert len(whole) == len(cut) == 10
    assert cut == pytest.approx(whole, rel=0.02)


def test_a_killed_recipe_resumes(tmp_path, monkeypatch, capsys):
    """The command itself: killed without warning once it has saved, run again, it goes on and finishes."""
    clip, vlm = tmp_path / "clip", tmp_path / "vlm"
    tokenizer = encoder.make_tokenizer(bos=True, eos=True, max_length=64)
    save_checkpoint(encoder.make_clip("tiny"), encoder.CLIPProcessor(encoder.image_processor(), tokenizer), clip)
    command = [sys.executable, "-m", "playground.training.alignment", "--size", "tiny", "--batch", "2"]
    command += ["--clip", str(clip), "--output", str(vlm), "--folder", str(tmp_path / "run")]
    options = dict(cwd=Path(__file__).parents[1], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    cut = subprocess.Popen([*command, "--steps", "100000", "--save-minutes", "0.002"], **options)
    until = time.monotonic() + 120
    while not (tmp_path / "run/state").exists() and time.monotonic() < until:
        time.sleep(0.05)
    cut.kill()
    cut.communicate()
    monkeypatch.setattr(sys, "argv", [*command[2:], "--steps", "1"])  # here, where torch is imported already
    alignment.main()
    again = capsys.readouterr().out
    assert "resumed at step" in again and (vlm / "config.json").exists()
    assert "trains anew" in again and not (tmp_path / "run/state").exists()
    alignment.main()
    anew = capsys.readouterr().out
    assert "resumed" not in anew and '{"step": 1,' in anew


ONE_OF_TWO = """
import sys
from pathlib import Path
import torch
from playground.training import encoder, instruction, loop
from playground.training.checkpoint import save_checkpoint
from playground.training.vlm import make_processor, make_vlm

torch.manual_seed(0)
first, folder = sys.argv[1] == "0", Path(sys.argv[2])
vlm = make_vlm(encoder.make_clip("tiny"), "tiny")
run = loop.Run(folder / "run", loop.Budget(steps=3 if first else 50), batch=1, save_minutes=0 if first else 0.02)
losses = instruction.instruct(run, vlm, "everything")
save_checkpoint(vlm, make_processor(), folder / "vlm")
assert (folder / "vlm/config.json").exists()
loop.conclude(run)
print("told", len(losses), float(vlm.lm_head.weight.double().sum()))
"""


def test_two_processes_stop_together_with_the_same_weights(tmp_path):
    """The second one's budget and clock say otherwise, and the tower's last norm gets no gradient."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # what accelerate launch tells each process
    shared = dict(WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), ACCELERATE_USE_CPU="true")
    options = dict(cwd=Path(__file__).parents[1], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_OF_TWO, rank, str(tmp_path)],
            env=os.environ | shared | {"RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
            **options,
        )
        for rank in "01"
    ]
    try:
        told = [process.communicate(timeout=300)[0] for process in both]
    finally:
        for process in both:
            process.kill()
    one, two = (text.rpartition("told ")[2].split() for text in told)
    assert [process.returncode for process in both] == [0, 0], told
    assert one == two and one[0] == "3", told
    assert "trains anew" in told[0] and not (tmp_path / "run/state").exists()


def test_a_checkpoint_with_another_vocabulary_carries_its_words_over(tmp_path):
    earlier = make_vlm(encoder.make_clip("tiny"), "tiny")
    save_checkpoint(earlier, make_processor(), tmp_path)
    table = json.loads((tmp_path / "tokenizer.json").read_text())
    table["model"]["vocab"] = {
        token: len(table["model"]["vocab"]) - 1 - i for token, i in table["model"]["vocab"].items()
    }
    table["added_tokens"] = [
        token | {"id": table["model"]["vocab"][token["content"]]} for token in table["added_tokens"]
    ]
    (tmp_path / "tokenizer.json").write_text(json.dumps(table))
    later = make_vlm(encoder.make_clip("tiny"), "tiny")
    carry_over(later, tmp_path, chat_tokenizer())
    saved = earlier.get_input_embeddings().weight.to(torch.bfloat16).float()
    had = AutoTokenizer.from_pretrained(tmp_path).convert_tokens_to_ids("▁dog")
    assert had != (has := chat_tokenizer().convert_tokens_to_ids("▁dog"))
    assert torch.equal(later.get_input_embeddings().weight[has], saved[had])


def test_packed_talks_give_what_each_talk_gives_alone(tmp_path):
    vlm = make_vlm(encoder.make_clip("tiny"), "tiny").eval()
    processor = make_processor()
    scene = make_scene(np.random.default_rng(5))
    talks = talks_about(scene, np.random.default_rng(0))
    packer = Packer(processor.tokenizer)
    packed, pixels = packer.pack([talks]), pixel_values([scene])
    together = vlm.model(
        input_ids=packed["input_ids"],
        position_ids=packed["position_ids"],
        attention_mask=packed["attention_mask"],
        pixel_values=pixels,
    ).last_hidden_state[0]
    lengths = [int((packer.pack([[talk]])["input_ids"] != packer.tokenizer.pad_token_id).sum()) - 146 for talk in talks]
    start = 146 + sum(lengths[:5])
    messages = [
        {"role": role, "content": [{"type": "text", "text": text}]}
        for exchange in talks[5]
        for role, text in (("user", exchange.question), ("assistant", exchange.answer))
    ]
    messages[0]["content"].insert(0, {"type": "image", "image": scene.image})
    alone = processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt")
    single = vlm.model(**alone).last_hidden_state[0, 146:]
    assert alone["input_ids"][0, 146:].tolist() == packed["input_ids"][0, start : start + len(single)].tolist()
    assert torch.allclose(together[start : start + len(single)], single, atol=1e-4)


def test_patches_are_named_after_what_covers_them():
    scene = make_scene(np.random.default_rng(2), 1)
    names = patch_truth([scene])["names"][0].reshape(12, 12)
    x, y = scene.things[0].centre
    assert NAMES[names[int(y) // 16, int(x) // 16]] == scene.things[0].name


def test_a_checkpoint_is_small_shards_that_load_again(tmp_path):
    from transformers import AutoModelForImageTextToText, AutoProcessor

    save_checkpoint(make_vlm(encoder.make_clip("tiny"), "tiny"), make_processor(), tmp_path)
    model, info = AutoModelForImageTextToText.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"]
    assert model.lm_head.weight is model.get_input_embeddings().weight
    tokenizer = AutoProcessor.from_pretrained(tmp_path).tokenizer
    assert tokenizer.get_vocab() == chat_tokenizer().get_vocab()
    assert all(path.stat().st_size < 9e6 for path in tmp_path.iterdir())
