"""Zero-shot classification: which of some texts fits a picture best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.tasks.segment import phrases

if TYPE_CHECKING:
    from playground.imaging.noted import Noted
    from playground.imaging.opening import Source
    from playground.models.embedding import EmbeddingModel
    from playground.models.generation.image_features import ImageFeatureCache


def match(
    model: EmbeddingModel, image: Source, text: str | Sequence[str], *, seen: ImageFeatureCache | None = None
) -> Noted[tuple[str, float]]:
    """How well each phrase of the comma-separated text fits the picture, best first; see `EmbeddingModel.match`.

    seen: the session's encoded pictures, if it keeps them.

    Raises:
        TaskError: see `phrases`.
    """
    return model.match(image, phrases(text), seen=seen)
