"""Qwen2-VL (Wang et al. 2024, arXiv:2409.12191), Qwen2.5-VL (Bai et al. 2025, arXiv:2502.13923), Qwen3-VL, Qwen3.5.

A picture keeps its own shape: a grid of patches, four of which are merged into one token by a part of the tower. All
patches of all pictures stand in one row, cut by `image_grid_thw`; positions count time, height and width and are kept
on the module from one prompt to the next. Base models were shown pictures between two marks of their own.

Qwen2.5-VL's tower reads window by window. Qwen3-VL feeds features of several layers of its tower into layers of the
decoder ("deepstack"). Most layers of Qwen3.5's decoder are linear attention: they keep one running state instead of
keys and values, so there is no complete attention map, and a conversation can be continued where it ended but not
taken back to where it was edited; `prefix_cache` sees the layers and computes such a turn anew.

Other members (mixtures of experts …) lay out a picture in the same way; no more is known of them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.families.base import Family
from playground.models.layout.grid import View, evenly, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin


def merged_patches(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """A grid that follows the picture's shape, patches merged 2 × 2 into one token."""
    merge = processor.image_processor.merge_size
    grids = [(rows // merge, columns // merge) for _, rows, columns in inputs["image_grid_thw"].tolist()]
    views = []
    for place, (image, (rows, columns)) in enumerate(zip(images, grids, strict=True)):
        across, down = whole(image.size)
        views.append(View(place, evenly(across, columns), evenly(down, rows)))
    return views


QWEN_VL = Family(
    "Qwen-VL",
    ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5"),
    encoding="list",
    views=merged_patches,
    continues=True,
)
QWEN_VL_KIN = Family("Qwen-VL, other members", (r"qwen\d.*_vl.*", r"qwen3_5.*"), views=merged_patches)
