"""Tiny chat checkpoints some of whose layers do not look at everything: windows, chunks, linear attention."""

from __future__ import annotations

import checkpoints_chat as chat
import transformers as hf
from tiny import TEXT, VISION, Built, bytes_tokenizer, ids_of

_WINDOW = 24


def llava_mistral() -> Built:
    """LLaVA-NeXT on Mistral, whose layers all look at the newest tokens only."""
    model, processor = chat.llava_next()
    options = dict(TEXT, **ids_of(processor.tokenizer), num_key_value_heads=2, max_position_embeddings=1024)
    config = model.config
    config.text_config = hf.MistralConfig(**options, sliding_window=_WINDOW)
    return hf.LlavaNextForConditionalGeneration(config), processor


def qwen2_vl_windows() -> Built:
    """Qwen2-VL with `use_sliding_window`: its last layers look at the newest tokens only."""
    model, processor = chat.qwen2_5_vl()
    marks = {name: getattr(model.config, name) for name in _MARKS}
    config = hf.Qwen2VLConfig(
        vision_config=dict(
            **dict(depth=2, embed_dim=32, hidden_size=64, num_heads=2, mlp_ratio=2, patch_size=7, spatial_merge_size=2)
        ),
        text_config=dict(
            **TEXT,
            **ids_of(processor.tokenizer),
            **dict(num_key_value_heads=2, max_position_embeddings=1024),
            **dict(use_sliding_window=True, sliding_window=_WINDOW, max_window_layers=1),
            rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
        ),
        **marks,
    )
    return hf.Qwen2VLForConditionalGeneration(config), hf.Qwen2VLProcessor(
        image_processor=processor.image_processor,
        video_processor=processor.video_processor,
        tokenizer=processor.tokenizer,
        chat_template=processor.chat_template,
    )


_MARKS = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")


def qwen3_5() -> Built:
    """Qwen3.5: three layers of linear attention, which keep a running state, to one that looks at everything."""
    model, processor = chat.qwen3_vl()
    marks = {name: getattr(model.config, name) for name in _MARKS}
    config = hf.Qwen3_5Config(
        vision_config=dict(
            **dict(depth=2, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=64, patch_size=8),
            num_position_embeddings=36,
        ),
        text_config=dict(
            **TEXT | dict(num_hidden_layers=4),
            **ids_of(processor.tokenizer),
            **dict(num_key_value_heads=2, head_dim=16, max_position_embeddings=1024),
            **dict(linear_key_head_dim=16, linear_value_head_dim=16, linear_num_key_heads=2, linear_num_value_heads=4),
            layer_types=[*["linear_attention"] * 3, "full_attention"],
            rope_parameters=dict(
                **dict(rope_type="default", rope_theta=1e4, partial_rotary_factor=1.0),
                **dict(mrope_section=[4, 2, 2], mrope_interleaved=True),
            ),
        ),
        **marks,
    )
    return hf.Qwen3_5ForConditionalGeneration(config), processor


def cohere2_vision() -> Built:
    """Cohere2Vision: InternVL's tiles on a language model three of whose four layers look at a window."""
    marks = dict(
        **dict(boi_token="<|START_OF_IMG|>", eoi_token="<|END_OF_IMG|>", image_token="<|IMG_PATCH|>"),
        img_line_break_token="<|IMG_LINE_BREAK|>",
    )
    tokenizer = bytes_tokenizer(list(marks.values()), extra_special_tokens=marks)
    config = hf.Cohere2VisionConfig(
        vision_config=dict(VISION, model_type="siglip_vision_model", image_size=48, patch_size=8),
        text_config=dict(
            **TEXT | dict(num_hidden_layers=4),
            **ids_of(tokenizer),
            **dict(model_type="cohere2", num_key_value_heads=2, max_position_embeddings=1024),
            **dict(sliding_window=_WINDOW, layer_types=[*["sliding_attention"] * 3, "full_attention"]),
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<|IMG_PATCH|>"),
        alignment_intermediate_size=64,
    )
    processor = hf.Cohere2VisionProcessor(
        image_processor=hf.Cohere2VisionImageProcessor(size={"height": 48, "width": 48}, max_patches=4, patch_size=3),
        tokenizer=tokenizer,
        chat_template=chat._TURN.replace("<image>", "<|IMG_PATCH|>"),
    )
    return hf.Cohere2VisionForConditionalGeneration(config), processor


BUILDERS = (llava_mistral, qwen2_vl_windows, qwen3_5, cohere2_vision)
