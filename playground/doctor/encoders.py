"""The checks of models that make vectors, masks or boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.doctor.pictures import HIGH, SMALL, WIDE, drawn

if TYPE_CHECKING:
    from playground.models.detection import DetectionModel
    from playground.models.embedding import EmbeddingModel
    from playground.models.segmentation import SegmentationModel

Checks = "dict[str, Callable[[], tuple[bool | None, str]]]"
_NAMES = ("a cat", "a red disc", "sky")


def embedding_checks(model: EmbeddingModel) -> dict[str, Callable[[], tuple[bool | None, str]]]:
    """Vectors of length 1, the same alone and together, for pictures and texts."""

    def vectors() -> tuple[bool | None, str]:
        import torch

        pictures = [drawn(size, seed) for seed, size in enumerate((WIDE, HIGH, SMALL))]
        many = model.embed_images(pictures)
        alone = torch.cat([model.embed_images([picture]) for picture in pictures])
        texts = model.embed_texts([*_NAMES, "a long text " * 60])
        far = float((many - alone).abs().max())
        sound = bool(torch.isfinite(texts).all()) and bool(
            torch.allclose(many.norm(dim=-1), many.new_ones(3), atol=1e-3)
        )
        return sound and far < 1e-3, f"{many.shape[-1]} numbers; together and alone differ by {far:.0e}"

    def fits() -> tuple[bool | None, str]:
        found = model.match(drawn(WIDE), list(_NAMES))
        return len(found) == len(_NAMES), str(found)[:80]

    return {"vectors of pictures and texts": vectors, "how well labels fit": fits, "memory": lambda: _memory(model)}


def segmentation_checks(model: SegmentationModel) -> dict[str, Callable[[], tuple[bool | None, str]]]:
    """Masks of the picture's size, from words and from clicks, the same when the picture was seen before."""

    def words() -> tuple[bool | None, str]:
        if model.words_reason:
            return None, model.words_reason
        found = model.segment(drawn(WIDE), _NAMES[:2])
        return found.logits.shape == (2, *WIDE[::-1]) and bool(np.isfinite(found.logits).all()), f"{found.logits.shape}"

    def clicks() -> tuple[bool | None, str]:
        if model.click_reason:
            return None, model.click_reason
        point = model.segment_at(drawn(WIDE), points=[(80, 60)])
        box = model.segment_at(drawn(WIDE), box=(10, 10, 200, 150))
        sizes = {found.logits.shape[-2:] for found in (point, box)}
        return sizes == {WIDE[::-1]}, f"{len(point.logits)} masks of a click"

    def once() -> tuple[bool | None, str]:
        from playground.models.generation.image_features import ImageFeatureCache

        seen, picture = ImageFeatureCache(), drawn(WIDE)
        ask: Callable[[], Any] = (
            (lambda: model.segment_at(picture, points=[(80, 60)], seen=seen))
            if model.words_reason
            else (lambda: model.segment(picture, _NAMES[:1], seen=seen))
        )
        first, second = ask().logits, ask().logits
        return bool(np.allclose(first, second, atol=1e-3)) and len(seen) > 0, f"{len(seen)} kept"

    return {
        "words to masks": words,
        "clicks or a box to masks": clicks,
        "picture encoded once": once,
        "memory": lambda: _memory(model),
    }


def detection_checks(model: DetectionModel) -> dict[str, Callable[[], tuple[bool | None, str]]]:
    """Boxes that lie within the picture, with the names that were asked for."""

    def boxes() -> tuple[bool | None, str]:
        found = [(size, each) for size in (WIDE, HIGH) for each in model.detect(drawn(size), _NAMES, threshold=0.0)]
        inside = all(
            0 <= each.box[0] <= each.box[2] <= size[0] and 0 <= each.box[1] <= each.box[3] <= size[1]
            for size, each in found
        )
        return inside and bool(found), f"{len(found)} boxes at a threshold of 0"

    return {"names to boxes": boxes, "memory": lambda: _memory(model)}


def _memory(model: Any) -> tuple[bool | None, str]:
    from playground.models.memory import weights

    return True, f"{weights(model.model) / 1e6:,.0f} MB of weights in {str(model.model.dtype).removeprefix('torch.')}"
