"""VLM Playground: use vision-language models and see how they work.

    from playground import METHODS, explain, load, trace_picture

    model = load("moji-vlm")
    print(model.ask("What is this?", "photo.jpg").text)
    trace = trace_picture(model, image, "What is in the picture?")
    heat = explain("attention", model, trace, word=1)

Importing this package costs nothing: each name brings what it needs when it is used first, torch and transformers with
the first model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playground.interpret.anatomy.anatomy import anatomy as anatomy
    from playground.interpret.methods import METHODS as METHODS
    from playground.interpret.methods import explain as explain
    from playground.interpret.metrics.score import score_map as score_map
    from playground.interpret.trace import Trace as Trace
    from playground.interpret.trace import trace_answer as trace_answer
    from playground.interpret.trace import trace_picture as trace_picture
    from playground.interpret.trace_file import load_trace as load_trace
    from playground.interpret.trace_file import save_trace as save_trace
    from playground.models.chat import ChatModel
    from playground.models.detection import DetectionModel
    from playground.models.embedding import EmbeddingModel
    from playground.models.messages import Answer as Answer
    from playground.models.messages import Message as Message
    from playground.models.segmentation import SegmentationModel
    from playground.models.server.chat import RemoteChatModel

_HOMES = {
    "Answer": "models.messages",
    "METHODS": "interpret.methods",
    "Message": "models.messages",
    "Trace": "interpret.trace",
    "anatomy": "interpret.anatomy.anatomy",
    "explain": "interpret.methods",
    "load_trace": "interpret.trace_file",
    "save_trace": "interpret.trace_file",
    "score_map": "interpret.metrics.score",
    "trace_answer": "interpret.trace",
    "trace_picture": "interpret.trace",
}
"""Where each public name lives, below `playground`."""

__all__ = ["load", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def load(
    name: str, **options: Any
) -> ChatModel | RemoteChatModel | EmbeddingModel | SegmentationModel | DetectionModel:
    """Load a model by catalogue name, folder, Hub id or server's address; see `playground.models.loading.load`."""
    from playground.models.loading import load as load_model

    return load_model(name, **options)


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for first.

    Raises:
        AttributeError: there is no such name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
