"""Models that are not on the list but fit an official Auto class load; what is not known of them is switched off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as hf
from PIL import Image
from tiny import VISION, Built, bytes_tokenizer

from playground import load
from playground.models.chat import ChatModel
from playground.models.embedding import EmbeddingModel
from playground.models.messages import CannotRead, Message

SMALL = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
PIXELS = dict(size={"height": 48, "width": 48}, crop_size={"height": 48, "width": 48})


def git() -> Built:
    """GIT: pictures and text to text, a BERT tokenizer, no chat template, no mark for the picture."""
    tokenizer = bytes_tokenizer([], bos="[CLS]", eos="[SEP]")
    ids = dict(bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id)
    vision = dict(VISION, image_size=48, patch_size=8)
    config = hf.GitConfig(vision_config=vision, vocab_size=len(tokenizer), pad_token_id=0, **SMALL, **ids)
    return hf.GitForCausalLM(config), hf.GitProcessor(hf.CLIPImageProcessor(**PIXELS), tokenizer)


def chinese_clip() -> Built:
    """Chinese CLIP: two encoders, the text's a BERT."""
    tokenizer = bytes_tokenizer([], closed=True, model_max_length=64, padding_side="right")
    text, vision = dict(SMALL, vocab_size=len(tokenizer)), dict(VISION, image_size=48, patch_size=8)
    config = hf.ChineseCLIPConfig(text_config=text, vision_config=vision, projection_dim=32)
    processor = hf.ChineseCLIPProcessor(hf.ChineseCLIPImageProcessor(**PIXELS), tokenizer)
    return hf.ChineseCLIPModel(config), processor


def saved(folder: Path, build: Callable[[], Built]) -> str:
    torch.manual_seed(0)
    for part in build():
        part.save_pretrained(folder)
    return str(folder)


def test_a_chat_model_of_another_family_answers_and_has_no_maps(tmp_path: Path, picture: Image.Image) -> None:
    model = load(saved(tmp_path, git))
    assert isinstance(model, ChatModel) and model.attention_reason.endswith(".")
    question = [Message("user", "what is this ?", (picture,))]
    answer = model.generate(question, max_new_tokens=4)
    inputs = model.prepare(question)
    bare = model.model.generate(**inputs, max_new_tokens=4, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert [piece.token_id for piece in answer.pieces] == bare.tolist()
    with pytest.raises(CannotRead, match="without earlier turns"):
        model.generate([*question, Message("assistant", answer.text), *question])


def test_an_encoder_of_another_family_compares(tmp_path: Path, picture: Image.Image) -> None:
    model = load(saved(tmp_path, chinese_clip))
    assert isinstance(model, EmbeddingModel)
    fits = model.match(picture, ["a dog", "a cat"])
    assert sum(fit for _, fit in fits) == pytest.approx(1)
    assert model.embed_images([picture]).norm() == pytest.approx(1, abs=1e-5)
