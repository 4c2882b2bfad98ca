"""A name becomes a model, or one sentence says why it cannot; nothing is loaded that is not whole and safe."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import hub_server
import pytest
import torch
from PIL import Image
from refusals import refusal

from playground import load
from playground.imaging.errors import MediaError
from playground.models.chat import ChatModel
from playground.models.embedding import EmbeddingModel
from playground.models.messages import Message
from playground.models.segmentation import SegmentationModel


@pytest.mark.parametrize("family", ["llava_clip", "smolvlm", "idefics3", "qwen2_5_vl"])
def test_chat_families_load(checkpoint, family):
    model = load(str(checkpoint(family)))
    assert isinstance(model, ChatModel) and model.attention_reason is None
    assert not model.model.training and model.model.dtype == torch.float32


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_encoder_families_load(checkpoint, family):
    assert isinstance(load(str(checkpoint(family))), EmbeddingModel)


def test_segmentation_loads(checkpoint):
    assert isinstance(load(str(checkpoint("clipseg"))), SegmentationModel)


def test_one_copy_serves_everybody(checkpoint):
    found: list[ChatModel] = []
    name = str(checkpoint("llava_siglip"))
    loaders = [threading.Thread(target=lambda: found.append(load(name))) for _ in range(4)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join()
    assert len(found) == 4 and len({id(model) for model in found}) == 1
    half = load(name, dtype="bfloat16")
    assert half is not found[0] and half is load(name, dtype=torch.bfloat16)
    assert half.generate([Message("user", "x", (Image.new("RGB", (9, 9)),))], max_new_tokens=2).pieces


def test_the_latest_large_model_takes_the_place_of_the_one_before(checkpoint):
    first, segmenter = load(str(checkpoint("llava_clip"))), load(str(checkpoint("clipseg")))
    gone = weakref.ref(first)
    del first
    load(str(checkpoint("smolvlm")))
    gc.collect()
    assert gone() is None, "a model that nobody uses stays in memory"
    assert load(str(checkpoint("clipseg"))) is segmenter, "one of each kind stays"


def test_an_unknown_name_gets_a_suggestion():
    assert "Did you mean “SmolVLM-256M-Instruct”?" in refusal("smolvm-256M")
    for name in ("moji", "", "a/b/c", "/no/such/folder", "../nowhere", "~nobody-lives-here", "x\0y", "x" * 50_000):
        said = refusal(name)
        assert len(said) < 500
        assert said.startswith("There is no model named") and "moji-vlm" in said


def test_an_address_or_a_path_in_a_message_is_read_as_text(tmp_path, checkpoint):
    """Processors fetch what a message names; they are handed pictures only."""
    secret = tmp_path / "secret.png"
    Image.new("RGB", (48, 48), "red").save(secret)
    with hub_server.serving(tmp_path) as (server, address):
        for family in ("llava_clip", "smolvlm", "qwen2_5_vl"):
            model = load(str(checkpoint(family)))
            for text in (f"<image> {address}/own/x/secret.png", f"{secret}", f"<|vision_start|>{address}"):
                inputs = model.prepare([Message("user", text)])
                assert "pixel_values" not in inputs
                assert text.split("/")[-1] in model.processor.tokenizer.decode(inputs["input_ids"][0])
            with pytest.raises(MediaError, match="not fetched"):
                model.prepare([Message("user", "what is this?", (f"{address}/own/x/secret.png",))])
        assert server.asked == []


def test_importing_the_package_is_light():
    code = (
        "import sys, playground, playground.models.loading, playground.models.chat, "
        "playground.models.layout.positions, "
        "playground.models.embedding, playground.models.segmentation, playground.checkpoints.download, "
        "playground.interpret.trace; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'gradio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1]).returncode == 0


def test_torch_and_torchvision_belong_together():
    """Builds of different kinds break every vision class of transformers, with a message that names neither."""
    import torchvision

    kept = torchvision.ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2), torch.tensor([0.5, 0.9]), 0.5)
    assert kept.tolist() == [1]
