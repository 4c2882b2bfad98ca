"""How the patches of a picture attend to each other in a vision encoder: CLIP, SigLIP, a chat model's vision tower.

Nothing is said here, so nothing is chosen: one run over the picture gives the whole squares of all layers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.imaging.opening import Source, open_picture
from playground.models.families.registry import family_of
from playground.models.layout.positions import Box, ImageLayout, NoLayout, image_layouts, shown_patches

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import PreTrainedModel

    from playground.models.chat import ChatModel
    from playground.models.embedding import EmbeddingModel

MOST_BYTES = 2_000_000_000
"""Squares that would take more than this are refused: 24 layers of 16 heads over 1,140 tokens take as much."""


@dataclass(frozen=True, eq=False)
class EncoderAttention:
    """The self-attention of a vision encoder over one picture.

    attention: float32 (layers, heads, tokens, tokens); row q is what token q attends to, and sums to 1.
    layouts: one layout, whose tokens are those that show a place, row by row; a class token is in none.
    image_sizes: (width, height) of the picture. `playground.interpret.painting.paint` takes this in place of a trace:
    `paint(found.attention[layer, head, token][list(found.layouts[0].tokens)], found)`.
    """

    attention: np.ndarray
    layouts: tuple[ImageLayout, ...]
    image_sizes: tuple[tuple[int, int], ...]


def encoder_attention(model: ChatModel | EmbeddingModel, image: Source) -> EncoderAttention:
    """How the patches of a picture attend to each other: one run of the vision encoder alone.

    Where a chat model cuts a picture into tiles, it is the view of the whole. Raises NoLayout, with a sentence, where
    the encoder's attention cannot be read, or would take more than `MOST_BYTES`.
    """
    import torch

    from playground.models.chat import ChatModel
    from playground.models.generation.stopping import alone

    chats, image = isinstance(model, ChatModel), open_picture(image).image
    inputs, grid, boxes = (_of_chat if chats else _of_encoder)(model, image)
    layers: list[torch.Tensor] = []
    if grid is not None:
        with alone(model.model, model.lock) if chats else contextlib.nullcontext(), torch.inference_mode():
            layers = _squares(model.model, inputs, chats)
    if grid is None or len({layer.shape for layer in layers}) != 1 or layers[0].shape[-1] < grid[0] * grid[1]:
        raise NoLayout("Its vision encoder does not attend from patch to patch, so there is nothing to show.")
    order = reading_order(model.model, inputs, grid)
    squares = torch.stack(layers).cpu().numpy()
    if order is not None:
        squares = squares[:, :, order][..., order]
    tokens = grid[0] * grid[1]
    before = 0 if "spatial_shapes" in inputs else squares.shape[-1] - tokens
    squares = squares[..., : before + tokens, : before + tokens]
    layout = ImageLayout(tuple(range(before, before + tokens)), boxes, 0, grid, "encoder")
    return EncoderAttention(squares, (layout,), (image.size,))


_Prepared = tuple[dict[str, "torch.Tensor"], "tuple[int, int] | None", tuple[Box, ...]]


def _of_encoder(model: EmbeddingModel, image: Image.Image) -> _Prepared:
    processor = model.processor.image_processor
    inputs = dict(processor(images=[image], return_tensors="pt").to(model.device, dtype=model.model.dtype))
    if not hasattr(getattr(model.model.config, "vision_config", None), "patch_size"):
        return inputs, None, ()
    return inputs, *shown_patches(model.model, processor, inputs, image.size)


def _of_chat(model: ChatModel, image: Image.Image) -> _Prepared:
    """What the encoder takes, its rows and columns of patches, and the part of the picture that each one shows."""
    from playground.models.generation import image_inputs as vision
    from playground.models.messages import Message

    prepared = model.prepare([Message("user", "", (image,))])
    layouts = image_layouts(model.model, model.processor, prepared, [image])
    family = family_of(model.model.config)
    if not family.patches_attend:
        return dict(prepared), None, ()
    layout, parts = layouts[family.whole_view], vision.parts(model.model, prepared)
    if parts is None:  # the picture is one view, with a token for each patch
        return {"pixel_values": prepared["pixel_values"]}, layout.grid, layout.boxes
    inputs = parts[family.whole_view].inputs
    grid = patch_grid(model.model, inputs)
    return inputs, grid, _split(layout, grid)


def patch_grid(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> tuple[int, int] | None:
    """Rows and columns of the patches of the first picture or tile; None where there is no one size of a patch."""
    if "image_grid_thw" in inputs:
        _, rows, columns = inputs["image_grid_thw"][0].tolist()
        return rows, columns
    patch = getattr(model.config.vision_config, "patch_size", None)
    sides = tuple(patch) if isinstance(patch, Sequence) else (patch, patch)
    if len(sides) != 2 or None in sides:
        return None
    rows, columns = (int(length) // side for length, side in zip(inputs["pixel_values"].shape[-2:], sides, strict=True))
    return rows, columns


def _split(layout: ImageLayout, grid: tuple[int, int]) -> tuple[Box, ...]:
    """Boxes for a finer grid than the layout's: the tokens of a language model hold several patches each."""
    (rows, columns), (coarse_rows, coarse_columns) = grid, layout.grid
    down, across = rows // coarse_rows, columns // coarse_columns
    if (down * coarse_rows, across * coarse_columns) != grid:
        raise NoLayout(f"{rows} × {columns} patches do not fit {coarse_rows} × {coarse_columns} tokens.")
    boxes = []
    for row in range(rows):
        for column in range(columns):
            x0, y0, x1, y1 = layout.boxes[row // down * coarse_columns + column // across]
            width, height = (x1 - x0) / across, (y1 - y0) / down
            left, top = x0 + column % across * width, y0 + row % down * height
            boxes.append((left, top, left + width, top + height))
    return tuple(boxes)


def _squares(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor], chats: bool) -> list[torch.Tensor]:
    """Float32 (heads, tokens, tokens) of every layer, in the encoder's own order of tokens."""

    from playground.models.attention import plug_in_vision, watching

    if (own := family_of(model.config).tower_squares) is not None:
        return own(model, inputs)
    if reason := plug_in_vision(model):
        raise NoLayout(reason)
    blocks: dict[int, list[torch.Tensor]] = {}

    def keep(module: torch.nn.Module, weights: torch.Tensor) -> None:
        # The first of a batch is the view of the whole; a layer of windows reports one square after the other.
        blocks.setdefault(id(module), []).append(weights[0])
        if sum(block.nbytes for layer in blocks.values() for block in layer) > MOST_BYTES:
            raise NoLayout("The attention between all its patches takes more than 2 GB. Show a smaller picture.")

    with watching(keep):
        (model.base_model if chats else model).get_image_features(**inputs)
    return [_diagonal(layer) for layer in blocks.values()]


def _diagonal(blocks: list[torch.Tensor]) -> torch.Tensor:
    """One square of (heads, size, size) blocks along the diagonal: nothing is seen from window to window."""
    size = sum(block.shape[-1] for block in blocks)
    if len(blocks) == 1:
        return blocks[0]
    square, start = blocks[0].new_zeros(len(blocks[0]), size, size), 0
    for block in blocks:
        end = start + block.shape[-1]
        square[:, start:end, start:end] = block
        start = end
    return square


def reading_order(
    model: PreTrainedModel, inputs: Mapping[str, torch.Tensor], grid: tuple[int, int]
) -> np.ndarray | None:
    """Where each patch stands in the encoder's order, row by row; None where it has them row by row itself.

    Qwen-VL reads the patches that become one token one after the other, and Qwen2.5-VL window by window.
    """
    if "image_grid_thw" not in inputs:
        return None
    vision = model.config.vision_config
    merge, (rows, columns) = vision.spatial_merge_size, grid
    patches = np.arange(rows * columns).reshape(rows // merge, merge, columns // merge, merge)
    read = patches.transpose(0, 2, 1, 3).reshape(-1, merge * merge)
    if hasattr(vision, "fullatt_block_indexes"):
        from transformers.vision_utils import get_vision_window_index

        sizes = dict(spatial_merge_size=merge, window_size=vision.window_size, patch_size=vision.patch_size)
        windows, _ = get_vision_window_index(inputs["image_grid_thw"], **sizes)
        read = read[windows.cpu().numpy()]
    return read.ravel().argsort()
