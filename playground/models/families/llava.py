"""LLaVA 1.5 (Liu et al. 2023, arXiv:2310.03744): a CLIP tower, a projector of two layers, a decoder.

A picture is one square, cut out of the middle or padded, and one token a patch. Moji's chat models are of this class.
Checkpoints with a tower of another kind (Pixtral) share the class and lay their tokens out in another way.

VipLLaVA, Video-LLaVA and LLaVA-NeXT-Video need the same settings in their processors; no more is known of them here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from playground.models.families.base import Family
from playground.models.layout.patches import one_grid

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def has_class_token(config: PreTrainedConfig) -> int:
    """How many tokens a picture has beside its patches: 1 where the tower puts one before them."""
    return int(config.vision_config.model_type in ("clip_vision_model", "vit", "dinov2"))


def _strange_tower(model: PreTrainedModel) -> str | None:
    tower = getattr(getattr(model.config, "vision_config", None), "model_type", "")
    if re.fullmatch(r"(clip|siglip)_vision_model", tower):
        return None
    return f"How models of the type llava lay out a picture with a tower of the type {tower} is not known here."


PROCESSOR_SETTINGS: dict[str, Callable[[PreTrainedConfig], Any]] = {
    "patch_size": attrgetter("vision_config.patch_size"),
    "vision_feature_select_strategy": attrgetter("vision_feature_select_strategy"),
    "num_additional_image_tokens": has_class_token,
}

LLAVA = Family(
    "LLaVA 1.5",
    ("llava",),
    processor_settings=PROCESSOR_SETTINGS,
    encoding="list",
    views=one_grid,
    layout_reason=_strange_tower,
    continues=True,
)
LLAVA_KIN = Family(
    "VipLLaVA, Video-LLaVA, LLaVA-NeXT-Video",
    ("llava_next_video", "vipllava", "video_llava"),
    processor_settings=PROCESSOR_SETTINGS,
)
