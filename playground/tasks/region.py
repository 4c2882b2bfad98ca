"""A click on a picture to the region that it means.

SAM is told the place itself. A model that reads only words is asked which of several names fits the place best; the
region is then the connected part of that name's mask that holds the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from playground.imaging.drawing import resized
from playground.imaging.opening import Picture, Source, open_picture
from playground.models.generation.image_features import ImageFeatureCache
from playground.moji.world import names
from playground.tasks import TaskError
from playground.tasks.segment import check_places, phrases, segment_at

if TYPE_CHECKING:
    from playground.models.segmentation import Point, SegmentationModel

_AT_ONCE = 32  # names that are painted together: all of Moji's at once would take 129 MB of a picture of 352 pixels

Share = tuple[float, float]
"""A place in shares of the picture's width and height, 0 to 1 from its top left corner."""


@dataclass(frozen=True, eq=False)
class Region:
    """What a phrase or some clicks stand for in a picture; the logits are kept, so that a threshold costs nothing.

    name: the phrase, or what the clicked thing is called.
    logits: float32 (h, w) over the whole picture, at any size.
    points: the clicked places that belong to it; none for a phrase that was only named.
    outside: the clicked places that do not.
    connected: only those parts of the mask count that hold one of `points` and none of `outside`; False where the
        model was told the places itself.
    """

    name: str
    logits: np.ndarray
    points: tuple[Share, ...] = ()
    outside: tuple[Share, ...] = ()
    connected: bool = False

    def mask(self, threshold: float = 0.5, size: tuple[int, int] | None = None) -> np.ndarray:
        """Bool (height, width): where the sigmoid of the logits is above `threshold` (0 to 1).

        size: (width, height) in pixels to scale the logits to, bilinear; None: as they are.
        """
        cut, logits = _logit(threshold), self.logits
        if self.connected:
            above = logits > cut
            wanted = reached_from(above, self.points) & ~reached_from(above, self.outside)
            logits = np.where(above & ~wanted, 2 * cut - logits, logits)  # mirrored, so that edges stay smooth
        return (logits if size is None else resized(logits, size)) > cut


def region_at(
    model: SegmentationModel,
    image: Source,
    point: Point,
    text: str = "",
    *,
    threshold: float = 0.5,
    seen: ImageFeatureCache | None = None,
) -> Region:
    """The thing at a place of the picture.

    A model that takes clicks gives its best mask (SAM 2, Ravi et al. 2024), and names nothing: “thing”. Of a model
    that reads only words the phrase with the highest logit at the place counts; one of Moji's is asked for every name
    of its world (261, some 0.7 s on one core) where no phrase fits or none is given.

    Args:
        point: x and y in pixels of the picture.
        text: phrases, separated by commas; "" for none.
        threshold: how probable (0 to 1) a name must be at the place to count there.
        seen: the session's encoded pictures; another click on one of them does not encode it again.

    Raises:
        TaskError: a place beside the picture, text that `phrases` refuses, no name that fits the place, or no phrase
            for a model of which it is not known what it can name.
    """
    image = open_picture(image)
    check_places(image, point)
    place = _share(point, image)
    if model.click_reason is None:
        return Region("thing", segment_at(model, image, [point], seen=seen).logits[0], (place,))
    seen = ImageFeatureCache() if seen is None else seen
    moji = bool(model.entry and model.entry.embedded)
    if not (text or "").strip() and not moji:
        raise TaskError("Type first what may be there, separated by commas: this model is asked by words.")
    best, cut = None, _logit(threshold)
    if (text or "").strip():
        best = _best_name(model, image, place, phrases(text), seen)
    if moji and (best is None or _at(best.logits, place) <= cut):
        known = _best_name(model, image, place, names(), seen)
        best = known if best is None or _at(known.logits, place) > cut else best
    if (logit := _at(best.logits, place)) <= cut:
        raise TaskError(
            f"Nothing is found at this place: the nearest is “{best.name}” with {100 / (1 + np.exp(-logit)):.0f} %, "
            f"and the threshold is {100 * threshold:.0f} %. Click on a thing, or lower the threshold."
        )
    return best


def refined(
    model: SegmentationModel,
    image: Source,
    region: Region,
    point: Point,
    *,
    belongs: bool = True,
    threshold: float = 0.5,
    seen: ImageFeatureCache | None = None,
) -> Region:
    """The region after one more click: on more of the thing, or (`belongs=False`) on what is not part of it.

    SAM computes the mask anew with all places. Of a connected region a part of the same name's mask is added or left
    out; no model runs.

    Raises:
        TaskError: a place beside the picture, one where the region's name is not found at the threshold, or a region
            of clicks with a model that takes none.
    """
    image = open_picture(image)
    check_places(image, point)
    place = _share(point, image)
    if region.connected and _at(region.logits, place) <= _logit(threshold):
        raise TaskError(f"There is no “{region.name}” at this place. Click on one, or lower the threshold.")
    changed = {"points": (*region.points, place)} if belongs else {"outside": (*region.outside, place)}
    region = replace(region, **changed)
    if region.connected:
        return region
    points, outside = ([_pixel(place, image) for place in places] for places in (region.points, region.outside))
    found = segment_at(model, image, points, outside=outside, seen=seen)
    return replace(region, logits=found.logits[0])


def reached_from(mask: np.ndarray, places: Sequence[Share]) -> np.ndarray:
    """Bool (H, W): the parts of the mask that are connected with one of the places, by sides of pixels, not corners."""
    from scipy.ndimage import label

    numbered, _ = label(mask)
    reached = {int(numbered[_cell(mask, place)]) for place in places} - {0}  # 0 is what lies off the mask
    return np.isin(numbered, list(reached))


def _best_name(
    model: SegmentationModel, image: Picture, place: Share, candidates: Sequence[str], seen: ImageFeatureCache
) -> Region:
    """The name with the highest logit at the place, with its map."""
    best = None
    for start in range(0, len(candidates), _AT_ONCE):
        found = model.segment(image, candidates[start : start + _AT_ONCE], seen=seen)
        at = found.logits[(slice(None), *_cell(found.logits[0], place))]
        index = int(at.argmax())
        if best is None or at[index] > _at(best.logits, place):
            best = Region(found.phrases[index], found.logits[index].copy(), (place,), connected=True)
    return best


def _logit(threshold: float) -> float:
    threshold = min(max(threshold, 1e-7), 1 - 1e-7)
    return float(np.log(threshold / (1 - threshold)))


def _cell(values: np.ndarray, place: Share) -> tuple[int, int]:
    """Row and column of an array (H, W) at a place."""
    return tuple(min(int(share * side), side - 1) for share, side in zip(place[::-1], values.shape, strict=True))


def _at(logits: np.ndarray, place: Share) -> float:
    return float(logits[_cell(logits, place)])


def _share(point: Point, picture: Picture) -> Share:
    return point[0] / picture.size[0], point[1] / picture.size[1]


def _pixel(place: Share, picture: Picture) -> Point:
    return place[0] * picture.size[0], place[1] * picture.size[1]
