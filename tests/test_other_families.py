"""Models that are not on the list but fit an official Auto class load; what is not known of them is switched off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as hf
from PIL import Image
from refusals import refusal
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


def blip2() -> Built:
    """BLIP-2: four tokens of a query transformer, whose marks its processor writes, before the words of an OPT."""
    tokenizer = bytes_tokenizer(["<image>"])
    ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    text = hf.OPTConfig(vocab_size=len(tokenizer), ffn_dim=64, word_embed_proj_dim=32, **ids, **SMALL)
    queries = dict(SMALL, vocab_size=len(tokenizer), encoder_hidden_size=32, cross_attention_frequency=1)
    config = hf.Blip2Config(
        vision_config=dict(VISION, image_size=48, patch_size=8),
        qformer_config=queries,
        text_config=text,
        num_query_tokens=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    pictures = hf.BlipImageProcessor(size={"height": 48, "width": 48})
    return hf.Blip2ForConditionalGeneration(config), hf.Blip2Processor(pictures, tokenizer, num_query_tokens=4)


def trocr() -> Built:
    """TrOCR: writes down the letters of a picture, and reads none."""
    tokenizer = bytes_tokenizer([], bos="<s>")
    text = hf.GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=2)
    vision = hf.ViTConfig(**VISION, image_size=48, patch_size=8)
    config = hf.VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, text)
    config.decoder_start_token_id, config.pad_token_id = tokenizer.bos_token_id, tokenizer.pad_token_id
    pictures = hf.ViTImageProcessor(size={"height": 48, "width": 48})
    return hf.VisionEncoderDecoderModel(config), hf.TrOCRProcessor(pictures, tokenizer)


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


def test_blip2_is_asked_as_its_authors_asked_it(tmp_path: Path, picture: Image.Image) -> None:
    """Its processor writes the marks of the picture, so no others may stand in the prompt."""
    model = load(saved(tmp_path, blip2))
    question = [Message("user", "what is this ?", (picture,))]
    theirs = model.processor(images=picture, text="Question: what is this ? Answer:", return_tensors="pt")
    inputs = model.prepare(question)
    assert inputs["input_ids"].tolist() == theirs["input_ids"].tolist()
    bare = model.model.generate(**theirs, max_new_tokens=4, do_sample=False)[0, theirs["input_ids"].shape[1] :]
    assert [piece.token_id for piece in model.generate(question, max_new_tokens=4).pieces] == bare.tolist()
    captioned = model.prepare([Message("user", "describe the picture.", (picture,))])
    assert captioned["input_ids"].shape[1] < inputs["input_ids"].shape[1]
    with pytest.raises(CannotRead, match="nothing without a picture"):
        model.generate([Message("user", "what is this ?")])


def test_what_reads_no_words_says_so(tmp_path: Path) -> None:
    assert "reads no words" in refusal(saved(tmp_path, trocr))


def test_a_processor_that_counts_otherwise_than_the_model(checkpoint, tmp_path: Path, picture: Image.Image) -> None:
    folder = Path(shutil.copytree(checkpoint("llava_clip"), tmp_path / "copy"))
    settings = json.loads((folder / "processor_config.json").read_text())
    (folder / "processor_config.json").write_text(json.dumps({**settings, "num_additional_image_tokens": 3}))
    model = load(str(folder))
    question = [Message("user", "what is this ?", (picture,))]
    for verb in (model.generate, model.candidates, lambda asked: model.likelihoods(asked, ["a dog"])):
        with pytest.raises(CannotRead, match=r"processor_config\.json|one answer"):
            verb(question)
