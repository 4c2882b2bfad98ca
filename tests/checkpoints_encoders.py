"""Tiny random checkpoints of what embeds, segments and detects: SigLIP 2, SAM 2, SAM 3, OWL-ViT, Grounding DINO."""

from __future__ import annotations

from functools import partial

import torch
import transformers as hf
from tiny import CORPUS, VISION, Built, bytes_tokenizer, ids_of
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

_SMALL = dict(hidden_size=32, num_attention_heads=4, intermediate_size=64)
_MEMORY = dict(
    **dict(memory_attention_hidden_size=32, memory_attention_num_layers=1, memory_attention_num_attention_heads=1),
    **dict(memory_attention_feed_forward_hidden_size=32, memory_attention_rope_feat_sizes=[8, 8]),
    **dict(memory_encoder_hidden_size=32, memory_encoder_output_channels=8, mask_downsampler_embed_dim=32),
    **dict(memory_fuser_embed_dim=32, memory_fuser_intermediate_dim=32),
)


def _lively(model: hf.PreTrainedModel) -> hf.PreTrainedModel:
    """Larger weights: with those that transformers draws, one picture or click gives what any other gives."""
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(5)
    return model


def _calm(model: hf.PreTrainedModel) -> hf.PreTrainedModel:
    """A smaller box head: with the weights that transformers draws, many a box has no width or no height."""
    with torch.no_grad():
        model.box_head.dense2.weight.mul_(0.02)
    return model


def siglip2() -> Built:
    """SigLIP 2 as most checkpoints have it: SigLIP's class, and a tokenizer that knows no length and keeps capitals."""
    tokenizer = bytes_tokenizer([], bos=None, closed=True, padding_side="right")
    config = hf.SiglipConfig(
        text_config=dict(VISION, max_position_embeddings=64, projection_size=32, **ids_of(tokenizer)),
        vision_config=dict(VISION, image_size=48, patch_size=8),
    )
    pictures = hf.SiglipImageProcessor(size={"height": 48, "width": 48})
    return hf.SiglipModel(config), hf.SiglipProcessor(pictures, tokenizer)


def siglip2_naflex() -> Built:
    """SigLIP 2 that keeps a picture's shape: up to 36 patches of 8 pixels, the rest padded."""
    tokenizer = bytes_tokenizer([], bos=None, closed=True, padding_side="right")
    config = hf.Siglip2Config(
        text_config=dict(VISION, max_position_embeddings=64, projection_size=32, **ids_of(tokenizer)),
        vision_config=dict(VISION, num_patches=36, patch_size=8),
    )
    pictures = hf.Siglip2ImageProcessor(patch_size=8, max_num_patches=36)
    return hf.Siglip2Model(config), hf.Siglip2Processor(pictures, tokenizer)


def sam() -> Built:
    """The first SAM: a picture's longer side made 64 pixels long, the rest padded; 8 × 8 places."""
    vision = dict(VISION, image_size=64, patch_size=8, output_channels=32, mlp_dim=32, window_size=4)
    prompt, decoder = _sam_heads()
    config = hf.SamConfig(
        vision_config=dict(vision, global_attn_indexes=[1], num_pos_feats=16),
        prompt_encoder_config=dict(prompt, image_size=64, patch_size=8, image_embedding_size=8),
        mask_decoder_config=decoder,
    )
    square = {"height": 64, "width": 64}
    small = dict(mask_size={"longest_edge": 32}, mask_pad_size={"height": 32, "width": 32})
    pictures = hf.SamImageProcessor(size={"longest_edge": 64}, pad_size=square, **small)
    return _lively(hf.SamModel(config)), hf.SamProcessor(pictures)


def sam2() -> Built:
    """SAM 2: pictures stretched to 128 pixels, a pyramid of 32, 16 and 8 places a side."""
    config = hf.Sam2Config(**_sam2_parts())
    return _lively(hf.Sam2Model(config)), hf.Sam2Processor(_sam2_pictures())


def sam2_video() -> Built:
    """SAM 2 as its authors publish it: with the memory for video, which single pictures do not need."""
    config = hf.Sam2VideoConfig(
        **_sam2_parts(),
        **_MEMORY,
        image_size=128,
    )
    processor = hf.Sam2VideoProcessor(_sam2_pictures(), hf.Sam2VideoVideoProcessor(size={"height": 128, "width": 128}))
    return _lively(hf.Sam2VideoModel(config)), processor


def _sam2_parts() -> dict:
    backbone = hf.Sam2HieraDetConfig(
        **dict(hidden_size=8, image_size=[128, 128], blocks_per_stage=[1, 1, 2, 1], global_attention_blocks=[3]),
        **dict(embed_dim_per_stage=[8, 16, 24, 32], num_attention_heads_per_stage=[1, 2, 2, 2]),
        window_size_per_stage=[4, 4, 4, 4],
    )
    vision = hf.Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[32, 24, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=32,
    )
    prompt, decoder = _sam_heads()
    return dict(
        vision_config=vision,
        prompt_encoder_config=hf.models.sam2.Sam2PromptEncoderConfig(**prompt, image_size=128, patch_size=16),
        mask_decoder_config=hf.models.sam2.Sam2MaskDecoderConfig(**decoder),
    )


def _sam2_pictures() -> hf.Sam2ImageProcessor:
    return hf.Sam2ImageProcessor(size={"height": 128, "width": 128}, mask_size={"height": 32, "width": 32})


def _sam_heads() -> tuple[dict, dict]:
    prompt = dict(hidden_size=32, mask_input_channels=4)
    decoder = dict(hidden_size=32, mlp_dim=32, num_attention_heads=4, iou_head_hidden_dim=32)
    return prompt, decoder


def sam3() -> Built:
    """SAM 3's detector: pictures stretched to 112 pixels, 10 queries, words of up to 32 tokens."""
    tokenizer = _sam3_tokenizer()
    return _lively(hf.Sam3Model(_sam3_config(tokenizer))), hf.Sam3Processor(_sam3_pictures(), tokenizer)


def sam3_tracker() -> Built:
    """SAM 3's tracker for single pictures: clicks to masks."""
    return _lively(hf.Sam3TrackerModel(_sam3_tracker_config())), hf.Sam3TrackerProcessor(_sam3_pictures())


def sam3_video() -> Built:
    """SAM 3 as its authors publish it: detector and tracker on one backbone."""
    tokenizer = _sam3_tokenizer()
    tracker = hf.Sam3TrackerVideoConfig(
        **{key: value.to_dict() for key, value in _sam3_tracker_parts().items()},
        **_MEMORY,
        image_size=112,
    )
    config = hf.Sam3VideoConfig(
        detector_config=_sam3_config(tokenizer).to_dict(), tracker_config=tracker.to_dict(), low_res_mask_size=32
    )
    video = hf.Sam2VideoVideoProcessor(size={"height": 112, "width": 112})
    model = _lively(hf.Sam3VideoModel(config))
    # Under the names that the weights have on the Hub; those of the tracker would be prefixed twice otherwise.
    model.save_pretrained = partial(model.save_pretrained, save_original_format=False)
    return model, hf.Sam3VideoProcessor(_sam3_pictures(), video, tokenizer)


def _sam3_tokenizer() -> hf.PreTrainedTokenizerFast:
    return bytes_tokenizer([], closed=True, model_max_length=32, padding_side="right")


def _sam3_pictures() -> hf.Sam3ImageProcessor:
    return hf.Sam3ImageProcessor(size={"height": 112, "width": 112}, mask_size={"height": 32, "width": 32})


def _sam3_vision() -> hf.Sam3VisionConfig:
    backbone = hf.Sam3ViTConfig(
        **_SMALL, num_hidden_layers=2, image_size=112, window_size=4, global_attn_indexes=[1], pretrain_image_size=56
    )
    sizes = [[32, 32], [16, 16], [8, 8]]
    return hf.Sam3VisionConfig(backbone_config=backbone, fpn_hidden_size=32, backbone_feature_sizes=sizes)


def _sam3_config(tokenizer: hf.PreTrainedTokenizerFast) -> hf.Sam3Config:
    text = dict(VISION, max_position_embeddings=32, projection_dim=32, **ids_of(tokenizer))
    layers = dict(_SMALL, num_layers=1)
    return hf.Sam3Config(
        vision_config=_sam3_vision(),
        text_config=dict(text, model_type="clip_text_model"),
        geometry_encoder_config=layers,
        detr_encoder_config=layers,
        detr_decoder_config=dict(layers, num_queries=10),
        mask_decoder_config=dict(hidden_size=32, num_attention_heads=4),
    )


def _sam3_tracker_parts() -> dict:
    prompt, decoder = _sam_heads()
    return dict(
        vision_config=_sam3_vision(),
        prompt_encoder_config=hf.Sam3TrackerPromptEncoderConfig(**prompt, image_size=112, patch_size=14),
        mask_decoder_config=hf.Sam3TrackerMaskDecoderConfig(**decoder),
    )


def _sam3_tracker_config() -> hf.Sam3TrackerConfig:
    return hf.Sam3TrackerConfig(**_sam3_tracker_parts())


def owlvit() -> Built:
    """OWL-ViT: the picture is stretched to a square of 6 × 6 places, each with its box; words of up to 16 tokens."""
    tokenizer = bytes_tokenizer([], closed=True, model_max_length=16, padding_side="right")
    config = hf.OwlViTConfig(**_owl_parts(tokenizer), projection_dim=32)
    pictures = hf.OwlViTImageProcessor(size={"height": 48, "width": 48}, do_center_crop=False)
    return _calm(hf.OwlViTForObjectDetection(config)), hf.OwlViTProcessor(pictures, tokenizer)


def owlv2() -> Built:
    """OWLv2: as OWL-ViT, but the picture is padded to a square, at the right or at the bottom."""
    tokenizer = bytes_tokenizer([], closed=True, model_max_length=16, padding_side="right")
    config = hf.Owlv2Config(**_owl_parts(tokenizer), projection_dim=32)
    pictures = hf.Owlv2ImageProcessor(size={"height": 48, "width": 48})
    return _calm(hf.Owlv2ForObjectDetection(config)), hf.Owlv2Processor(pictures, tokenizer)


def _owl_parts(tokenizer: hf.PreTrainedTokenizerFast) -> dict:
    return dict(
        text_config=dict(VISION, max_position_embeddings=16, **ids_of(tokenizer)),
        vision_config=dict(VISION, image_size=48, patch_size=8),
    )


def grounding_dino() -> Built:
    """Grounding DINO: 20 queries, a Swin backbone, and BERT, whose numbers for marks and stops are written in."""
    tokenizer = _bert_tokenizer()
    backbone = hf.SwinConfig(
        **dict(image_size=64, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 2, 2], window_size=4),
        out_indices=[2, 3, 4],
    )
    text = hf.BertConfig(**VISION, vocab_size=len(tokenizer), max_position_embeddings=64)
    config = hf.GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        **dict(d_model=32, num_queries=20, max_text_len=64, num_feature_levels=4),
        **dict(encoder_layers=2, encoder_ffn_dim=32, encoder_attention_heads=4),
        **dict(decoder_layers=2, decoder_ffn_dim=32, decoder_attention_heads=4),
    )
    pictures = hf.GroundingDinoImageProcessor(size={"shortest_edge": 80, "longest_edge": 144})
    return hf.GroundingDinoForObjectDetection(config), hf.GroundingDinoProcessor(pictures, tokenizer)


def _bert_tokenizer() -> hf.PreTrainedTokenizerFast:
    """WordPiece with BERT's own numbers: [CLS] 101, [SEP] 102, the full stop 1012 and the question mark 1029."""
    fixed = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?"}
    words = sorted(set(" ".join(CORPUS).split()) - set(fixed.values()))
    pieces = [*words, *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"), *"abcdefghijklmnopqrstuvwxyz"]
    fixed |= {1100 + place: piece for place, piece in enumerate(dict.fromkeys(pieces))}
    vocabulary = {fixed.get(number, f"[unused{number}]"): number for number in range(max(fixed) + 1)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    marks = dict(unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]")
    return hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **marks)


BUILDERS = (
    *(siglip2, siglip2_naflex, sam, sam2, sam2_video, sam3, sam3_tracker, sam3_video),
    *(owlvit, owlv2, grounding_dino),
)
