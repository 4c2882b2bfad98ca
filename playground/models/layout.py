"""Which positions of the prompt hold a picture, and which part of the picture each of them shows.

Nothing here assumes a grid size: everything comes from the prepared inputs and the processor's own settings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

Box = tuple[float, float, float, float]

_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


class NoLayout(ValueError):
    """It is not known which part of a picture the model's image tokens show; the message says why."""


@dataclass(frozen=True)
class ImageLayout:
    """One view of one picture: a grid of image tokens, row by row.

    tokens: their positions in the prompt. boxes: (x0, y0, x1, y1) of each, in pixels of the original picture.
    image: which picture, counted from 0 through the conversation. grid: (rows, columns).
    A picture that is cut into tiles has one layout per tile and one for the view of the whole.
    """

    tokens: tuple[int, ...]
    boxes: tuple[Box, ...]
    image: int
    grid: tuple[int, int]


_KNOWN = re.compile(r"llava|smolvlm|idefics3|qwen\d.*_vl.*")


def unknown_layout(model: PreTrainedModel) -> str | None:
    """None for a family whose layout is known here, otherwise a sentence that says so."""
    family = model.config.model_type
    return None if _KNOWN.fullmatch(family) else f"How models of the type {family} lay out a picture is not known here."


def image_layouts(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> tuple[ImageLayout, ...]:
    """The layouts of all pictures of a prepared prompt, in the order of their tokens.

    inputs: what `ChatModel.prepare` returned. images: the conversation's pictures in their order.
    Raises NoLayout when there is no picture, for a family that is not known, and when the tokens do not add up.
    """
    if not images:
        raise NoLayout("There is no picture in this conversation, so there is nothing to look at.")
    family = model.config.model_type
    ids = inputs["input_ids"][0].tolist()
    places = [place for place, token in enumerate(ids) if token == model.config.image_token_id]
    if family == "llava" and "image_sizes" not in inputs:
        views = _llava(model, processor, inputs, images)
    elif family in ("smolvlm", "idefics3"):
        views = _tiles(processor, ids, places, images)
    elif family.startswith("qwen") and "image_grid_thw" in inputs:
        views = _merged_patches(processor, inputs, images)
    else:
        raise NoLayout(unknown_layout(model) or f"What {family} made of this picture is not known here.")
    if sum(rows * columns for _, _, (rows, columns) in views) != len(places):
        raise NoLayout(f"{len(places)} image tokens do not fit the grids that {family} should have made.")
    layouts, start = [], 0
    for image, region, (rows, columns) in views:
        tokens = tuple(places[start : start + rows * columns])
        boxes = _grid_boxes(region, (rows, columns), images[image].size)
        layouts.append(ImageLayout(tokens, boxes, image, (rows, columns)))
        start += rows * columns
    return tuple(layouts)


# A view: which picture, the region of it that is shown (in its pixels), and the grid of tokens over that region.
View = tuple[int, Box, tuple[int, int]]


def _llava(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """One grid per picture: the patches of what is left after resizing and, for CLIP, the centre crop."""
    height, width = inputs["pixel_values"].shape[-2:]
    patch = model.config.vision_config.patch_size
    grid = (height // patch, width // patch)
    return [
        (place, _shown(processor.image_processor, image, width, height), grid) for place, image in enumerate(images)
    ]


def _shown(image_processor, image: Image.Image, width: int, height: int) -> Box:
    """The part of the picture that a model input of width × height shows; beyond the picture where padded."""
    size = image_processor.size
    if size.get("shortest_edge"):
        short, edge = min(image.size), size["shortest_edge"]
        resized = tuple(edge if side == short else int(edge * side / short) for side in image.size)
    else:
        resized = (size["width"], size["height"])
    offsets = (0, 0)
    if image_processor.do_center_crop:
        offsets = tuple(int((had - kept) / 2) for had, kept in zip(resized, (width, height), strict=True))
    across, down = image.width / resized[0], image.height / resized[1]
    left, top = offsets
    return (left * across, top * down, (left + width) * across, (top + height) * down)


def _tiles(processor: ProcessorMixin, ids: list[int], places: list[int], images: Sequence[Image.Image]) -> list[View]:
    """Idefics3 and SmolVLM: tiles, each announced as <row_r_col_c>, then the whole picture, all stretched.

    The announcement is read from the text before each run of tokens: some tokenizers spell it in many tokens.
    """
    runs = [place for place in places if ids[place - 1] != ids[place]]
    each = len(places) // max(1, len(runs))
    side = math.isqrt(each)
    if side * side != each:
        raise NoLayout(f"{each} image tokens for one tile are no square.")
    announced = []
    for start, end in zip([0, *(run + each for run in runs)], runs, strict=False):
        found = _TILE.findall(processor.tokenizer.decode(ids[start:end], skip_special_tokens=False))
        announced.append((int(found[-1][0]), int(found[-1][1])) if found else None)
    views: list[View] = []
    image, tiles = 0, []
    for tile in announced:
        if tile is not None:
            tiles.append(tile)
            continue
        # The view of the whole ends a picture's tokens: only now its rows and columns are known.
        width, height = images[image].size
        across, down = max((c for _, c in tiles), default=1), max((r for r, _ in tiles), default=1)
        for row, column in tiles:
            left, top = (column - 1) * width / across, (row - 1) * height / down
            views.append((image, (left, top, left + width / across, top + height / down), (side, side)))
        views.append((image, (0.0, 0.0, float(width), float(height)), (side, side)))
        image, tiles = image + 1, []
    return views


def _merged_patches(processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]) -> list[View]:
    """Qwen-VL: a grid that follows the picture's shape, patches merged 2 × 2 into one token."""
    merge = processor.image_processor.merge_size
    grids = [(rows // merge, columns // merge) for _, rows, columns in inputs["image_grid_thw"].tolist()]
    return [
        (place, (0.0, 0.0, float(image.width), float(image.height)), grid)
        for place, (image, grid) in enumerate(zip(images, grids, strict=True))
    ]


def _grid_boxes(region: Box, grid: tuple[int, int], size: tuple[int, int]) -> tuple[Box, ...]:
    """Cut a region into a grid, row by row, and clip every box to the picture."""
    left, top, right, bottom = region
    xs = [min(max(left + (right - left) * i / grid[1], 0.0), float(size[0])) for i in range(grid[1] + 1)]
    ys = [min(max(top + (bottom - top) * i / grid[0], 0.0), float(size[1])) for i in range(grid[0] + 1)]
    return tuple(
        (xs[column], ys[row], xs[column + 1], ys[row + 1]) for row in range(grid[0]) for column in range(grid[1])
    )
