"""Words, clicks or a box to masks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.imaging.opening import Picture, Source, open_picture
from playground.tasks import TaskError, whole_text

if TYPE_CHECKING:
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.segmentation import Box, Point, Segmentation, SegmentationModel

PHRASES, PHRASE_LENGTH = 12, 80
"""How many phrases one picture is searched for (there are as many colours), and their longest length."""


# A phrase in quotation marks may have commas; without them it ends at one.
_PHRASE = re.compile(r"""\s*(?:"([^"\n]*)"|“([^”\n]*)”|([^,;\n]*))\s*(?:[,;\n]|$)""")


def phrases(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """The phrases of a list, or of a comma-separated text, without blanks, without repeats.

    What stands in quotation marks is one phrase, and so is each item of a list, be it a list or the JSON of one:
    `"red, round circle", cat` and `["red, round circle", "cat"]` are two.

    Example:
        >>> phrases("dog,  cat, Dog")
        ('Dog', 'cat')
        >>> phrases(["red, round circle", "cat"])
        ('red, round circle', 'cat')

    Raises:
        TaskError: no phrase, half of a character, more than `PHRASES`, or one of more than `PHRASE_LENGTH` characters.
    """
    listed = _split(text or "") if isinstance(text, str | None) else [str(part) for part in text]
    parts = [re.sub(r"\s+", " ", whole_text(part, "A phrase")).strip() for part in listed]
    found = tuple({part.casefold(): part for part in parts if part}.values())
    if not found:
        raise TaskError("Name what to look for, separated by commas, for example: dog, red circle.")
    if len(found) > PHRASES:
        raise TaskError(f"These are {len(found)} phrases; up to {PHRASES} are coloured at once. Drop some.")
    if (longest := max(map(len, found))) > PHRASE_LENGTH:
        raise TaskError(
            f"A phrase has {longest:,} characters; up to {PHRASE_LENGTH} are read. "
            "Name things in a few words, separated by commas."
        )
    return found


def _split(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):  # no JSON: somebody typed a bracket
            read = None
        if isinstance(read, list) and all(isinstance(part, str) for part in read):
            return read
    return ["".join(found.groups("")) for found in _PHRASE.finditer(text)]


def segment(
    model: SegmentationModel, image: Source, text: str | Sequence[str], *, seen: ImageFeatureCache | None = None
) -> Segmentation:
    """Look for every phrase of the comma-separated text; the logits are kept, so a threshold costs nothing.

    seen: the session's encoded pictures, if it keeps them.

    Raises:
        TaskError: see `phrases`; or a model that reads no words.
    """
    wanted = phrases(text)
    if model.words_reason:
        raise TaskError(model.words_reason)
    return model.segment(image, wanted, seen=seen)


def segment_at(
    model: SegmentationModel,
    image: Source,
    points: Sequence[Point] = (),
    box: Box | None = None,
    *,
    outside: Sequence[Point] = (),
    seen: ImageFeatureCache | None = None,
) -> Segmentation:
    """Find the thing at the points or in the box, in pixels of the picture; see `SegmentationModel.segment_at`.

    The corners of the box may come in any order, and may lie a little beside the picture.

    Raises:
        TaskError: neither point nor box, a point beside the picture, a box without area in it, or a model that
            takes no clicks.
    """
    if model.click_reason:
        raise TaskError(model.click_reason)
    if not points and box is None:
        raise TaskError("Click on a thing in the picture, or draw a box around it.")
    picture = open_picture(image)
    check_places(picture, *points, *outside)
    return model.segment_at(picture, points, _within(box, picture), outside=outside, seen=seen)


def check_places(picture: Picture, *places: Point) -> None:
    """See that every place, in pixels, is on the picture.

    Raises:
        TaskError: one of them is not.
    """
    for x, y in places:
        if not (0 <= x < picture.size[0] and 0 <= y < picture.size[1]):
            raise TaskError(
                f"({x:g}, {y:g}) is beside the picture of {picture.size[0]} × {picture.size[1]} pixels. Click on it."
            )


def _within(box: Box | None, picture: Picture) -> Box | None:
    if box is None:
        return None
    left, right = sorted(min(max(side, 0), picture.size[0]) for side in box[::2])
    top, bottom = sorted(min(max(side, 0), picture.size[1]) for side in box[1::2])
    if left == right or top == bottom:
        raise TaskError("The box has no area in the picture. Draw one around a thing.")
    return left, top, right, bottom
