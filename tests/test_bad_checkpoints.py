"""What is not whole, not safe or not supported is refused before it runs, with a sentence that says what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from refusals import refusal
from safetensors.torch import load_file, save_file


@pytest.fixture
def copy(checkpoint, tmp_path) -> Path:
    """A LLaVA checkpoint of one's own, to damage."""
    return Path(shutil.copytree(checkpoint("llava_clip"), tmp_path / "damaged"))


def test_a_folder_that_is_no_model(tmp_path, copy):
    assert "holds no config.json" in refusal(tmp_path)
    (copy / "config.json").write_text("{")
    assert "not valid JSON" in refusal(copy)
    (copy / "config.json").write_text("[]")
    assert "names no model_type" in refusal(copy)


def test_pickled_weights_are_never_opened(copy):
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    assert "model.safetensors is missing" in refusal(copy)
    torch.save(weights, copy / "pytorch_model.bin")
    assert "can run code when it is opened" in refusal(copy)


def test_a_missing_tensor_is_not_made_up(copy):
    weights = load_file(copy / "model.safetensors")
    gone = next(key for key in weights if "multi_modal_projector" in key)
    save_file({key: value for key, value in weights.items() if key != gone}, copy / "model.safetensors")
    said = refusal(copy)
    assert "1 missing" in said and "multi_modal_projector" in said


def test_a_tensor_of_another_shape_is_refused(copy):
    weights = load_file(copy / "model.safetensors")
    wrong = next(key for key in weights if "multi_modal_projector" in key and weights[key].ndim == 2)
    save_file({**weights, wrong: weights[wrong][:-1].contiguous()}, copy / "model.safetensors")
    said = refusal(copy)
    assert "1 mismatched" in said and "multi_modal_projector" in said


def test_files_that_are_not_there_in_full(copy):
    whole, config = (copy / "model.safetensors").read_bytes(), (copy / "config.json").read_text()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    assert f"cut off: {len(whole) // 2:,} bytes of {len(whole):,} are there" in refusal(copy)
    (copy / "model.safetensors").write_bytes(whole[:100])
    assert "only a piece of one: copy or download it again" in refusal(copy)
    (copy / "model.safetensors").write_bytes(b"")
    assert "only a piece of one" in refusal(copy)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (copy / "model.safetensors").write_text(pointer)
    assert "git lfs pull" in refusal(copy)
    (copy / "model.safetensors").write_bytes(whole)
    (copy / "config.json").write_text(pointer)
    assert "config.json" in refusal(copy) and "git lfs pull" in refusal(copy)
    (copy / "config.json").write_text(config)
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    (copy / "model-00001-of-00002.safetensors").write_bytes(whole)
    assert "model-00002-of-00002.safetensors are missing" in refusal(copy)


def test_models_that_cannot_see_are_refused(checkpoint, copy):
    assert "text-only language model" in refusal(checkpoint("text_only"))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": {"AutoModel": "x.Y"}}))
    (copy / "x.py").write_text("raise SystemExit('this must never run')")
    assert "never run here" in refusal(copy)
