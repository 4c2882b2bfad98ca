"""``moji-vlm``: the vision tower of ``moji-clip``, a projector, and a small Llama that learns to speak from scratch."""

from __future__ import annotations

from transformers import (
    CLIPModel,
    GenerationConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from playground.moji.tokenizer import make_tokenizer
from playground.moji.world import CANVAS, PATCH
from playground.training.encoder import image_processor

SIZES = {"tiny": (64, 2), "small": (256, 4), "base": (384, 8)}  # hidden size, layers of the language model
CONTEXT = 768  # tokens
IMAGE_TOKENS = (CANVAS // PATCH) ** 2
CHAT_TEMPLATE = (
    "<s>{% for message in messages %}{% if message['role'] != 'system' %}<{{ message['role'] }}>"
    "{% if message['content'] is string %}{{ message['content'] | trim }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}"
    "{% endif %}{% if message['role'] == 'assistant' %}</s>{% endif %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def chat_tokenizer() -> PreTrainedTokenizerFast:
    """Moji's tokenizer as the language model uses it; the chat template writes ``<s>`` itself."""
    return make_tokenizer(bos=False, eos=False, max_length=CONTEXT)


def make_vlm(clip: CLIPModel, size: str = "small") -> LlavaForConditionalGeneration:
    """A LLaVA (Liu et al. 2023) with the tower of ``clip`` and a fresh language model. ``size`` is a key of SIZES.

    The word embeddings are tied to the output head, so that a projected patch can be read as a word.
    """
    hidden, layers = SIZES[size]
    tokenizer = chat_tokenizer()
    special = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        **special,
    )
    config = LlavaConfig(
        vision_config=clip.config.vision_config,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=IMAGE_TOKENS,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=True,
    )
    vlm = LlavaForConditionalGeneration(config)
    vlm.model.vision_tower.load_state_dict(clip.vision_model.state_dict())
    vlm.generation_config = GenerationConfig(max_new_tokens=96, do_sample=False, **special)
    return vlm


def make_processor() -> LlavaProcessor:
    """The processor that turns pictures and a talk into the inputs of ``moji-vlm``."""
    return LlavaProcessor(
        image_processor=image_processor(),
        tokenizer=chat_tokenizer(),
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )
