"""Gemma 3 (Gemma Team 2025, arXiv:2503.19786): every picture as 256 tokens, the averages of its patches.

With "pan and scan" a long picture is followed by crops of it. Most layers see only the nearest tokens (a sliding
window); a conversation keeps all of them, so it can be continued exactly and taken back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from playground.models.families.base import Family
from playground.models.layout.grid import View, runs, strided, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin


def _pan_and_scan(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """The whole picture, its patches averaged; with pan and scan, then crops of a long picture.

    The crops are asked of the processor itself, by showing it the coordinates of the pixels instead of the pixels.
    """
    import torch

    vision = model.config.vision_config
    kept = math.isqrt(model.config.mm_tokens_per_image)
    stride = vision.image_size // vision.patch_size // kept * vision.patch_size
    several = len(runs(inputs["input_ids"][0].tolist(), model.config.image_token_id)) > len(images)
    pictures, options = processor.image_processor, processor.images_kwargs
    limits = ("pan_and_scan_min_crop_size", "pan_and_scan_max_num_crops", "pan_and_scan_min_ratio_to_activate")
    views = []
    for place, image in enumerate(images):
        shown = [whole(image.size)]
        if several:
            xs, ys = torch.arange(image.width), torch.arange(image.height)
            places = torch.stack(torch.meshgrid(ys, xs, indexing="ij")[::-1])
            for crop in pictures.pan_and_scan_batched(places, *(options[limit] for limit in limits)):
                (left, top), (right, bottom) = crop[:, 0, 0].tolist(), crop[:, -1, -1].tolist()
                shown.append(((left, right + 1), (top, bottom + 1)))
        views += [View(place, *(strided(span, vision.image_size, stride) for span in spans)) for spans in shown]
    return views


def _write_out_again(processor: ProcessorMixin) -> None:
    """Its processor writes a picture's tokens out once, when it is made."""
    tokenizer = processor.tokenizer
    inside = tokenizer.image_token * processor.image_seq_length
    processor.full_image_sequence = f"\n\n{tokenizer.boi_token}{inside}{tokenizer.eoi_token}\n\n"


GEMMA3 = Family(
    "Gemma 3",
    ("gemma3",),
    processor_settings={"image_seq_length": attrgetter("mm_tokens_per_image")},
    processor_completed=_write_out_again,
    encoding="stacked",
    views=_pan_and_scan,
    continues=True,
)
