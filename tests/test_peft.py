"""PEFT adapters: a folder or Hub id with an adapter is its base with the adapter on top."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from refusals import refusal
from safetensors.torch import load_file
from transformers import CLIPModel, LlavaForConditionalGeneration

from playground import load
from playground.checkpoints.catalog import find
from playground.models.chat import ChatModel
from playground.models.messages import Message
from playground.tasks.answer import calibration_of

MOJI = Path(find("moji-vlm").source)
QUESTION = [Message("user", "what is this ?", (Image.effect_noise((90, 60), 90).convert("RGB"),))]


def write_adapter(folder: Path, base: Path, architecture: type = LlavaForConditionalGeneration, **options) -> Path:
    """A LoRA adapter as the package peft saves it, with random weights, so that it changes what the model says."""
    torch.manual_seed(0)
    names = {"r": 4, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, **options}
    model = get_peft_model(architecture.from_pretrained(base), LoraConfig(**names))
    model.save_pretrained(folder)
    return folder


def say_of_base(folder: Path, base: object) -> None:
    """Write another base into the adapter's config."""
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "base_model_name_or_path": base}))


@pytest.fixture(scope="module")
def adapter(checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("peft") / "adapter", checkpoint("llava_clip"))


@pytest.fixture
def copy(adapter: Path, tmp_path: Path) -> Path:
    """An adapter of one's own, to damage."""
    return Path(shutil.copytree(adapter, tmp_path / "adapter"))


def probabilities(model: ChatModel) -> list[float]:
    return [piece.probability for piece in model.generate(QUESTION, max_new_tokens=4).pieces]


def test_an_adapter_changes_its_base_as_merging_it_would(checkpoint, adapter, tmp_path):
    from peft import PeftModel

    merged = PeftModel.from_pretrained(LlavaForConditionalGeneration.from_pretrained(checkpoint("llava_clip")), adapter)
    shutil.copytree(checkpoint("llava_clip"), tmp_path / "merged")
    merged.merge_and_unload().save_pretrained(tmp_path / "merged")
    adapted, alone = load(str(adapter)), load(str(checkpoint("llava_clip")))
    assert isinstance(adapted, ChatModel) and adapted.attention_reason is None
    assert probabilities(adapted) != probabilities(alone)
    assert probabilities(adapted) == pytest.approx(probabilities(load(str(tmp_path / "merged"))), abs=1e-5)
    assert not any(weight.requires_grad for weight in adapted.model.parameters())


@pytest.mark.parametrize("base", ["moji-vlm", str(MOJI)])
def test_an_adapter_on_moji_knows_what_moji_knows(tmp_path, base):
    folder = write_adapter(tmp_path / "adapter", MOJI)
    say_of_base(folder, base)
    adapted = load(str(folder))
    assert adapted.entry is find("moji-vlm") and adapted.model.dtype == torch.float32
    assert probabilities(adapted) != probabilities(load("moji-vlm"))
    assert load("moji-vlm").entry is find("moji-vlm")
    calibrations = [calibration_of(model)[0] for model in (adapted, load("moji-vlm"))]
    assert calibrations[0] is None and calibrations[1] is not None  # other weights, other shares


def test_an_adapter_of_an_encoder(checkpoint, tmp_path):
    adapted = load(str(write_adapter(tmp_path / "adapter", checkpoint("clip"), CLIPModel)))
    plain = load(str(checkpoint("clip")))
    assert not torch.allclose(adapted.embed_texts(["a dog"]), plain.embed_texts(["a dog"]))


def test_a_base_beside_the_adapter_is_found(checkpoint, copy):
    shutil.copytree(checkpoint("llava_clip"), copy.parent / "base")
    say_of_base(copy, "../base")
    assert isinstance(load(str(copy)), ChatModel)


def test_a_base_that_is_not_to_be_had(copy, adapter):
    say_of_base(copy, "somebody/some-model")
    said = refusal(copy)
    assert "is an adapter for “somebody/some-model”, which cannot be loaded" in said and "cannot be reached" in said
    say_of_base(copy, "/gone/base")
    assert "is an adapter for “/gone/base”" in refusal(copy)
    say_of_base(copy, None)
    assert "write that model's name into base_model_name_or_path" in refusal(copy)
    say_of_base(copy, str(adapter))
    assert "is an adapter itself: merge that one first" in refusal(copy)
    (copy / "adapter_config.json").write_text("{")
    assert "adapter_config.json" in refusal(copy) and "not valid JSON" in refusal(copy)


def test_an_adapter_whose_weights_are_not_whole_and_safe(copy):
    file = copy / "adapter_model.safetensors"
    weights, whole = load_file(file), file.read_bytes()
    file.write_bytes(whole[:-10])
    assert "adapter_model.safetensors" in refusal(copy) and "cut off" in refusal(copy)
    file.unlink()
    assert "adapter_model.safetensors is missing" in refusal(copy)
    torch.save(weights, copy / "adapter_model.bin")
    assert "only safetensors are accepted" in refusal(copy)


def test_an_adapter_of_another_model(checkpoint, copy):
    say_of_base(copy, str(checkpoint("smolvlm")))
    said = refusal(copy)
    assert "does not fit" in said and "base_model_name_or_path" in said and "vision_model.encoder" in said
