"""LLaVA-NeXT (Liu et al. 2024) and LLaVA-OneVision (Li et al. 2024, arXiv:2408.03326): tiles at any resolution.

The whole picture comes first, then all its tiles as one grid with a mark after each row. The tiles are those of the
picture padded to the best of the resolutions that the model knows ("anyres"); rows or columns of nothing but padding
are left out, and LLaVA-OneVision shrinks grids that are too large. It shows several pictures without tiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from playground.models.families.base import Family, patches_of
from playground.models.families.llava import PROCESSOR_SETTINGS
from playground.models.layout.grid import Span, View, evenly, squared, strided, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin


def _any_resolution(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """The whole picture, then all its tiles as one grid, with a mark after each row.

    The tiles are those of the picture padded to the best of the resolutions that the model knows; rows or columns
    of nothing but padding are left out. LLaVA-OneVision shows several pictures without tiles, padded to squares.
    """
    tile, patch = inputs["pixel_values"].shape[-1], model.config.vision_config.patch_size
    several = "batch_num_images" in inputs and len(images) > 1
    views = []
    for place, image in enumerate(images):
        across, down = squared(image.size) if several else whole(image.size)
        grid = View(place, strided(across, tile, patch), strided(down, tile, patch), after=int(several))
        views += [grid] if several else [grid, _unpadded(model, image.size, place, tile, patch)]
    return views


def _unpadded(model: PreTrainedModel, picture: tuple[int, int], image: int, tile: int, patch: int) -> View:
    """The tokens of all tiles: `unpad_image` and the shrinking of large grids, as the models do them."""
    import numpy as np
    from transformers.image_processing_utils import get_patch_output_size, select_best_resolution

    width, height = picture
    best = select_best_resolution((height, width), model.config.image_grid_pinpoints)
    stand_in = np.broadcast_to(np.zeros(()), (height, width, 1))
    resized = get_patch_output_size(stand_in, best, input_data_format="channels_last")
    each = tile // patch
    rows, columns = (length // tile * each for length in best)
    top = left = 0
    if width / height > columns / rows:
        top = (rows - int(round(height * columns / width, 7))) // 2
    else:
        left = (columns - int(round(width * rows / height, 7))) // 2
    counts = (rows - 2 * top, columns - 2 * left)
    if most := getattr(model.config, "vision_aspect_ratio", "").removeprefix("anyres_max_"):
        ratio = math.sqrt(counts[0] * counts[1] / (int(most) * each**2))
        shrunk = counts if ratio <= 1.1 else tuple(int(count // ratio) for count in counts)
    else:
        shrunk = counts
    spans = [
        _across_tiles((first, first + count), kept, tile, patch, (goal - now) // 2, now, length)
        for first, count, kept, goal, now, length in zip(
            (top, left), counts, shrunk, best, resized, (height, width), strict=True
        )
    ]
    return View(image, spans[1], spans[0], row_end=1)


def _across_tiles(
    patches: Span, count: int, tile: int, patch: int, padding: int, resized: int, length: int
) -> tuple[Span, ...]:
    """Tokens that share the patches of a row of tiles, as spans of the picture.

    patches: first and last + 1 of them. A tile that is no multiple of the patch ends with pixels that are not seen.
    padding, resized: where the picture lies in the row of tiles. length: how long it is itself.
    """
    each = tile // patch
    spans = []
    for start, end in evenly(patches, count):
        before = math.ceil(end) - 1  # the patch that the end belongs to
        pixels = (start // each * tile + start % each * patch, before // each * (tile - each * patch) + end * patch)
        spans.append(tuple((pixel - padding) * length / resized for pixel in pixels))
    return tuple(spans)


LLAVA_NEXT = Family(
    "LLaVA-NeXT",
    ("llava_next",),
    processor_settings=PROCESSOR_SETTINGS,
    encoding="list",
    views=_any_resolution,
    continues=True,
)
LLAVA_ONEVISION = Family(
    "LLaVA-OneVision",
    ("llava_onevision",),
    processor_settings={
        "num_image_tokens": patches_of,
        "vision_feature_select_strategy": attrgetter("vision_feature_select_strategy"),
        "vision_aspect_ratio": attrgetter("vision_aspect_ratio"),
    },
    encoding="list",
    views=_any_resolution,
    continues=True,
)
