"""Every kind of PEFT adapter answers as `peft` itself makes it answer, with what else its author saved."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
import torch
from peft import LoraConfig
from PIL import Image
from refusals import refusal
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, LlavaForConditionalGeneration

from playground import load
from playground.models.messages import Message
from playground.models.prompt import prepare

QUESTION = [Message("user", "what is this ?", (Image.effect_noise((90, 60), 90).convert("RGB"),))]
THIN = dict(r=4, target_modules=["q_proj", "v_proj"])


def grown(model: LlavaForConditionalGeneration) -> None:
    """As an author does who adds three tokens."""
    model.resize_token_embeddings(model.config.text_config.vocab_size + 3)


def shrunk(model: LlavaForConditionalGeneration) -> None:
    """As an author does who makes the embeddings as long as the tokenizer."""
    model.resize_token_embeddings(model.config.text_config.vocab_size - 2)


SAVED = ["embed_tokens", "lm_head"]
KINDS: dict[str, tuple[peft.PeftConfig, Callable | None, str]] = {
    "DoRA": (LoraConfig(**THIN, use_dora=True), None, ""),
    "rsLoRA": (LoraConfig(**THIN, use_rslora=True), None, ""),
    "a layer trained whole": (LoraConfig(**THIN, modules_to_save=["multi_modal_projector"]), None, ""),
    "added tokens": (LoraConfig(**THIN, modules_to_save=SAVED), grown, ""),
    "fewer tokens": (LoraConfig(**THIN, modules_to_save=SAVED), shrunk, ""),
    "some tokens": (LoraConfig(**THIN, trainable_token_indices=[5, 6]), None, ""),
    "embeddings": (LoraConfig(r=4, target_modules=["embed_tokens", "q_proj"]), None, ""),
    "biases": (LoraConfig(**THIN, bias="all"), None, ""),
    "by a pattern": (LoraConfig(r=4, target_modules=r".*language_model.*q_proj"), None, ""),
    "on a part": (LoraConfig(**THIN), None, "model.language_model"),
    "IA3": (peft.IA3Config(target_modules=["q_proj", "down_proj"], feedforward_modules=["down_proj"]), None, ""),
    "LoHa": (peft.LoHaConfig(r=4, target_modules=["q_proj"]), None, ""),
}


def written(
    folder: Path, base: Path, config: peft.PeftConfig, change: Callable | None = None, part: str = ""
) -> LlavaForConditionalGeneration:
    """Write an adapter of random weights; returns the model that its author had."""
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration.from_pretrained(base)
    if change:
        change(model)
    adapted = peft.get_peft_model(model.get_submodule(part), config)
    with torch.no_grad():
        for weight in adapted.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.1)
    adapted.save_pretrained(folder)
    said = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**said, "base_model_name_or_path": str(base)}))
    return model.eval()


def logits(model, processor) -> torch.Tensor:
    with torch.no_grad():
        return model(**prepare(model, processor, QUESTION)).logits[0, -1]


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_its_author_saw(checkpoint, tmp_path, kind):
    author = written(tmp_path, checkpoint("llava_clip"), *KINDS[kind])
    found = load(str(tmp_path), dtype="float32")
    assert torch.allclose(logits(found.model, found.processor), logits(author, found.processor), atol=1e-4)
    assert found.generate(QUESTION, max_new_tokens=2).pieces and found.attention_reason is None


def test_an_adapters_own_tokenizer_and_template(checkpoint, tmp_path):
    base = checkpoint("llava_clip")
    author = written(tmp_path, base, LoraConfig(**THIN, modules_to_save=SAVED), grown)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["<task>"], special_tokens=True)
    template = "<task>" + (base / "chat_template.jinja").read_text()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(template)
    found = load(str(tmp_path), dtype="float32")
    ids = found.prepare(QUESTION)["input_ids"][0].tolist()
    assert tokenizer.convert_tokens_to_ids("<task>") in ids and ids.count(author.config.image_token_id) == 36
    assert torch.allclose(logits(found.model, found.processor), logits(author, found.processor), atol=1e-4)
    assert any("the adapter's own tokenizer" in note for note in found.notes)

    (tmp_path / "chat_template.jinja").unlink()
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": template}))
    assert load(str(tmp_path), dtype="float32").prepare(QUESTION)["input_ids"][0].tolist() == ids


def test_added_tokens_whose_rows_were_not_saved(checkpoint, tmp_path):
    base = checkpoint("llava_clip")
    written(tmp_path, base, LoraConfig(**THIN), grown)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens(["<task>"], special_tokens=True)
    tokenizer.save_pretrained(tmp_path)
    plain = load(str(tmp_path), dtype="float32")
    assert any("not trained" in note for note in plain.notes) and plain.generate(QUESTION, max_new_tokens=2).pieces
    (tmp_path / "chat_template.jinja").write_text("<task>" + (base / "chat_template.jinja").read_text())
    assert "<task>" in refusal(tmp_path) and "save_embedding_layers=True" in refusal(tmp_path)


def test_adapters_that_do_not_fit_say_why(checkpoint, tmp_path):
    base = checkpoint("llava_clip")
    written(tmp_path / "one", base, LoraConfig(**THIN))
    weights = load_file(tmp_path / "one" / "adapter_model.safetensors")
    key = sorted(weights)[0]
    for name, changed, says in (
        ("lacking", {k: v for k, v in weights.items() if k != key}, "has no weights for"),
        ("wider", {**weights, key: torch.zeros(4, 7)}, "size mismatch"),
        ("deeper", {**weights, key.replace("layers.0.", "layers.99."): weights[key].clone()}, "layers.99"),
    ):
        folder = Path(shutil.copytree(tmp_path / "one", tmp_path / name))
        save_file(changed, folder / "adapter_model.safetensors")
        assert says in refusal(folder) and "does not fit" in refusal(folder), name
    written(tmp_path / "prompt", base, peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    assert "writes into every prompt" in refusal(tmp_path / "prompt")
    said = json.loads((tmp_path / "one" / "adapter_config.json").read_text())
    (tmp_path / "one" / "adapter_config.json").write_text(json.dumps({**said, "peft_type": "TOMORROW"}))
    assert "cannot be read by peft" in refusal(tmp_path / "one") and "TOMORROW" in refusal(tmp_path / "one")


def test_a_base_saved_anew_is_served_anew(checkpoint, tmp_path):
    base = Path(shutil.copytree(checkpoint("llava_clip"), tmp_path / "base"))
    written(tmp_path / "adapter", base, LoraConfig(**THIN))
    name = str(tmp_path / "adapter")
    before = load(name)
    assert load(name) is before
    plain = load(str(base))
    file = base / "model.safetensors"
    times = file.stat()
    save_file({key: value * 0.5 for key, value in load_file(file).items()}, file, metadata={"format": "pt"})
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a copy that keeps its times
    after = load(name)
    assert after is not before and load(str(base)) is not plain
    assert not torch.allclose(logits(after.model, after.processor), logits(before.model, before.processor))
