"""CLIPScore: how well a text fits a picture, as an encoder of both sees it, with no reference text needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.tasks import TaskError

if TYPE_CHECKING:
    from playground.imaging.opening import Source
    from playground.models.embedding import EmbeddingModel
    from playground.models.generation.image_features import ImageFeatureCache

_WEIGHT = 2.5
_PREFIX = "A photo depicts "


def clip_scores(
    judge: EmbeddingModel, image: Source, texts: Sequence[str], *, seen: ImageFeatureCache | None = None
) -> tuple[float, ...]:
    """CLIPScore of each text, 2.5 · max(cosine, 0) (Hessel et al. 2021, arXiv:2104.08718, section 3).

    The paper's weight spreads the cosines of CLIP ViT-B/32 over about 0 to 1; other encoders have other ranges, so
    compare scores of one encoder alone. "A photo depicts" is put before each text, as in the paper, but for Moji's
    encoder, which never read a sentence that begins so.

    Raises:
        TaskError: there is no text.
    """
    if not texts:
        raise TaskError("There is no caption to score.")
    prefix = "" if judge.entry and judge.entry.embedded else _PREFIX
    vectors = judge.embed_texts([prefix + text for text in texts])
    cosines = (judge.embed_images([image], seen=seen) @ vectors.T)[0]
    return tuple(_WEIGHT * max(cosine, 0.0) for cosine in cosines.tolist())
