"""Tiny random checkpoints of the official classes, written as the Hub has them: a folder for `load`.

Each has the processor, chat template and geometry of its family and some 200,000 weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.models.idefics3.configuration_idefics3 import Idefics3VisionConfig
from transformers.models.qwen2_5_vl import configuration_qwen2_5_vl as qwen
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig

CORPUS = """\
a photo of a red circle on the left and a blue square on the right . what colour is the circle ?
how many dogs are there ? there are two dogs . is there a cat ? no , there is no cat .
describe the picture .""".splitlines()

TEXT = dict(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4)
VISION = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)

Built = tuple[hf.PreTrainedModel, hf.ProcessorMixin]

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


def bytes_tokenizer(
    special: list[str], bos: str | None = "<s>", eos: str = "</s>", pad: str = "<pad>", **options
) -> hf.PreTrainedTokenizerFast:
    """Byte-level BPE, as most chat models have: every text survives, and one character may need many tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _train(tokenizer, [pad, bos, eos, *special], pre_tokenizers.ByteLevel.alphabet())
    return _wrapped(tokenizer, special, bos, eos, pad, **options)


def words_tokenizer(special: list[str], **options) -> hf.PreTrainedTokenizerFast:
    """Lower-casing BPE with Metaspace and byte fallback, as Moji and the Llama family have."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()])
    _train(tokenizer, ["<pad>", "<s>", "</s>", *special], [])
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    vocabulary |= {f"<0x{byte:02X}>": len(vocabulary) + byte for byte in range(256)}
    state["model"]["byte_fallback"] = True
    return _wrapped(Tokenizer.from_str(json.dumps(state)), special, "<s>", "</s>", "<pad>", **options)


def _train(tokenizer: Tokenizer, marks: list[str | None], alphabet: list[str]) -> None:
    marks = [mark for mark in [*marks, "<unk>"] if mark]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=marks, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)


def _wrapped(
    tokenizer: Tokenizer, special: list[str], bos: str | None, eos: str, pad: str, closed: bool = False, **options
) -> hf.PreTrainedTokenizerFast:
    """closed: put `bos` before and `eos` after every text, as text encoders want it."""
    if closed:
        ids = [(mark, tokenizer.token_to_id(mark)) for mark in (bos, eos) if mark]
        single = " ".join([*([bos] if bos else []), "$A", eos])
        tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=ids)
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        unk_token="<unk>",
        additional_special_tokens=special,
        clean_up_tokenization_spaces=False,
        **options,
    )


def _ids(tokenizer: hf.PreTrainedTokenizerFast) -> dict[str, int | None]:
    return dict(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _llama(tokenizer: hf.PreTrainedTokenizerFast) -> hf.LlamaConfig:
    return hf.LlamaConfig(**TEXT, num_key_value_heads=2, max_position_embeddings=1024, **_ids(tokenizer))


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
    return _llava(tokenizer, vision, pictures, "default", extra_tokens=1)


def _llava(tokenizer, vision, pictures, strategy: str, extra_tokens: int) -> Built:
    config = hf.LlavaConfig(
        vision_config=vision,
        text_config=_llama(tokenizer),
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
        text_config=_llama(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )


def qwen2_5_vl() -> Built:
    """Qwen2.5-VL: a grid that follows the picture's shape, merged 2 × 2, with window attention."""
    marks = ["<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    tokenizer = bytes_tokenizer(marks, bos=None, eos="<|im_end|>", pad="<|endoftext|>")
    number = tokenizer.convert_tokens_to_ids
    vision = qwen.Qwen2_5_VLVisionConfig(
        **dict(depth=2, hidden_size=32, intermediate_size=64, num_heads=2, out_hidden_size=64),
        **dict(patch_size=7, spatial_merge_size=2, window_size=28, fullatt_block_indexes=[1]),
    )
    text = qwen.Qwen2_5_VLTextConfig(
        **TEXT,
        **_ids(tokenizer),
        num_key_value_heads=2,
        max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]},
    )
    config = hf.Qwen2_5_VLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=number("<|image_pad|>"),
        video_token_id=number("<|video_pad|>"),
        vision_start_token_id=number("<|vision_start|>"),
        vision_end_token_id=number("<|vision_end|>"),
    )
    sizes = dict(patch_size=7, merge_size=2, min_pixels=14 * 14 * 4, max_pixels=14 * 14 * 64)
    processor = hf.Qwen2_5_VLProcessor(
        image_processor=hf.Qwen2VLImageProcessor(**sizes),
        video_processor=hf.Qwen2VLVideoProcessor(**sizes),
        tokenizer=tokenizer,
        chat_template=_QWEN_TURN,
    )
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


def _towers(tokenizer: hf.PreTrainedTokenizerFast, length: int) -> dict:
    vision = dict(VISION, num_hidden_layers=3, image_size=48, patch_size=8)
    return dict(
        text_config=dict(VISION, max_position_embeddings=length, projection_size=32, **_ids(tokenizer)),
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


def text_only() -> tuple[hf.PreTrainedModel, hf.PreTrainedTokenizerFast]:
    """A language model that cannot see."""
    tokenizer = bytes_tokenizer([])
    return hf.LlamaForCausalLM(_llama(tokenizer)), tokenizer


BUILDERS: dict[str, Callable[[], tuple]] = {
    builder.__name__: builder
    for builder in (
        *(llava_clip, llava_siglip, llava_words, smolvlm, idefics3, qwen2_5_vl),
        *(clip, siglip, clipseg, text_only),
    )
}


def write(name: str, folder: Path) -> Path:
    """Build the checkpoint of this name, always with the same weights, and save it; returns the folder."""
    torch.manual_seed(0)
    model, processor = BUILDERS[name]()
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
