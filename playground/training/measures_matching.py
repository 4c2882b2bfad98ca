"""Pictures and texts as vectors: which of all names, and which of many captions, lies nearest to a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.models.embedding import EmbeddingModel
from playground.moji.scenes import Scene
from playground.moji.words import short_caption
from playground.moji.world import article
from playground.training.scene_tensors import GROUND, NAMES
from playground.training.scoring import recall_at_one


def measure_zero_shot(clip: EmbeddingModel, scenes: Sequence[Scene]) -> float:
    """Share of one-thing scenes whose picture lies nearest to the text of its own name, among all names."""
    names = [name for name in NAMES if name != GROUND]
    texts = clip.embed_texts([f"a picture of {article(name)}" for name in names])
    nearest = (clip.embed_images([scene.image for scene in scenes]) @ texts.T).argmax(-1).tolist()
    return float(np.mean([names[i] == scene.things[0].name for i, scene in zip(nearest, scenes, strict=True)]))


def measure_retrieval(clip: EmbeddingModel, scenes: Sequence[Scene]) -> dict[str, float]:
    """Recall@1 among the short captions of all scenes, both ways, and ``among``: how many there are.

    Two scenes may have the same caption (of one thing most often); then either counts as right.
    """
    captions = [short_caption(scene) for scene in scenes]
    cosines = (clip.embed_images([scene.image for scene in scenes]) @ clip.embed_texts(captions).T).numpy()
    return {
        "image to text": recall_at_one(cosines, captions),
        "text to image": recall_at_one(cosines.T, captions),
        "among": len(captions),
    }
