"""Which tokens hold a picture, and which part of the picture each of them shows.

Nothing here assumes a grid size: everything comes from the prepared inputs and the model's and the processor's own
settings. Families that cut a picture into tiles have theirs in `layout_tiles`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from playground.models.layout import tiles as layout_tiles
from playground.models.layout.grid import Box, NoLayout, Span, View, evenly, squared, strided, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BaseImageProcessor, BatchFeature, PreTrainedModel, ProcessorMixin

__all__ = ["Box", "ImageLayout", "NoLayout", "image_layouts", "image_positions", "shown_patches", "unknown_layout"]


@dataclass(frozen=True)
class ImageLayout:
    """One view of one picture: a grid of image tokens, row by row.

    tokens: their positions. boxes: (x0, y0, x1, y1) of each, in pixels of the original picture; one of no area lies
    in the padding. image: which picture, counted from 0 through the conversation. grid: (rows, columns).
    sequence: what the positions count. "prompt": the tokens that the answer continues. "encoder": the states that
    a decoder looks at by cross-attention (BLIP: its vision tower's; Florence-2: its encoder's, which are as many as
    the prompt's tokens).
    A picture that is cut into tiles has one layout per tile and one for the view of the whole. A video's frames
    are pictures.
    """

    tokens: tuple[int, ...]
    boxes: tuple[Box, ...]
    image: int
    grid: tuple[int, int]
    sequence: Literal["prompt", "encoder"] = "prompt"


def unknown_layout(model: PreTrainedModel) -> str | None:
    """None for a family whose layout is known here, otherwise a sentence that says so."""
    family = model.config.model_type
    if family == "blip" and hasattr(model, "text_encoder"):
        return "What it answers from is its reading of the question, which has no place in the picture."
    tower = getattr(getattr(model.config, "vision_config", None), "model_type", "")
    if _views_of(family) is None:
        return f"How models of the type {family} lay out a picture is not known here."
    if family == "llava" and not re.fullmatch(r"(clip|siglip)_vision_model", tower):
        return f"How models of the type {family} lay out a picture with a tower of the type {tower} is not known here."
    return None


def image_positions(model: PreTrainedModel, inputs: BatchFeature) -> list[int]:
    """Where the pictures of a prepared prompt are: its image tokens, or for BLIP its vision tower's states."""
    if model.config.model_type == "blip":
        rows, columns = _patches(model, inputs)
        return list(range(1 + rows * columns))
    image = getattr(model.config, "image_token_id", None)
    return [place for place, token in enumerate(inputs["input_ids"][0].tolist()) if token == image]


def image_layouts(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> tuple[ImageLayout, ...]:
    """The layouts of all pictures of a prepared prompt, in the order of their tokens.

    inputs: what `ChatModel.prepare` returned. images: the conversation's pictures in their order.
    Raises NoLayout when there is no picture, for a family that is not known, and when the tokens do not add up.
    """
    if not images:
        raise NoLayout("There is no picture in this conversation, so there is nothing to look at.")
    if reason := unknown_layout(model):
        raise NoLayout(reason)
    family = model.config.model_type
    views = _views_of(family)(model, processor, inputs, images)
    places = image_positions(model, inputs)
    if sum(map(len, views)) != len(places):
        raise NoLayout(f"{len(places)} image tokens do not fit the grids that {family} should have made.")
    sequence = "encoder" if family in ("blip", "florence2") else "prompt"
    layouts, start = [], 0
    for view in views:
        if tokens := view.placed(places[start : start + len(view)]):
            boxes = view.boxes(images[view.image].size)
            layouts.append(ImageLayout(tokens, boxes, view.image, view.grid, sequence))
        start += len(view)
    return tuple(layouts)


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
        across, down = _shown(image_processor, size, width, height)
        view = View(0, strided(across, width, patch), strided(down, height, patch))
    return view.grid, view.boxes(size)


def _patches(model: PreTrainedModel, inputs: BatchFeature) -> tuple[int, int]:
    """Rows and columns of the vision tower's patches."""
    height, width = inputs["pixel_values"].shape[-2:]
    patch = model.config.vision_config.patch_size
    return height // patch, width // patch


def _one_grid(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """LLaVA 1.5, PaliGemma and BLIP: the patches of what is left after resizing and, for CLIP, the centre crop."""
    height, width = inputs["pixel_values"].shape[-2:]
    patch = model.config.vision_config.patch_size
    class_token = int(model.config.model_type == "blip")
    views = []
    for place, image in enumerate(images):
        across, down = _shown(processor.image_processor, image.size, width, height)
        columns, rows = strided(across, width, patch), strided(down, height, patch)
        views.append(View(place, columns, rows, before=class_token))
    return views


def _shown(image_processor, picture: tuple[int, int], width: int, height: int) -> tuple[Span, Span]:
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


def _merged_patches(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """Qwen-VL: a grid that follows the picture's shape, patches merged 2 × 2 into one token."""
    merge = processor.image_processor.merge_size
    grids = [(rows // merge, columns // merge) for _, rows, columns in inputs["image_grid_thw"].tolist()]
    views = []
    for place, (image, (rows, columns)) in enumerate(zip(images, grids, strict=True)):
        across, down = whole(image.size)
        views.append(View(place, evenly(across, columns), evenly(down, rows)))
    return views


def _convolved(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """Florence-2: one token for the mean of all, then a grid made by convolutions that start at the padded edge.

    Token i sees around pixel stride · i, not around the middle of the i-th part: its box is where it is nearest.
    """
    vision = model.config.vision_config
    views = []
    for place, image in enumerate(images):
        spans = []
        for length, (start, end) in zip(inputs["pixel_values"].shape[:-3:-1], whole(image.size), strict=True):
            count, stride = length, 1
            for kernel, step, padding in zip(vision.patch_size, vision.patch_stride, vision.patch_padding, strict=True):
                count, stride = (count + 2 * padding - kernel) // step + 1, stride * step
            scale = (end - start) / length
            edges = [start, *(start + (stride * (i - 0.5) + 0.5) * scale for i in range(1, count)), end]
            spans.append(tuple(zip(edges, edges[1:], strict=False)))
        views += [View(place, *((span,) for span in whole(image.size))), View(place, *spans)]
    return views


_Views = Callable[["PreTrainedModel", "ProcessorMixin", "BatchFeature", Sequence["Image.Image"]], list[View]]


def _views_of(family: str) -> _Views | None:
    if re.fullmatch(r"qwen(\d.*_vl.*|3_5.*)", family):
        return _merged_patches
    return {
        **dict.fromkeys(("llava", "paligemma", "blip"), _one_grid),
        **dict.fromkeys(("smolvlm", "idefics3"), layout_tiles.announced),
        **dict.fromkeys(("llava_next", "llava_onevision"), layout_tiles.any_resolution),
        "internvl": layout_tiles.canvas,
        "gemma3": layout_tiles.pan_and_scan,
        "florence2": _convolved,
    }.get(family)
