"""``moji-blip``: the vision tower of ``moji-clip`` and a text decoder that looks at it by cross-attention."""

from __future__ import annotations

import numpy as np
import torch
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    BlipProcessor,
    CLIPModel,
    CLIPVisionModel,
    GenerationConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.blip.modeling_blip import BlipVisionModel

from playground.moji.scenes import make_scene
from playground.moji.tokenizer import make_tokenizer
from playground.moji.world import CANVAS
from playground.training.scene_tensors import MEAN, STD, pixel_values

SIZES = {"tiny": (64, 2), "small": (256, 4), "base": (384, 8)}  # hidden size, layers of the text decoder
CONTEXT = 256  # tokens of a talk; the picture takes none of them
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] != 'system' %}<{{ message['role'] }}>"
    "{% if message['content'] is string %}{{ message['content'] | trim }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}{% endif %}{% if message['role'] == 'assistant' %}</s>{% endif %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def blip_tokenizer() -> PreTrainedTokenizerFast:
    """Moji's tokenizer as BLIP needs it: ``<s>`` and ``</s>`` around every text, padded on the left.

    ``BlipForConditionalGeneration.generate`` overwrites the first token with ``<s>`` and drops the last one, which
    takes away the ``</s>`` again; so a prompt must come with both. The tokenizer has the chat template, since
    ``BlipProcessor`` forgets one when it is loaded.
    """
    tokenizer = make_tokenizer(bos=True, eos=True, max_length=CONTEXT)
    tokenizer.padding_side = "left"
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_processor() -> BlipProcessor:
    """The processor that turns pictures and a talk into the inputs of ``moji-blip``."""
    images = BlipImageProcessor(
        size={"height": CANVAS, "width": CANVAS}, image_mean=list(MEAN), image_std=list(STD), resample=2
    )
    return BlipProcessor(images, blip_tokenizer())


def make_blip(clip: CLIPModel, size: str = "small") -> BlipForConditionalGeneration:
    """A BLIP (Li et al. 2022) with the tower of ``clip`` and a fresh text decoder. ``size`` is a key of SIZES."""
    hidden, layers = SIZES[size]
    tokenizer = blip_tokenizer()
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    tower = clip.config.vision_config
    same = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "image_size",
            "patch_size", "hidden_act", "layer_norm_eps")  # fmt: skip
    config = BlipConfig(
        vision_config={name: getattr(tower, name) for name in same} | {"initializer_range": 0.02},
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": 3 * hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": hidden // 32,
            "max_position_embeddings": CONTEXT,
            "projection_dim": hidden,
            "sep_token_id": tokenizer.eos_token_id,  # what BLIP's generate stops at
            **special,
        },
        projection_dim=hidden,
        image_text_hidden_size=hidden,
    )
    blip = BlipForConditionalGeneration(config)
    copy_tower(clip.vision_model, blip.vision_model)
    # BLIP generates with its text decoder, whose own configuration is not saved: both are told
    blip.generation_config = GenerationConfig(max_new_tokens=96, do_sample=False, **special)
    return blip


@torch.no_grad()
def copy_tower(clip: CLIPVisionModel, blip: BlipVisionModel) -> None:
    """Start BLIP's tower from CLIP's, which differs in two ways: separate q, k, v, and a norm before the blocks.

    The norm divides by a number that depends on the patch; the least-squares fit over the patches of some scenes is the
    best that BLIP's plain patch embedding can do instead. Some training has to make up for the rest.
    """
    for old, new in zip(clip.encoder.layers, blip.encoder.layers, strict=True):
        for kind in ("weight", "bias"):
            parts = [getattr(getattr(old.self_attn, f"{name}_proj"), kind) for name in "qkv"]
            getattr(new.self_attn.qkv, kind).copy_(torch.cat(parts))
        new.self_attn.projection.load_state_dict(old.self_attn.out_proj.state_dict())
        for name in ("mlp", "layer_norm1", "layer_norm2"):
            getattr(new, name).load_state_dict(getattr(old, name).state_dict())
    blip.post_layernorm.load_state_dict(clip.post_layernorm.state_dict())

    rng = np.random.default_rng(0)
    pixels = pixel_values([make_scene(rng) for _ in range(64)])
    wanted = clip.pre_layrnorm(clip.embeddings(pixels))
    blip.embeddings.position_embedding.zero_()
    blip.embeddings.class_embedding.copy_(wanted[:1, :1])
    side = blip.config.patch_size
    patches = torch.nn.functional.unfold(pixels, side, stride=side).transpose(1, 2)  # (scenes, patches, 3·16·16)
    places = torch.eye(patches.shape[1]).expand(len(patches), -1, -1)
    given = torch.cat([patches, places], -1).flatten(0, 1).double()
    # a little ridge keeps pixels that hardly vary from getting huge weights
    ridge = 1e-3 * len(given) * torch.eye(given.shape[1], dtype=torch.float64)
    fit = torch.linalg.solve(given.T @ given + ridge, given.T @ wanted[:, 1:].flatten(0, 1).double()).float()
    weight = blip.embeddings.patch_embedding.weight
    weight.copy_(fit[: patches.shape[-1]].T.reshape(weight.shape))
    blip.embeddings.patch_embedding.bias.zero_()
    blip.embeddings.position_embedding[0, 1:] = fit[patches.shape[-1] :]
