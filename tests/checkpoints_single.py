"""Tiny random checkpoints of the families that read one message: without a chat template, or by cross-attention."""

from __future__ import annotations

import transformers as hf
from tiny import TEXT, VISION, Built, bytes_tokenizer, ids_of


def paligemma() -> Built:
    """PaliGemma: 4 × 4 tokens, then the words; pictures and words are read both ways."""
    tokenizer = bytes_tokenizer([], bos="<bos>", eos="<eos>")
    pictures = hf.SiglipImageProcessor(size={"height": 56, "width": 56})
    pictures.image_seq_length = 16
    processor = hf.PaliGemmaProcessor(image_processor=pictures, tokenizer=tokenizer)  # adds tokens for places
    text = hf.GemmaConfig(**TEXT, **ids_of(tokenizer), num_key_value_heads=2, head_dim=16, max_position_embeddings=1024)
    config = hf.PaliGemmaConfig(
        vision_config=hf.SiglipVisionConfig(
            **VISION, image_size=56, patch_size=14, projection_dim=64, vision_use_head=False
        ),
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=64,
    )
    return hf.PaliGemmaForConditionalGeneration(config), processor


_FLORENCE_RULES = (
    *("ocr", "phrase_grounding", "pure_text", "description_with_bboxes", "description_with_polygons", "polygons"),
    *("bboxes", "description_with_bboxes_or_polygons"),
)


def florence2() -> Built:
    """Florence-2: an encoder reads 6 × 6 places, their mean before them, and the words; a decoder answers."""
    places = [f"<loc_{place}>" for place in range(1000)]
    tokenizer = bytes_tokenizer(
        ["<mask>", "<image>", "<od>", "</od>", *places], extra_special_tokens={"image_token": "<image>"}
    )
    vision = dict(
        **dict(depths=[1, 1, 1, 1], embed_dim=[16, 16, 32, 32], num_heads=[2, 2, 2, 2], num_groups=[2, 2, 2, 2]),
        **dict(window_size=3, projection_dim=64, max_position_embeddings=16, max_temporal_embeddings=4),
    )
    text = hf.BartConfig(
        **dict(d_model=64, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=128, decoder_ffn_dim=128),
        **dict(encoder_attention_heads=4, decoder_attention_heads=4, max_position_embeddings=512),
        **ids_of(tokenizer),
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=tokenizer.eos_token_id,
    )
    image = tokenizer.convert_tokens_to_ids("<image>")
    config = hf.Florence2Config(vision_config=vision, text_config=text, image_token_id=image)
    pictures = hf.CLIPImageProcessor(size={"height": 192, "width": 192}, do_center_crop=False)
    pictures.image_seq_length = 37
    rules = {rule: {} for rule in _FLORENCE_RULES}
    processor = hf.Florence2Processor(pictures, tokenizer, post_processor_config=rules)
    model = hf.Florence2ForConditionalGeneration(config)
    # As on the Hub: an answer starts with the end mark and the beginning mark, and three beams are the default.
    marks = dict(decoder_start_token_id=tokenizer.eos_token_id, forced_bos_token_id=tokenizer.bos_token_id)
    model.generation_config = hf.GenerationConfig(**marks, num_beams=3, **_special(tokenizer))
    return model, processor


def _special(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, int]:
    return {key: number for key, number in ids_of(tokenizer).items() if key != "vocab_size"}


def blip() -> Built:
    """BLIP that captions: the decoder looks at 6 × 6 patches and a class token, and goes on with given words."""
    tokenizer = bytes_tokenizer(["[DEC]"], bos="[CLS]", eos="[SEP]", pad="[PAD]", closed=True, cls_token="[CLS]")
    return hf.BlipForConditionalGeneration(_blip(tokenizer)), hf.BlipProcessor(_blip_pictures(), tokenizer)


def blip_vqa() -> Built:
    """BLIP that answers: an encoder reads question and picture, a decoder the encoder."""
    tokenizer = bytes_tokenizer(["[DEC]"], bos="[CLS]", eos="[SEP]", pad="[PAD]", closed=True, cls_token="[CLS]")
    # The encoder's states take the place of the picture's, so they have to be as wide.
    config = _blip(tokenizer, hidden_size=64)
    return hf.BlipForQuestionAnswering(config), hf.BlipProcessor(_blip_pictures(), tokenizer)


def blip_chat() -> Built:
    """BLIP that was taught to talk, as Moji's: the decoder goes on with a chat template's text."""
    tokenizer = bytes_tokenizer(["[DEC]", "<user>", "<assistant>"], eos="</s>", closed=True, cls_token="<s>")
    processor = hf.BlipProcessor(_blip_pictures(), tokenizer)
    processor.chat_template = (
        "{% for m in messages if m['role'] != 'system' %}<{{ m['role'] }}>"
        "{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}"
        "{% endif %}{% endfor %}{% if m['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    return hf.BlipForConditionalGeneration(_blip(tokenizer)), processor


def _blip_pictures() -> hf.BlipImageProcessor:
    return hf.BlipImageProcessor(size={"height": 48, "width": 48})


def _blip(tokenizer: hf.PreTrainedTokenizerFast, hidden_size: int = 32) -> hf.BlipConfig:
    """The decoder starts with a token of its own where the tokenizer has one for it."""
    ids = ids_of(tokenizer) | dict(sep_token_id=tokenizer.eos_token_id)
    if tokenizer.bos_token == "[CLS]":
        ids["bos_token_id"] = tokenizer.convert_tokens_to_ids("[DEC]")
    text = dict(**TEXT, **ids, projection_dim=32, max_position_embeddings=128)
    # The default deviation of the tower's weights is 1e-10: a picture would hardly show.
    vision = dict(
        VISION, hidden_size=hidden_size, projection_dim=32, image_size=48, patch_size=8, initializer_range=0.02
    )
    return hf.BlipConfig(text_config=text, vision_config=vision, projection_dim=32, image_text_hidden_size=16)
