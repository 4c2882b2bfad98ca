"""Names to boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.tasks import TaskError
from playground.tasks.segment import phrases

if TYPE_CHECKING:
    from playground.imaging.noted import Noted
    from playground.imaging.opening import Source
    from playground.models.detection import Detection, DetectionModel
    from playground.models.generation.image_features import ImageFeatureCache


def detect(
    model: DetectionModel,
    image: Source,
    text: str | Sequence[str],
    *,
    threshold: float | None = None,
    seen: ImageFeatureCache | None = None,
) -> Noted[Detection]:
    """Find the things that the comma-separated text names, surest first; see `DetectionModel.detect`.

    threshold: the least score of a box, 0 to 1; None: what suits the model.
    seen: the session's encoded pictures, if it keeps them.

    Raises:
        TaskError: see `phrases`; or a threshold that is no share.
        PromptTooLong: the names are too long together for the model.
    """
    names = phrases(text)
    if threshold is not None and not 0 <= threshold <= 1:
        raise TaskError(f"{threshold:g} is no threshold. Choose one from 0 (every box) to 1 (none).")
    return model.detect(image, names, threshold=threshold, seen=seen)
