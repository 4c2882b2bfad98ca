"""The numbers that a model reads as a picture, turned back into a picture that people can look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from transformers import BaseImageProcessor


def as_read(image_processor: BaseImageProcessor, inputs: Mapping[str, torch.Tensor]) -> np.ndarray | None:
    """All views of the first picture as the model reads them: uint8 (views, height, width, 3).

    What the processor subtracted and divided by is put back; what it cropped, shrank or padded stays so. Qwen-VL's
    patches are laid out as the picture that they were cut from. None for a shape of pixels that is not known here.
    """
    pixels = inputs["pixel_values"].detach().float().cpu().numpy()
    if "image_grid_thw" in inputs:
        pixels = _put_together(image_processor, pixels, inputs["image_grid_thw"][0].tolist())
    if pixels.ndim == 5:  # (pictures, tiles, …)
        pixels = pixels[0]
    if pixels.ndim != 4 or pixels.shape[1] != 3:
        return None
    views = pixels.transpose(0, 2, 3, 1)
    if getattr(image_processor, "do_normalize", False):
        views = views * np.float32(image_processor.image_std) + np.float32(image_processor.image_mean)
    return (views * 255).clip(0, 255).round().astype(np.uint8)


def _put_together(image_processor: BaseImageProcessor, pixels: np.ndarray, grid: list[int]) -> np.ndarray:
    """(1, 3, height, width) from rows of one patch each, in which those that become one token are neighbours."""
    _, rows, columns = grid
    merge, side = image_processor.merge_size, image_processor.patch_size
    each = pixels[: rows * columns].reshape(rows // merge, columns // merge, merge, merge, 3, -1, side, side)
    first = each[:, :, :, :, :, 0]  # a picture is a video of two frames that are alike
    return first.transpose(4, 0, 2, 5, 1, 3, 6).reshape(1, 3, rows * side, columns * side)
