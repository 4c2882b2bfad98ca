"""The views of families that cut a picture into tiles and show them beside the whole."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.layout.grid import NoLayout, Span, View, evenly, squared, strided, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


def announced(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """Idefics3 and SmolVLM: tiles, each announced as <row_r_col_c>, then the whole picture, all stretched.

    The announcement is read from the text before each run of tokens: some tokenizers spell it in many tokens.
    """
    ids = inputs["input_ids"][0].tolist()
    runs = _runs(ids, model.config.image_token_id)
    each = runs[0][1] - runs[0][0]
    side = math.isqrt(each)
    if side * side != each:
        raise NoLayout(f"{each} image tokens for one tile are no square.")
    views: list[View] = []
    image, tiles, before = 0, [], 0
    for start, end in runs:
        found = _TILE.findall(processor.tokenizer.decode(ids[before:start], skip_special_tokens=False))
        before = end
        if found:
            tiles.append((int(found[-1][0]), int(found[-1][1])))
            continue
        # The view of the whole ends a picture's tokens: only now its rows and columns are known.
        across, down = whole(images[image].size)
        columns = evenly(across, max((column for _, column in tiles), default=1))
        rows = evenly(down, max((row for row, _ in tiles), default=1))
        shown = [(columns[column - 1], rows[row - 1]) for row, column in tiles] + [(across, down)]
        views += [View(image, evenly(x, side), evenly(y, side)) for x, y in shown]
        image, tiles = image + 1, []
    return views


def _runs(ids: list[int], token: int) -> list[tuple[int, int]]:
    """Start and end of every unbroken run of a token."""
    starts = [i for i, found in enumerate(ids) if found == token and (i == 0 or ids[i - 1] != token)]
    ends = [i + 1 for i, found in enumerate(ids) if found == token and (i + 1 == len(ids) or ids[i + 1] != token)]
    return list(zip(starts, ends, strict=True))


def canvas(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """InternVL: the picture stretched to a canvas of tiles, row by row, then all of it in one, if there are several."""
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


def pan_and_scan(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """Gemma 3: the whole picture, its patches averaged; with pan and scan, then crops of a long picture.

    The crops are asked of the processor itself, by showing it the coordinates of the pixels instead of the pixels.
    """
    import torch

    vision = model.config.vision_config
    kept = math.isqrt(model.config.mm_tokens_per_image)
    stride = vision.image_size // vision.patch_size // kept * vision.patch_size
    several = len(_runs(inputs["input_ids"][0].tolist(), model.config.image_token_id)) > len(images)
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


def any_resolution(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """LLaVA-NeXT and LLaVA-OneVision: the whole picture, then all its tiles as one grid, with a mark after each row.

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
