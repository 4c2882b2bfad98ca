"""The recipe of moji-blip, small: it learns, resumes, packs talks without mixing them, and its checkpoint answers."""

import numpy as np
import pytest
import torch
from cut_budget import CutBudget
from transformers import AutoModelForImageTextToText, AutoProcessor, CLIPModel

from playground import load
from playground.models.messages import Message
from playground.moji.scenes import make_scene
from playground.training import blip, encoder
from playground.training.blip_model import CONTEXT, make_blip, make_processor
from playground.training.blip_packing import ROWS, WIDTH, RowPacker
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import Budget, Run
from playground.training.packing import talks_about
from playground.training.scene_tensors import pixel_values
from playground.training.stages import STAGES, part_of


@pytest.fixture(autouse=True)
def fixed_seed():
    torch.manual_seed(0)


def tiny():
    """A tiny model and the tiny CLIP it starts from."""
    clip = encoder.make_clip("tiny")
    return make_blip(clip, "tiny"), clip


def test_everything_learns(tmp_path):
    model, clip = tiny()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    losses = blip.learn(Run(tmp_path, Budget(steps=25), batch=4), model, clip)
    talking = losses[int(blip.ALIGN_SHARE * 25) + 1 :]
    assert np.mean(talking[-5:]) < 0.85 * np.mean(talking[:5])
    moved = {part_of(name) for name, value in model.named_parameters() if not torch.equal(before[name], value)}
    assert moved == set(STAGES["blip"].learns)


def test_a_cut_run_goes_on_where_it_stopped(tmp_path):
    def losses_of(*cuts):
        torch.manual_seed(0)
        losses = []
        for until in cuts:
            run = Run(tmp_path / str(cuts), CutBudget(steps=6, until=until), batch=2)
            losses += blip.learn(run, *tiny())
        return losses

    whole, cut = losses_of(6), losses_of(3, 6)
    assert len(whole) == len(cut) == 6
    assert cut == pytest.approx(whole, rel=0.02)


def test_packed_talks_give_what_the_official_model_gives_each_alone():
    model, _ = tiny()
    scenes = [make_scene(np.random.default_rng(seed)) for seed in (5, 6)]
    rng = np.random.default_rng(0)
    packed = RowPacker(make_processor().tokenizer).pack(scenes, [talks_about(scene, rng) for scene in scenes], rng)
    ids, positions, talks = packed["input_ids"], packed["position_ids"], packed["talks"]
    assert ids.shape == (2 * ROWS, WIDTH)
    seen = model.vision_model(pixel_values(scenes)).last_hidden_state
    looks = (talks[:, :, None] == talks[:, None]) & torch.ones(WIDTH, WIDTH, dtype=torch.bool).tril()
    together = blip.decode(model, ids, positions, looks[:, None], seen)
    for row in (0, ROWS):
        for talk in range(int(talks[row].max()) + 1):
            at = talks[row] == talk
            alone = model.text_decoder.bert(
                input_ids=ids[row, at][None],
                position_ids=positions[row, at][None],
                encoder_hidden_states=seen[row // ROWS][None],
                is_decoder=True,
            ).last_hidden_state[0]
            assert torch.allclose(together[row, at], alone, atol=1e-4)


def test_long_talks_meet_no_position_that_training_never_showed():
    packer, rng = RowPacker(make_processor().tokenizer), np.random.default_rng(0)
    scene = make_scene(rng)
    shown = torch.cat([packer.pack([scene], [talks_about(scene, rng)], rng)["position_ids"] for _ in range(60)])
    assert len(shown.unique()) > 0.98 * CONTEXT


def test_the_tower_starts_from_what_moji_clip_sees():
    clip = CLIPModel.from_pretrained("assets/moji/moji-clip", dtype=torch.float32).eval()
    tower = make_blip(clip).vision_model
    pixels = pixel_values([make_scene(np.random.default_rng(seed)) for seed in range(4)])
    with torch.no_grad():
        wanted = clip.vision_model.post_layernorm(clip.vision_model(pixels).last_hidden_state)
        found = tower(pixels).last_hidden_state
    assert torch.cosine_similarity(found, wanted, dim=-1).mean() > 0.95


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("moji-blip")
    save_checkpoint(tiny()[0], make_processor(), path)
    return path


def test_the_checkpoint_loads_whole_and_is_asked_as_in_training(folder):
    processor = AutoProcessor.from_pretrained(folder)
    model, info = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    assert not info["missing_keys"]
    scene = make_scene(np.random.default_rng(5))
    talk = next(talk for talk in talks_about(scene, np.random.default_rng(0)) if len(talk) > 1)
    messages = [
        {"role": role, "content": text}
        for exchange in talk
        for role, text in (("user", exchange.question), ("assistant", exchange.answer))
    ][:-1]
    prompt = processor.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    inputs = processor(images=scene.image, text=prompt, return_tensors="pt")
    trained = RowPacker(processor.tokenizer).talk(talk)[0]
    output = model.generate(**inputs, max_new_tokens=5)[0].tolist()
    length = inputs["input_ids"].shape[1] - 1  # generate drops the end mark
    assert output[:length] == trained[:length]
    chat = load(str(folder))
    history = [Message(message["role"], message["content"]) for message in messages]
    history[0] = Message("user", messages[0]["content"], (scene.image,))
    assert chat.generate(history, max_new_tokens=5).text == processor.decode(output[length:], skip_special_tokens=True)
