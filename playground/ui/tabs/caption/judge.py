"""The encoders that can give a second opinion on captions."""

from __future__ import annotations

from playground.checkpoints.catalog import of_kind
from playground.models.embedding import EmbeddingModel
from playground.models.loading import load
from playground.tasks import TaskError
from playground.ui.hosting import check_allowed
from playground.ui.loaded import must_download

DEFAULT_JUDGE = "moji-clip"


def judges() -> list[str]:
    """The names of the catalogue's encoders that are on this machine: a second opinion never begins a download."""
    return [entry.name for entry in of_kind("embed") if not must_download(entry.name)]


def judge_named(name: str) -> EmbeddingModel | None:
    """Load the encoder, or take it from the cache; None for no name.

    Raises:
        LoadError: it cannot be loaded.
        TaskError: it is no encoder.
    """
    if not name:
        return None
    check_allowed(name)
    model = load(name)
    if not isinstance(model, EmbeddingModel):
        raise TaskError(f"{name} cannot compare captions with pictures. Choose an encoder, such as {DEFAULT_JUDGE}.")
    return model
