"""Tiny random checkpoints of the official classes, written as the Hub has them: a folder for `load`.

Each has the processor, chat template and geometry of its family and some 200,000 weights. The builders stand in
`checkpoints_chat`, `checkpoints_single`, `checkpoints_encoders` and this file; what they share stands in `tiny`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import checkpoints_chat as chat
import checkpoints_encoders as encoders
import checkpoints_single as single
import checkpoints_windows as windows
import torch
import transformers as hf
from tiny import VISION, Built, bytes_tokenizer, ids_of, llama_config


def _towers(tokenizer: hf.PreTrainedTokenizerFast, length: int) -> dict:
    vision = dict(VISION, num_hidden_layers=3, image_size=48, patch_size=8)
    return dict(
        text_config=dict(VISION, max_position_embeddings=length, projection_size=32, **ids_of(tokenizer)),
        vision_config=vision,
    )


def clip() -> Built:
    """CLIP with a text encoder of 77 tokens."""
    tokenizer = _clip_tokenizer()
    pictures = hf.CLIPImageProcessor(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48})
    config = hf.CLIPConfig(**_towers(tokenizer, 77), projection_dim=32)
    return hf.CLIPModel(config), hf.CLIPProcessor(pictures, tokenizer)


def siglip() -> Built:
    """SigLIP: texts padded to 64 tokens, a bias beside the scale."""
    tokenizer = bytes_tokenizer([], bos=None, closed=True, model_max_length=64, padding_side="right")
    pictures = hf.SiglipImageProcessor(size={"height": 48, "width": 48})
    return hf.SiglipModel(hf.SiglipConfig(**_towers(tokenizer, 64))), hf.SiglipProcessor(pictures, tokenizer)


def clipseg() -> Built:
    """CLIPSeg: a small decoder on three layers of a CLIP."""
    tokenizer = _clip_tokenizer()
    config = hf.CLIPSegConfig(
        **_towers(tokenizer, 77),
        **dict(projection_dim=32, extract_layers=[0, 1, 2], reduce_dim=16),
        **dict(decoder_num_attention_heads=4, decoder_intermediate_size=32),
    )
    pictures = hf.ViTImageProcessor(size={"height": 48, "width": 48})
    return hf.CLIPSegForImageSegmentation(config), hf.CLIPSegProcessor(pictures, tokenizer)


def _clip_tokenizer() -> hf.PreTrainedTokenizerFast:
    marks = dict(bos="<|startoftext|>", eos="<|endoftext|>")
    return bytes_tokenizer([], **marks, closed=True, model_max_length=77, padding_side="right")


def vip_llava() -> Built:
    """A chat model outside the families that the playground knows."""
    tokenizer = bytes_tokenizer(["<image>"])
    vision = hf.CLIPVisionConfig(**VISION, image_size=48, patch_size=8, projection_dim=32)
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = hf.VipLlavaConfig(
        vision_config=vision,
        text_config=llama_config(tokenizer),
        image_token_index=image,
        vision_feature_layers=[-1, -2],
    )
    return hf.VipLlavaForConditionalGeneration(config), chat.llava_clip()[1]


def text_only() -> tuple[hf.PreTrainedModel, hf.PreTrainedTokenizerFast]:
    """A language model that cannot see."""
    tokenizer = bytes_tokenizer([])
    return hf.LlamaForCausalLM(llama_config(tokenizer)), tokenizer


BUILDERS: dict[str, Callable[[], tuple]] = {
    builder.__name__: builder
    for builder in (
        *(chat.llava_clip, chat.llava_siglip, chat.llava_words, chat.smolvlm, chat.idefics3, chat.qwen2_5_vl),
        *(chat.qwen3_vl, chat.llava_next, chat.llava_onevision, chat.internvl, chat.gemma3),
        *(single.paligemma, single.florence2, single.blip, single.blip_vqa, single.blip_chat),
        *(clip, siglip, clipseg, vip_llava, text_only),
        *windows.BUILDERS,
        *encoders.BUILDERS,
    )
}


def write(name: str, folder: Path) -> Path:
    """Build the checkpoint of this name, always with the same weights, and save it; returns the folder."""
    torch.manual_seed(0)
    model, processor = BUILDERS[name]()
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
