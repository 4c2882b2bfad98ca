"""A click in the segment tab: what is kept, with one region more or with one that the click changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from playground.imaging.drawing import resized
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.segmentation import SegmentationModel
from playground.tasks import TaskError
from playground.tasks.region import Region, Share, refined, region_at
from playground.ui.tabs.segment.view import Segmented

NEW, MORE, NOT = MEANINGS = ("A new thing", "More of it", "Not this")
"""What a click can mean; the last two change the region that was clicked last."""
CLICKED = 12
"""The most clicked things that are kept."""
_WORDS, _CLICKS = 352, 1024
"""The longest sides, in pixels, of a picture as models of words read it (CLIPSeg's own size), and those of clicks."""


def clicked(
    kept: Segmented,
    image: Image.Image,
    model: SegmentationModel,
    place: Share,
    meaning: str,
    words: str,
    threshold: float,
    seen: ImageFeatureCache,
) -> Segmented:
    """What is kept after a click on the picture `image`; see `region_at` and `refined` in `playground.tasks.region`.

    Raises:
        TaskError: nothing is found there, there is nothing to change yet, or too many things were clicked.
    """
    *before, last = kept.regions or (None,)
    read = for_words(image) if model.click_reason else _for_clicks(image)
    point = place[0] * read.width, place[1] * read.height
    options = {"threshold": threshold, "seen": seen}
    if meaning == NEW:
        count = sum(bool(region.points) for region in kept.regions)
        if count >= CLICKED:
            raise TaskError(f"{CLICKED} things are clicked already. Forget the clicks first.")
        region = region_at(model, read, point, words, **options)
        if not region.connected:
            region = replace(region, name=f"{region.name} {count + 1}")
        return replace(kept, regions=(*kept.regions, _small(region)))
    if last is None or not last.points:
        raise TaskError(f"Nothing was clicked yet that this could change. Choose “{NEW}” and click on a thing first.")
    region = refined(model, read, last, point, belongs=meaning == MORE, **options)
    return replace(kept, regions=(*before, _small(region)))


def for_words(image: Image.Image) -> Image.Image:
    """The picture as small as models of words read it, squeezed where it is larger."""
    return image.resize([min(side, _WORDS) for side in image.size])


def _for_clicks(image: Image.Image) -> Image.Image:
    read = image.copy()
    read.thumbnail((_CLICKS, _CLICKS))
    return read


def _small(region: Region) -> Region:
    """With logits of no more pixels than SAM's own masks (256 a side) have to tell."""
    height, width = region.logits.shape
    size = min(width, _WORDS), min(height, _WORDS)
    return replace(region, logits=np.ascontiguousarray(resized(region.logits, size)))
