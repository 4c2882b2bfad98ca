"""A checkpoint's config tells what the model is for and which official class loads it."""

from __future__ import annotations

from typing import Any

from playground.checkpoints.catalog import EXAMPLE, Kind
from playground.checkpoints.files import LoadError


def architecture(name: str, config: dict[str, Any]) -> tuple[Kind, type]:
    """What the model is for, and the official class that loads it.

    Whatever transformers has a class for in one of these groups is taken, known to the playground or not:
    pictures and text to text, zero-shot classification (two encoders), masks from clicks. Of detectors, and of
    segmenters that read words, only those that are named here: each reads names in a way of its own.
    Raises LoadError for everything else, text-only language models first.
    """
    import transformers
    from transformers.models.auto import modeling_auto as auto

    model_type = config["model_type"]
    wanted = (config.get("architectures") or [""])[0]
    if model_type == "clipseg" and wanted != "CLIPSegModel":
        return "segment", transformers.CLIPSegForImageSegmentation
    if model_type in ("sam3", "sam3_video"):
        return "segment", transformers.Sam3Model
    if model_type in auto.MODEL_FOR_MASK_GENERATION_MAPPING_NAMES:
        return "segment", transformers.AutoModelForMaskGeneration
    if model_type in ("owlvit", "owlv2", "grounding-dino", "mm-grounding-dino"):
        return "detect", transformers.AutoModelForZeroShotObjectDetection
    if wanted == "BlipForQuestionAnswering":
        return "chat", transformers.AutoModelForVisualQuestionAnswering
    if model_type in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return "chat", transformers.AutoModelForImageTextToText
    if model_type in auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES:
        return "embed", transformers.AutoModelForZeroShotImageClassification
    if model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise LoadError(
            f"“{name}” ({model_type}) is a text-only language model: it cannot see. "
            f"Choose a vision-language model, for example moji-vlm or {EXAMPLE}."
        )
    own_code = " It would need code of its own, which is never run here." if "auto_map" in config else ""
    raise LoadError(
        f"“{name}” is of the class {wanted or model_type}, which the playground cannot use.{own_code} "
        "It takes chat models (LLaVA, SmolVLM, Qwen-VL …), encoders (CLIP, SigLIP), segmenters (CLIPSeg, SAM 2, SAM 3) "
        "and detectors (OWL-ViT, OWLv2, Grounding DINO)."
    )
