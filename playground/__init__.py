"""VLM Playground: use vision-language models and see how they work.

    from playground import load

    model = load("moji-vlm")

Importing this package costs nothing: torch and transformers are imported when the first model is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playground.models.chat import ChatModel
    from playground.models.detection import DetectionModel
    from playground.models.embedding import EmbeddingModel
    from playground.models.segmentation import SegmentationModel
    from playground.models.server.chat import RemoteChatModel

__all__ = ["load"]


def load(name: str, **options) -> ChatModel | RemoteChatModel | EmbeddingModel | SegmentationModel | DetectionModel:
    """Load a model by catalogue name, folder, Hub id or server's address; see `playground.models.loading.load`."""
    from playground.models.loading import load as load_model

    return load_model(name, **options)
