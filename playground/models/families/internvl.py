"""InternVL 3 (Zhu et al. 2025, arXiv:2504.10479): a picture stretched to a canvas of square tiles.

The tiles come row by row, and after them, where there are several, all of it in one. The tower's patches are folded
together, by default four into one token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.families.base import Family, patches_of
from playground.models.layout.grid import View, evenly, strided, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin


def _canvas(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """The picture stretched to a canvas of tiles, row by row, then all of it in one, if there are several."""
    from transformers.models.got_ocr2.image_processing_got_ocr2 import get_optimal_tiled_canvas

    height, width = inputs["pixel_values"].shape[-2:]
    strides = [patch / model.config.downsample_ratio for patch in model.config.vision_config.patch_size]
    pictures = processor.image_processor
    views: list[View] = []
    for place, image in enumerate(images):
        columns, rows = get_optimal_tiled_canvas(
            (image.height, image.width), (height, width), pictures.min_patches, pictures.max_patches
        )
        across, down = whole(image.size)
        shown = [(x, y) for y in evenly(down, rows) for x in evenly(across, columns)]
        shown += [(across, down)] if len(shown) > 1 else []
        views += [View(place, strided(x, width, strides[1]), strided(y, height, strides[0])) for x, y in shown]
    return views


INTERNVL = Family(
    "InternVL",
    ("internvl",),
    processor_settings={"image_seq_length": lambda config: int(patches_of(config) * config.downsample_ratio**2)},
    encoding="stacked",
    views=_canvas,
    whole_view=-1,
    continues=True,
)
