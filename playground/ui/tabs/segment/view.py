"""What the segment tab shows of the masks that it keeps: overlay, slider or cut-out, and the legend; runs no model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from playground.imaging.drawing import Colour, colours, cut_out, enlarged, mark_places, masks_over
from playground.tasks.region import Region
from playground.ui.components import snippets

VIEWS = ("Overlay", "Before and after", "Cut-out")
STYLES = ("Filled and outlined", "Filled", "Outlined")
GONE = "No masks are kept here; they are kept for an hour. Segment the picture again."
_SHOWN = 1024
"""The longest side, in pixels, of a picture as it is shown."""


@dataclass(frozen=True, eq=False)  # compared by identity: Gradio hashes what a session keeps
class Segmented:
    """What is kept for the sliders and the next click.

    path: of the picture's file. size: (width, height) of the picture in pixels, as it was opened.
    shown: the picture as it is shown. regions: those of words first, then those of clicks, each with small logits.
    """

    path: str
    size: tuple[int, int]
    shown: Image.Image
    regions: tuple[Region, ...] = ()

    @property
    def titles(self) -> tuple[str, ...]:
        """What each region is called in the legend. No title comes twice, for no phrase has a comma."""
        titles, clicks = [], Counter()
        for region in self.regions:
            clicks[region.name] += bool(region.points)
            again = f" {clicks[region.name]}" if clicks[region.name] > 1 else ""
            titles.append(f"{region.name}, clicked{again}" if region.points else region.name)
        return tuple(titles)

    def is_of(self, other: Segmented) -> bool:
        """Whether both are of the same picture; the path may be that of a copy."""
        return self.size == other.size and self.shown == other.shown


def begun(path: str, image: Image.Image) -> Segmented:
    """A picture of which nothing is kept yet."""
    shown = image.copy()
    shown.thumbnail((_SHOWN, _SHOWN))
    return Segmented(path, image.size, enlarged(shown))


def draw(
    kept: Segmented | None, threshold: float, opacity: float, style: str, view: str, ticked: Sequence[str]
) -> tuple[Any, ...]:
    """Values for (overlay, slider, legend, files, note) from what is kept, or a sentence where nothing is.

    ticked: the titles of the regions that are ticked in the legend. Files that were made before are taken away:
    they would show something else.
    """
    if kept is None:
        return gr.skip(), gr.skip(), gr.skip(), gr.skip(), snippets.trouble(GONE)
    visible = ticked_in(kept, ticked)
    picture = _cut(kept, threshold, visible) if view == VIEWS[2] else _painted(kept, threshold, opacity, style, visible)
    split = view == VIEWS[1]
    classes = ["cut-out"] if view == VIEWS[2] else []
    overlay = gr.update(value=None if split else picture, visible=not split, elem_classes=classes)
    slider = gr.update(value=(kept.shown, picture) if split else None, visible=split)
    return overlay, slider, _legend(kept, threshold, visible), gr.update(value=None, visible=False), ""


def ticked_in(kept: Segmented, titles: Sequence[str]) -> list[int]:
    """The numbers of the regions with these titles; titles that are no longer there count nothing."""
    return [index for index, title in enumerate(kept.titles) if title in titles]


def overlaid(
    image: Image.Image, masks: np.ndarray, opacity: float, style: str, mask_colours: Sequence[Colour]
) -> Image.Image:
    """The masks over a picture of their size, in one of `STYLES`; outlines alone where that is the style."""
    opacity = 0 if style == STYLES[2] else opacity
    return masks_over(image, masks, opacity, style != STYLES[1], mask_colours)


def masks_of(kept: Segmented, threshold: float, visible: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """Bool (regions, height, width): the masks of the ticked regions."""
    masks = np.zeros((len(visible), size[1], size[0]), bool)
    for place, index in enumerate(visible):
        masks[place] = kept.regions[index].mask(threshold, size)
    return masks


def colours_of(kept: Segmented, visible: Sequence[int]) -> list[Colour]:
    """The colours of the ticked regions: a region has the same one whatever else is ticked."""
    every = colours(len(kept.regions))
    return [every[index] for index in visible]


def _painted(kept: Segmented, threshold: float, opacity: float, style: str, visible: Sequence[int]) -> Image.Image:
    """The overlay as it is shown, with a mark at every click."""
    own = colours_of(kept, visible)
    painted = overlaid(kept.shown, masks_of(kept, threshold, visible, kept.shown.size), opacity, style, own)
    for index, colour in zip(visible, own, strict=True):
        region = kept.regions[index]
        if region.points:
            painted = mark_places(painted, region.points, region.outside, colour)
    return painted


def _cut(kept: Segmented, threshold: float, visible: Sequence[int]) -> Image.Image:
    return cut_out(kept.shown, masks_of(kept, threshold, visible, kept.shown.size))


def _legend(kept: Segmented, threshold: float, visible: list[int]) -> Any:
    """A box to tick for each region, with what it covers of the picture itself, not of what is shown of it."""
    titles = kept.titles
    choices = [
        (f"{title}\n{_area(region, threshold, kept.size)}", title)
        for title, region in zip(titles, kept.regions, strict=True)
    ]
    return gr.update(choices=choices, value=[titles[index] for index in visible])


def _area(region: Region, threshold: float, size: tuple[int, int]) -> str:
    pixels = int(region.mask(threshold, size).sum())
    return f"{pixels:,} px · {snippets.percent(pixels / (size[0] * size[1]))}" if pixels else "not found"
