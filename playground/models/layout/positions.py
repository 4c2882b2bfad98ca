"""Which tokens hold a picture, and which part of the picture each of them shows.

Nothing here assumes a grid size: everything comes from the prepared inputs and the model's and the processor's own
settings. How a family lays out a picture is in its file in `playground.models.families`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from playground.models.families.registry import family_of, type_of
from playground.models.layout.grid import Box, NoLayout
from playground.models.layout.patches import shown_patches

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

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
    family = family_of(model.config)
    if family.views is None:
        return f"How models of the type {type_of(model.config)} lay out a picture is not known here."
    return family.layout_reason(model)


def image_positions(model: PreTrainedModel, inputs: BatchFeature) -> list[int]:
    """Where the pictures of a prepared prompt are: its image tokens, or for BLIP its vision tower's states."""
    return family_of(model.config).image_positions(model, inputs)


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
    family = family_of(model.config)
    views = family.views(model, processor, inputs, images)
    places = image_positions(model, inputs)
    if sum(map(len, views)) != len(places):
        raise NoLayout(f"{len(places)} image tokens do not fit the grids that {family.name} should have made.")
    layouts, start = [], 0
    for view in views:
        if tokens := view.placed(places[start : start + len(view)]):
            boxes = view.boxes(images[view.image].size)
            layouts.append(ImageLayout(tokens, boxes, view.image, view.grid, family.sequence))
        start += len(view)
    return tuple(layouts)
