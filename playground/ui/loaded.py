"""The models behind the pages: woken in the background, checked for the page that wants them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from playground.models.catalog import find
from playground.models.chat import ChatModel, Message
from playground.models.files import cached_on_disk
from playground.models.loading import load
from playground.models.segmentation import SegmentationModel
from playground.tasks import TaskError

DEFAULT_CHAT = "moji-vlm"
DEFAULT_SEGMENTER = "moji-clipseg"
_log = logging.getLogger(__name__)


def chat_model(name: str) -> ChatModel:
    """Load the model, or take it from the cache.

    Raises:
        LoadError: it cannot be loaded.
        TaskError: it is no chat model.
    """
    model = load(name)
    if not isinstance(model, ChatModel):
        raise TaskError(f"{name} cannot talk about pictures. Choose a chat model, such as {DEFAULT_CHAT}.")
    return model


def segmentation_model(name: str) -> SegmentationModel:
    """As `chat_model`, for a model that turns words into masks."""
    model = load(name)
    if not isinstance(model, SegmentationModel):
        raise TaskError(f"{name} cannot segment pictures. Choose another one, such as {DEFAULT_SEGMENTER}.")
    return model


def title(name: str) -> str:
    """What a model is called in a sentence: Moji, or its name."""
    entry = find(name)
    return "Moji" if entry and entry.embedded else name


def must_download(name: str) -> bool:
    """Whether loading this model would first fetch it from the Hub. Asks no network.

    False for what cannot be a model's name: `load` says at once what is wrong with it.
    """
    entry = find(name)
    if entry and entry.embedded:
        return False
    if entry is None and (not _is_hub_id(name) or Path(name).is_dir()):
        return False
    return cached_on_disk(entry.source if entry else name) is None


def _is_hub_id(name: str) -> bool:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return "/" in name


def wake(name: str) -> threading.Thread:
    """Load the chat model in the background and let it say a word, so that the first answer comes at once.

    Called when the page is already served: importing torch takes seconds. A model that cannot be loaded is
    only logged here; the page asks for it again and shows the reason.
    """
    thread = threading.Thread(target=_wake, args=(name,), name="waking", daemon=True)
    thread.start()
    return thread


def _wake(name: str) -> None:
    try:
        from PIL import Image

        question = Message("user", "what is in the picture?", (Image.new("RGB", (64, 64), "white"),))
        chat_model(name).generate((question,), max_new_tokens=2)
        print(f"* {title(name)} is awake", flush=True)
    except Exception as error:
        _log.warning("%s could not be woken: %s", name, error)
