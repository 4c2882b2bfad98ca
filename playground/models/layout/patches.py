"""Pictures that become one grid of patches: what each patch shows, after resizing, cropping and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.layout.grid import Box, Span, View, evenly, squared, strided, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BaseImageProcessor, BatchFeature, PreTrainedModel, ProcessorMixin


def shown_patches(
    model: PreTrainedModel, image_processor: BaseImageProcessor, inputs: BatchFeature, size: tuple[int, int]
) -> tuple[tuple[int, int], tuple[Box, ...]]:
    """Rows and columns of an encoder's patches (CLIP, SigLIP), and what each shows of a picture of (width, height)."""
    if "spatial_shapes" in inputs:  # SigLIP 2 NaFlex: a grid that follows the picture's shape
        rows, columns = inputs["spatial_shapes"][0].tolist()
        across, down = whole(size)
        view = View(0, evenly(across, columns), evenly(down, rows))
    else:
        height, width = inputs["pixel_values"].shape[-2:]
        patch = model.config.vision_config.patch_size
        across, down = shown(image_processor, size, width, height)
        view = View(0, strided(across, width, patch), strided(down, height, patch))
    return view.grid, view.boxes(size)


def patches(model: PreTrainedModel, inputs: BatchFeature) -> tuple[int, int]:
    """Rows and columns of the vision tower's patches."""
    height, width = inputs["pixel_values"].shape[-2:]
    patch = model.config.vision_config.patch_size
    return height // patch, width // patch


def one_grid(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    inputs: BatchFeature,
    images: Sequence[Image.Image],
    *,
    before: int = 0,
) -> list[View]:
    """The patches of what is left after resizing and, for CLIP, the centre crop. before: tokens before a grid."""
    height, width = inputs["pixel_values"].shape[-2:]
    patch = model.config.vision_config.patch_size
    views = []
    for place, image in enumerate(images):
        across, down = shown(processor.image_processor, image.size, width, height)
        columns, rows = strided(across, width, patch), strided(down, height, patch)
        views.append(View(place, columns, rows, before=before))
    return views


def shown(image_processor, picture: tuple[int, int], width: int, height: int) -> tuple[Span, Span]:
    """The part of the picture that a model input of width × height shows; beyond the picture where padded."""
    padded = getattr(image_processor, "do_pad", False)
    shown = squared(picture) if padded else whole(picture)
    sides = tuple(end - start for start, end in shown)
    if not image_processor.do_center_crop:
        return shown
    size = image_processor.size
    if size.get("shortest_edge"):
        short, edge = min(sides), size["shortest_edge"]
        resized = tuple(edge if side == short else int(edge * side / short) for side in sides)
    else:
        resized = (size["width"], size["height"])
    spans = []
    for (start, _), had, now, kept in zip(shown, sides, resized, (width, height), strict=True):
        offset, scale = int((now - kept) / 2), had / now
        spans.append((start + offset * scale, start + (offset + kept) * scale))
    return spans[0], spans[1]
