"""A checkpoint's config tells what the model is for and which official class loads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.checkpoints.catalog import EXAMPLE, Kind
from playground.checkpoints.conversions import named_copy
from playground.checkpoints.files import LoadError

if TYPE_CHECKING:
    from transformers import ProcessorMixin

# What is no model for an answer, a mask or a box, by a part of its class's name, and what it is instead.
_OTHERS = {
    "ForRetrieval": "a page search model: it makes many vectors of each page, to be compared with a question's",
    "ColQwen": "a page search model: it makes many vectors of each page, to be compared with a question's",
    "ColPali": "a page search model: it makes many vectors of each page, to be compared with a question's",
    "ColIdefics": "a page search model: it makes many vectors of each page, to be compared with a question's",
    "ColSmol": "a page search model: it makes many vectors of each page, to be compared with a question's",
    "ForSequenceClassification": "a classifier: it gives scores, no words",
    "RewardModel": "a reward model: it gives scores, no words",
    "ForImageClassification": "an image classifier with a fixed list of names",
    "ForObjectDetection": "a detector with a fixed list of names",
    "ForSemanticSegmentation": "a segmenter with a fixed list of names",
}


# Checkpoints for videos whose part for single pictures is used here.
_PICTURES_ONLY = {"sam2_video": "Sam2Processor"}


def processor_class(model_type: str) -> type[ProcessorMixin] | None:
    """The processor class that transformers has for a model type, or None."""
    import transformers
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES

    named = _PICTURES_ONLY.get(model_type) or PROCESSOR_MAPPING_NAMES.get(model_type)
    return getattr(transformers, named, None) if isinstance(named, str) else None


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
    wanted = str((config.get("architectures") or [""])[0])
    if instead := named_copy(name, config):
        raise LoadError(instead)
    _refuse_others(name, wanted, model_type)
    _refuse_unknown_parts(name, config)
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


def _refuse_others(name: str, wanted: str, model_type: str) -> None:
    """Raise LoadError for a head that neither answers nor points: its family's class would make up what it lacks."""
    if model_type in ("owlvit", "owlv2", "grounding-dino", "mm-grounding-dino"):  # their heads read names
        return
    if what := next((what for part, what in _OTHERS.items() if part in wanted), None):
        raise LoadError(f"“{name}” ({wanted}) is {what}. The playground cannot use it; pick another model.")


def _refuse_unknown_parts(name: str, config: dict[str, Any]) -> None:
    """Raise LoadError where a part of the model is of a type that transformers has no class for."""
    import transformers
    from transformers import CONFIG_MAPPING, AutoConfig

    if config["model_type"] not in CONFIG_MAPPING:
        return
    for part, kind in CONFIG_MAPPING[config["model_type"]].sub_configs.items():
        inner = config.get(part)
        inner_type = inner.get("model_type") if isinstance(inner, dict) else None
        if kind is not AutoConfig or inner_type is None or inner_type in CONFIG_MAPPING or inner_type in RENAMED:
            continue
        raise LoadError(
            f"The {part} of “{name}” is of the type “{inner_type}”, which transformers {transformers.__version__} does "
            "not know. Take a copy that was saved for transformers' own classes, or update transformers if it is new."
        )


# Types of parts that early checkpoints name and later versions call otherwise.
RENAMED = {"grounding-dino-text-prenet": "bert"}
