"""Every family that is known here, one line each: the only place that is to be touched for a new one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from playground.models.families.base import Family
from playground.models.families.blip import BLIP
from playground.models.families.blip2 import BLIP2, INSTRUCTBLIP
from playground.models.families.cohere2_vision import COHERE2_VISION
from playground.models.families.detectors_segmenters import GROUNDING_DINO, OWLV2, SAM
from playground.models.families.florence2 import FLORENCE2
from playground.models.families.gemma3 import GEMMA3
from playground.models.families.internvl import INTERNVL
from playground.models.families.llava import LLAVA, LLAVA_KIN
from playground.models.families.llava_next import LLAVA_NEXT, LLAVA_ONEVISION
from playground.models.families.paligemma import PALIGEMMA
from playground.models.families.processors import IDEFICS2, MISTRAL3
from playground.models.families.qwen_vl import QWEN_VL, QWEN_VL_KIN
from playground.models.families.smolvlm_idefics3 import SMOLVLM_IDEFICS3

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# The first one that serves a model's type is taken, so those with wide patterns come after the others.
FAMILIES: tuple[Family, ...] = (
    LLAVA,
    LLAVA_NEXT,
    LLAVA_ONEVISION,
    LLAVA_KIN,
    SMOLVLM_IDEFICS3,
    QWEN_VL,
    QWEN_VL_KIN,
    INTERNVL,
    PALIGEMMA,
    GEMMA3,
    FLORENCE2,
    BLIP,
    COHERE2_VISION,
    IDEFICS2,
    MISTRAL3,
    BLIP2,
    INSTRUCTBLIP,
    SAM,
    OWLV2,
    GROUNDING_DINO,
)
UNKNOWN = Family()


def family_of(config: PreTrainedConfig) -> Family:
    """The family of a model with this config; for a type that is not known here one with nothing special."""
    return family_named(config.model_type)


@cache
def family_named(model_type: str) -> Family:
    """The family that serves a model type, such as "qwen2_5_vl"."""
    return next((family for family in FAMILIES if family.serves(model_type)), UNKNOWN)


def type_of(config: PreTrainedConfig) -> str:
    """The name of a model's type, for sentences about models whose family is not known here."""
    return config.model_type
