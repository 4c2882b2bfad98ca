"""The models behind the pages: woken in the background, checked for the page that wants them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.checkpoints.catalog import find
from playground.checkpoints.download import Progress, download
from playground.checkpoints.files import ADAPTER, LoadError, adapter_base
from playground.checkpoints.hub import cached_on_disk
from playground.checkpoints.plan import resolve
from playground.models.chat import ChatModel
from playground.models.detection import DetectionModel
from playground.models.embedding import EmbeddingModel
from playground.models.loading import is_address, load, planned
from playground.models.messages import Message
from playground.models.segmentation import SegmentationModel
from playground.models.server.chat import AnyChatModel, RemoteChatModel
from playground.tasks import TaskError
from playground.ui.hosting import check_allowed
from playground.ui.zero_gpu import is_zero

DEFAULT_CHAT = "moji-vlm"
DEFAULT_SEGMENTER = "moji-clipseg"
DEFAULT_DETECTOR = "moji-owl"
DEFAULT_MATCHER = "moji-clip"
_log = logging.getLogger(__name__)


def chat_model(name: str) -> AnyChatModel:
    """Load the model, or take it from the cache; a server is asked whether it is there.

    Raises:
        LoadError: it cannot be loaded.
        TaskError: it is no chat model, or none that visitors of a public page may load.
    """
    return _loaded(
        name, ChatModel | RemoteChatModel, f"talk about pictures. Choose another one, such as {DEFAULT_CHAT}"
    )


def segmentation_model(name: str) -> SegmentationModel:
    """As `chat_model`, for a model that turns words or clicks into masks."""
    return _loaded(name, SegmentationModel, f"segment pictures. Choose another one, such as {DEFAULT_SEGMENTER}")


def detection_model(name: str) -> DetectionModel:
    """As `chat_model`, for a model that turns words into boxes."""
    return _loaded(name, DetectionModel, f"detect things. Choose another one, such as {DEFAULT_DETECTOR}")


def embedding_model(name: str) -> EmbeddingModel:
    """As `chat_model`, for a model that turns pictures and texts into vectors."""
    return _loaded(name, EmbeddingModel, f"compare texts with pictures. Choose another one, such as {DEFAULT_MATCHER}")


def _loaded(name: str, kind: Any, cannot: str) -> Any:
    """A model of this class; `cannot` says what others cannot do, and what to choose instead."""
    check_allowed(name)
    model = load(name)
    if not isinstance(model, kind):
        raise TaskError(f"{name} cannot {cannot}.")
    return model


def title(name: str) -> str:
    """What a model is called in a sentence: its name in the catalogue or elsewhere, or on its server."""
    if is_address(name):
        address, _, model = name.strip().partition("#")
        host = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
        return f"{model.rstrip('/').rpartition('/')[2]} on {host}" if model else host
    entry = find(name)
    return entry.name if entry else name


@dataclass(frozen=True)
class Costs:
    """What a download costs: megabytes, and the licence that it is under, with the pages that say so."""

    megabytes: float
    licence: str
    pages: tuple[str, ...]


def must_download(name: str) -> bool:
    """Whether loading this model, or the base of this adapter, would first fetch it from the Hub. Asks no network.

    False for what cannot be a model's name: `load` says at once what is wrong with it.
    """
    try:
        entry, source = resolve(name)
        if entry and entry.embedded:
            return False
        folder = Path(source) if Path(source).is_absolute() else cached_on_disk(source)
        if folder is None:
            return True
        return (folder / ADAPTER).is_file() and must_download(adapter_base(name, folder))
    except LoadError:
        return False


def costs(name: str) -> Costs:
    """What loading this model would fetch. The Hub is asked only where the catalogue does not know.

    Raises:
        LoadError: there is no such model, or it is known that it cannot be loaded.
        TaskError: visitors of a public page may not load it.
    """
    check_allowed(name)
    if entry := find(name):
        return Costs(entry.download_mb, entry.licence, (_page(entry.source),))
    offers = planned(name).to_fetch
    licence = ", ".join(dict.fromkeys(offer.licence or "no licence is named" for offer in offers))
    return Costs(sum(offer.bytes for offer in offers) / 1e6, licence, tuple(_page(offer.hub_id) for offer in offers))


def _page(hub_id: str) -> str:
    return f"huggingface.co/{hub_id}"


def fetch(name: str) -> Iterator[Progress]:
    """Download what loading this model needs, telling how far it is; closing the iterator ends the download.

    Raises:
        LoadError: the Hub refuses, the connection breaks, or the disk or the memory has no room.
        TaskError: visitors of a public page may not load it.
    """
    check_allowed(name)
    for offer in planned(name).to_fetch:
        yield from download(offer)


def load_in_background(name: str) -> threading.Thread:
    """Load the chat model in the background and let it say a word, so that the first answer comes at once.

    Called when the page is already served: importing torch takes seconds. A model that cannot be loaded is
    only logged here; the page asks for it again and shows the reason.
    """
    thread = threading.Thread(target=_load_now, args=(name,), name="loading", daemon=True)
    thread.start()
    return thread


def _load_now(name: str) -> None:
    try:
        from PIL import Image

        if is_zero():  # no GPU is lent to this process: what it loads is there for those that are forked from it
            chat_model(name)
            return
        question = Message("user", "what is in the picture?", (Image.new("RGB", (64, 64), "white"),))
        chat_model(name).generate((question,), max_new_tokens=2)
        print(f"* {title(name)} is loaded", flush=True)
    except Exception as error:
        _log.warning("%s could not be woken: %s", name, error)
