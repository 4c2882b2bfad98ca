"""Tiny random checkpoints of the chat families that draw their picture's tokens into the prompt's template."""

from __future__ import annotations

import transformers as hf
from tiny import TEXT, VISION, Built, bytes_tokenizer, ids_of, llama_config, words_tokenizer
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig
from transformers.models.qwen2_5_vl import configuration_qwen2_5_vl as qwen
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig

_TURN = (
    "{% for m in messages %}{{ m['role'] | upper }}: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% if m['role'] == 'assistant' %}</s>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
_SMOL_TURN = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}:{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %} {{ c['text'] }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
_QWEN_TURN = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}"
    "{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def llava_clip() -> Built:
    """LLaVA 1.5: CLIP tower, the picture's centre is cropped, a class token that is left out."""
    tokenizer = bytes_tokenizer(["<image>"])
    vision = hf.CLIPVisionConfig(**VISION, image_size=48, patch_size=8, projection_dim=32)
    side = {"height": 48, "width": 48}
    pictures = hf.CLIPImageProcessor(size={"shortest_edge": 48}, crop_size=side)
    return _llava(tokenizer, vision, pictures, "default", extra_tokens=1)


def llava_siglip() -> Built:
    """LLaVA with a SigLIP tower: the whole picture is stretched, no class token."""
    tokenizer = bytes_tokenizer(["<image>"])
    vision = hf.SiglipVisionConfig(**VISION, image_size=48, patch_size=8)
    pictures = hf.SiglipImageProcessor(size={"height": 48, "width": 48})
    return _llava(tokenizer, vision, pictures, "full", extra_tokens=0)


def llava_words() -> Built:
    """As Moji: CLIP tower without a crop, lower-casing tokenizer with Metaspace."""
    tokenizer = words_tokenizer(["<image>"])
    vision = hf.CLIPVisionConfig(**VISION, image_size=48, patch_size=8, projection_dim=32)
    side = {"height": 48, "width": 48}
    pictures = hf.CLIPImageProcessor(size=side, crop_size=side, do_center_crop=False)
    model, processor = _llava(tokenizer, vision, pictures, "default", extra_tokens=1)
    no_rules = "in messages if m['role'] != 'system' %}"
    processor.chat_template = processor.chat_template.replace("in messages %}", no_rules)
    return model, processor


def _llava(tokenizer, vision, pictures, strategy: str, extra_tokens: int) -> Built:
    config = hf.LlavaConfig(
        vision_config=vision,
        text_config=llama_config(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=36,
        vision_feature_select_strategy=strategy,
        vision_feature_layer=-1,
    )
    processor = hf.LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy=strategy,
        num_additional_image_tokens=extra_tokens,
        chat_template=_TURN,
    )
    return hf.LlavaForConditionalGeneration(config), processor


def smolvlm() -> Built:
    """SmolVLM: tiles of 64 pixels, 16 tokens each after the pixel shuffle, and a view of the whole."""
    tokenizer = _smol_tokenizer()
    config = hf.SmolVLMConfig(
        vision_config=SmolVLMVisionConfig(**VISION, image_size=64, patch_size=8), **_smol_text(tokenizer)
    )
    sizes = dict(size={"longest_edge": 128}, max_image_size={"longest_edge": 64})
    processor = hf.SmolVLMProcessor(
        image_processor=hf.SmolVLMImageProcessor(**sizes),
        video_processor=hf.SmolVLMVideoProcessor(**sizes),
        tokenizer=tokenizer,
        image_seq_len=16,
        chat_template=_SMOL_TURN,
    )
    return hf.SmolVLMForConditionalGeneration(config), processor


def idefics3() -> Built:
    """Idefics3: as SmolVLM, but its tile marks are no tokens of their own, as in the first checkpoints."""
    tokenizer = _smol_tokenizer(tile_marks=False)
    config = hf.Idefics3Config(
        vision_config=Idefics3VisionConfig(**VISION, image_size=64, patch_size=8), **_smol_text(tokenizer)
    )
    pictures = hf.Idefics3ImageProcessor(size={"longest_edge": 128}, max_image_size={"longest_edge": 64})
    processor = hf.Idefics3Processor(
        image_processor=pictures, tokenizer=tokenizer, image_seq_len=16, chat_template=_SMOL_TURN
    )
    return hf.Idefics3ForConditionalGeneration(config), processor


def _smol_tokenizer(tile_marks: bool = True) -> hf.PreTrainedTokenizerFast:
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    marks = ["<image>", "<fake_token_around_image>", "<global-img>", *(tiles if tile_marks else [])]
    return bytes_tokenizer(marks, bos="<|im_start|>", eos="<end_of_utterance>")


def _smol_text(tokenizer: hf.PreTrainedTokenizerFast) -> dict:
    return dict(
        text_config=llama_config(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )


def qwen2_5_vl() -> Built:
    """Qwen2.5-VL: a grid that follows the picture's shape, merged 2 × 2, with window attention."""
    tokenizer, marks = _qwen_tokenizer()
    vision = qwen.Qwen2_5_VLVisionConfig(
        **dict(depth=2, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=64),
        **dict(patch_size=7, spatial_merge_size=2, window_size=28, fullatt_block_indexes=[1]),
    )
    text = qwen.Qwen2_5_VLTextConfig(
        **TEXT,
        **ids_of(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
    )
    config = hf.Qwen2_5_VLConfig(
        vision_config=vision,
        text_config=text,
        **marks,
    )
    sizes = dict(patch_size=7, merge_size=2, min_pixels=14 * 14 * 4, max_pixels=14 * 14 * 64)
    processor = hf.Qwen2_5_VLProcessor(
        image_processor=hf.Qwen2VLImageProcessor(**sizes),
        video_processor=hf.Qwen2VLVideoProcessor(**sizes),
        tokenizer=tokenizer,
        chat_template=_QWEN_TURN,
    )
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


def _qwen_tokenizer() -> tuple[hf.PreTrainedTokenizerFast, dict[str, int]]:
    marks = dict(image="image_pad", video="video_pad", vision_start="vision_start", vision_end="vision_end")
    special = ["<|im_start|>", *(f"<|{mark}|>" for mark in marks.values())]
    tokenizer = bytes_tokenizer(special, bos=None, eos="<|im_end|>", pad="<|endoftext|>")
    return tokenizer, {f"{key}_token_id": tokenizer.convert_tokens_to_ids(f"<|{mark}|>") for key, mark in marks.items()}


def qwen3_vl() -> Built:
    """Qwen3-VL: the same grid, absolute positions bent to it, and features of inner layers for the first layers."""
    tokenizer, marks = _qwen_tokenizer()
    config = hf.Qwen3VLConfig(
        vision_config=dict(
            **dict(depth=3, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=64, patch_size=8),
            **dict(num_position_embeddings=36, deepstack_visual_indexes=[0, 1], model_type="qwen3_vl_vision"),
        ),
        text_config=dict(
            **TEXT,
            **ids_of(tokenizer),
            **dict(num_key_value_heads=2, head_dim=16, max_position_embeddings=1024, model_type="qwen3_vl_text"),
            rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]},
        ),
        **marks,
    )
    sizes = dict(patch_size=8, merge_size=2, size={"shortest_edge": 16 * 16 * 4, "longest_edge": 16 * 16 * 64})
    processor = hf.Qwen3VLProcessor(
        image_processor=hf.Qwen2VLImageProcessor(**sizes),
        video_processor=hf.Qwen3VLVideoProcessor(**sizes),
        tokenizer=tokenizer,
        chat_template=_QWEN_TURN,
    )
    return hf.Qwen3VLForConditionalGeneration(config), processor


# The sides of two tiles are no multiple of the patch, as SigLIP's 384 pixels are none of 14: the rest is not seen.
_PINPOINTS = [[50, 50], [50, 100], [100, 50], [100, 100], [50, 150], [150, 50], [100, 150], [150, 100]]


def llava_next() -> Built:
    """LLaVA-NeXT: the whole picture, then its tiles as one grid without the padding, a mark after every row."""
    tokenizer = bytes_tokenizer(["<image>"])
    pinpoints = [[height // 50 * 48, width // 50 * 48] for height, width in _PINPOINTS]
    config = hf.LlavaNextConfig(
        vision_config=hf.CLIPVisionConfig(**VISION, image_size=48, patch_size=8, projection_dim=32),
        text_config=llama_config(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=pinpoints,
        vision_feature_layer=-1,
    )
    side = {"height": 48, "width": 48}
    pictures = hf.LlavaNextImageProcessor(size={"shortest_edge": 48}, crop_size=side, image_grid_pinpoints=pinpoints)
    processor = hf.LlavaNextProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_TURN,
    )
    return hf.LlavaNextForConditionalGeneration(config), processor


def llava_onevision() -> Built:
    """LLaVA-OneVision: as LLaVA-NeXT, but large grids are shrunk, and several pictures have no tiles."""
    tokenizer = bytes_tokenizer(["<image>", "<video>"])
    most = "anyres_max_2"
    config = hf.LlavaOnevisionConfig(
        vision_config=hf.SiglipVisionConfig(**VISION, image_size=50, patch_size=8, vision_use_head=False),
        text_config=llama_config(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=_PINPOINTS,
        vision_aspect_ratio=most,
    )
    side = {"height": 50, "width": 50}
    processor = hf.LlavaOnevisionProcessor(
        image_processor=hf.LlavaOnevisionImageProcessor(size=side, image_grid_pinpoints=_PINPOINTS),
        video_processor=hf.LlavaOnevisionVideoProcessor(size=side),
        tokenizer=tokenizer,
        num_image_tokens=36,
        vision_feature_select_strategy="full",
        vision_aspect_ratio=most,
        chat_template=_TURN,
    )
    return hf.LlavaOnevisionForConditionalGeneration(config), processor


def internvl() -> Built:
    """InternVL: up to four tiles of 48 pixels, 9 tokens each after the pixel shuffle, then the whole picture."""
    marks = dict(start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>")
    marks |= dict(video_token="<video>")
    tokenizer = bytes_tokenizer([*marks.values(), "<|im_start|>"], eos="<|im_end|>", extra_special_tokens=marks)
    config = hf.InternVLConfig(
        vision_config=dict(**VISION, image_size=[48, 48], patch_size=[8, 8], model_type="internvl_vision"),
        text_config=llama_config(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=9,
        tie_word_embeddings=False,
    )
    side = {"height": 48, "width": 48}
    processor = hf.InternVLProcessor(
        image_processor=hf.GotOcr2ImageProcessor(size=side, max_patches=4),
        video_processor=hf.InternVLVideoProcessor(size=side),
        tokenizer=tokenizer,
        image_seq_length=9,
        chat_template=_QWEN_TURN.replace("<|vision_start|><|image_pad|><|vision_end|>", "<IMG_CONTEXT>\n"),
    )
    return hf.InternVLForConditionalGeneration(config), processor


_GEMMA_TURN = (
    "{{ bos_token }}{% set rules = messages[0]['role'] == 'system' %}"
    "{% for m in (messages[1:] if rules else messages) %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ messages[0]['content'][0]['text'] if loop.first and rules }}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<start_of_image>{% else %}{{ c['text'] | trim }}{% endif %}{% endfor %}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def gemma3() -> Built:
    """Gemma 3: 8 × 8 patches averaged to 4 × 4 tokens, pictures read both ways, most layers see a window only."""
    marks = dict(image_token="<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>")
    turns = ["<start_of_turn>", "<end_of_turn>"]
    tokenizer = bytes_tokenizer([*marks.values(), *turns], bos="<bos>", eos="<eos>", extra_special_tokens=marks)
    number = tokenizer.convert_tokens_to_ids
    text = hf.Gemma3TextConfig(
        **TEXT,
        **ids_of(tokenizer),
        **dict(num_key_value_heads=2, head_dim=16, max_position_embeddings=1024),
        **dict(sliding_window=64, layer_types=["sliding_attention", "sliding_attention", "full_attention"]),
    )
    config = hf.Gemma3Config(
        vision_config=hf.SiglipVisionConfig(**VISION, image_size=64, patch_size=8, vision_use_head=False),
        text_config=text,
        mm_tokens_per_image=16,
        boi_token_index=number("<start_of_image>"),
        eoi_token_index=number("<end_of_image>"),
        image_token_index=number("<image_soft_token>"),
    )
    processor = hf.Gemma3Processor(
        image_processor=hf.Gemma3ImageProcessor(size={"height": 64, "width": 64}, pan_and_scan_min_crop_size=16),
        tokenizer=tokenizer,
        image_seq_length=16,
        chat_template=_GEMMA_TURN,
    )
    model = hf.Gemma3ForConditionalGeneration(config)
    # A fresh projector is all zeros, and then nothing that a picture shows would matter.
    model.model.multi_modal_projector.mm_input_projection_weight.data.normal_(std=0.2)
    return model, processor
