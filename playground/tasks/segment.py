"""Words to masks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playground.tasks import TaskError

if TYPE_CHECKING:
    from PIL import Image

    from playground.models.segmentation import Segmentation, SegmentationModel

PHRASES, PHRASE_LENGTH = 12, 80
"""How many phrases one picture is searched for (there are as many colours), and their longest length."""


def phrases(text: str | None) -> tuple[str, ...]:
    """The phrases of a comma-separated text, without blanks, without repeats.

    Raises:
        TaskError: no phrase, more than `PHRASES`, or one of more than `PHRASE_LENGTH` characters.
    """
    parts = (re.sub(r"\s+", " ", part).strip() for part in re.split(r"[,;\n]", text or ""))
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


def segment(model: SegmentationModel, image: Image.Image, text: str) -> Segmentation:
    """Look for every phrase of the comma-separated text; the logits are kept, so a threshold costs nothing.

    Raises:
        TaskError: see `phrases`.
    """
    return model.segment(image, phrases(text))
