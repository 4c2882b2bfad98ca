"""A name becomes a running model: find the files, check them, load them with an official class, keep it."""

from __future__ import annotations

import difflib
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.models.catalog import ASSETS, CATALOG, Entry, Kind, find
from playground.models.files import LoadError, ask_hub, cached_on_disk, check_weights, fetch, read_config

if TYPE_CHECKING:
    import torch

    from playground.models.chat import ChatModel
    from playground.models.embedding import EmbeddingModel
    from playground.models.segmentation import SegmentationModel

    Model = ChatModel | EmbeddingModel | SegmentationModel

__all__ = ["LoadError", "load"]

_HUB_ID = re.compile(r"[a-zA-Z0-9][\w.-]*/[a-zA-Z0-9][\w.-]*", re.ASCII)

_KINDS: dict[str, Kind] = {"ChatModel": "chat", "EmbeddingModel": "embed", "SegmentationModel": "segment"}
_loaded: dict[tuple[str, str, str], Model] = {}
_loading: dict[tuple[str, str, str], threading.Lock] = {}
# While transformers builds a model it sets torch's default dtype, which is global: one at a time.
_building = threading.Lock()


def load(name: str, *, device: str | None = None, dtype: str | torch.dtype | None = None) -> Model:
    """Load a model, or return the copy that is already in memory.

    Embedded models stay in memory; of all others the latest one of each kind does.

    name: a catalogue name ("moji-vlm"), a local folder, or a Hub id ("owner/name").
    device: "cpu", "cuda", "cuda:1", "mps"; default: the fastest one there is.
    dtype: a torch dtype or its name ("bfloat16"); default: float32, but for chat models that do not come with
        the playground, on a GPU, bfloat16 (float16 where the GPU has none).
    Returns a ChatModel, an EmbeddingModel or a SegmentationModel, whichever the checkpoint's class is for.
    Raises LoadError with one sentence: unknown name, no network, weights that are missing, mis-shaped,
    pickled or only a pointer, or a class that is not supported. Safe to call from several threads.
    """
    entry, source = _resolve(name)
    device = str(device or _fastest_device())
    key = (source, device, str(dtype).removeprefix("torch."))
    with _loading.setdefault(key, threading.Lock()):
        model = _loaded.get(key)  # another thread may forget it at any time
        if model is None:
            model = _loaded[key] = _load(entry.name if entry else name, entry, source, device, dtype)
    return model


def _forget_large(kind: Kind) -> None:
    """Let go of this kind's models but the embedded ones, so that trying several does not fill the memory.

    Whoever still holds one goes on using it; it is freed when the last of them lets go.
    """
    for key, model in list(_loaded.items()):
        if _KINDS[type(model).__name__] == kind and not key[0].startswith(str(ASSETS)):
            _loaded.pop(key, None)


def _resolve(name: str) -> tuple[Entry | None, str]:
    """The catalogue entry, if any, and the folder or Hub id to load from."""
    name = name.strip()
    if entry := find(name):
        return entry, entry.source
    if folder := _folder(name):
        return None, str(folder)
    if _HUB_ID.fullmatch(name):
        return None, name
    names = {entry.name.casefold(): entry.name for entry in CATALOG}
    close = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.5)
    shown = name if len(name) < 100 else f"{name[:99]}…"
    hint = f"Did you mean “{names[close[0]]}”? " if close else ""
    raise LoadError(
        f"There is no model named “{shown}”. {hint}Accepted are a name of the catalogue such as {CATALOG[0].name}, "
        f"a local folder, or a Hub id such as {CATALOG[1].source}."
    )


def _folder(name: str) -> Path | None:
    """The folder of this name, or None; whatever people type is no reason for another error."""
    try:
        folder = Path(name).expanduser()
        return folder.resolve() if name and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # a name too long for a file, a home of nobody, a null character
        return None


def _fastest_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load(name: str, entry: Entry | None, source: str, device: str, dtype: str | torch.dtype | None) -> Model:
    """Check everything that can be checked cheaply before anything large is fetched or read."""
    folder = Path(source) if Path(source).is_absolute() else cached_on_disk(source)
    kind, architecture = _architecture(name, read_config(name, folder or ask_hub(source)))
    folder = folder or fetch(source)
    check_weights(name, folder)
    processor = _processor(name, folder, kind)
    if not (entry and entry.embedded):
        _forget_large(kind)
    model = _weights(name, folder, architecture, device, dtype or _default_dtype(entry, kind, device))
    return _wrap(name, entry, kind, model, processor)


def _architecture(name: str, config: dict[str, Any]) -> tuple[Kind, type]:
    """What the model is for and the official class that loads it; raises LoadError where there is none."""
    import transformers
    from transformers.models.auto import modeling_auto as auto

    model_type = config["model_type"]
    wanted = (config.get("architectures") or [""])[0]
    if model_type == "clipseg" and wanted != "CLIPSegModel":
        return "segment", transformers.CLIPSegForImageSegmentation
    if model_type in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return "chat", transformers.AutoModelForImageTextToText
    if model_type in auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES:
        return "embed", transformers.AutoModelForZeroShotImageClassification
    if model_type in auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise LoadError(
            f"“{name}” ({model_type}) is a text-only language model: it cannot see. "
            "Choose a vision-language model, for example moji-vlm or SmolVLM-256M-Instruct."
        )
    own_code = " It would need code of its own, which is never run here." if "auto_map" in config else ""
    raise LoadError(
        f"“{name}” is of the class {wanted or model_type}, which the playground cannot use.{own_code} "
        "It takes chat models (LLaVA, SmolVLM, Qwen-VL …), encoders (CLIP, SigLIP) and CLIPSeg."
    )


def _default_dtype(entry: Entry | None, kind: Kind, device: str) -> torch.dtype:
    import torch

    if kind != "chat" or device == "cpu" or (entry and entry.embedded):
        return torch.float32
    if device.startswith("cuda") and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float16


def _processor(name: str, folder: Path, kind: Kind) -> Any:
    from transformers import AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise LoadError(f"The processor of “{name}” cannot be read: {_first_sentence(error)}") from error
    if kind == "chat" and not getattr(processor, "chat_template", None):
        raise LoadError(f"“{name}” has no chat template (chat_template.jinja), so nobody can talk with it.")
    return processor


def _weights(name: str, folder: Path, architecture: type, device: str, dtype: str | torch.dtype) -> Any:
    """The model, in evaluation mode. Nothing may be missing: transformers would fill it in at random."""
    try:
        with _building:
            model, report = architecture.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are refused below, by name
            )
    except Exception as error:
        raise LoadError(f"The weights of “{name}” cannot be read: {_first_sentence(error)}") from error
    for what in ("missing_keys", "mismatched_keys", "error_msgs"):
        if wrong := sorted(key if isinstance(key, str) else key[0] for key in report.get(what) or ()):
            raise LoadError(
                f"The weights of “{name}” do not fit its config ({len(wrong)} {what.replace('_', ' ')}: {wrong[0]} …): "
                "the checkpoint is damaged, or was saved by another version of the model."
            )
    return model.to(device).eval().requires_grad_(False)


def _first_sentence(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return f"{line[:300]}."


def _wrap(name: str, entry: Entry | None, kind: Kind, model: Any, processor: Any) -> Model:
    if kind == "embed":
        from playground.models.embedding import EmbeddingModel

        return EmbeddingModel(name, entry, model, processor)
    if kind == "segment":
        from playground.models.segmentation import SegmentationModel

        return SegmentationModel(name, entry, model, processor)
    from playground.models.attention import plug_in
    from playground.models.chat import ChatModel
    from playground.models.layout import unknown_layout

    return ChatModel(name, entry, model, processor, attention_reason=plug_in(model) or unknown_layout(model))
