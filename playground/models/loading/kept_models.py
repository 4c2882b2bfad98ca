"""A name becomes a model that is ready to use: the copy that is in memory, or one that is built and kept."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.checkpoints.catalog import ASSETS, Kind
from playground.checkpoints.device import DoesNotFit
from playground.checkpoints.files import ADAPTER, LoadError
from playground.checkpoints.hub import cached_revision
from playground.checkpoints.plan import Plan, base_source, overlooked, plan, resolve
from playground.models.loading.build import build, limit_pictures
from playground.settings import read

if TYPE_CHECKING:
    import torch

    from playground.models.loading.build import Model
    from playground.models.server.chat import RemoteChatModel

_KINDS: dict[str, Kind] = {
    "ChatModel": "chat",
    "EmbeddingModel": "embed",
    "SegmentationModel": "segment",
    "DetectionModel": "detect",
}
# Of a model's files those that decide what it says.
_KEPT = (".json", ".jinja", ".txt", ".model", ".safetensors")
_loaded: dict[tuple[str, ...], Model] = {}
_loading: dict[tuple[str, ...], threading.Lock] = {}


def load(
    name: str,
    *,
    device: str | None = None,
    dtype: str | torch.dtype | None = None,
    four_bit: bool = False,
    image_tokens: int | None = None,
    model: str | None = None,
    key: str | None = None,
) -> Model | RemoteChatModel:
    """Load a model, or return the copy that is already in memory.

    Embedded models stay in memory; of all others the latest one of each kind does.

    name: a catalogue name ("moji-vlm"), a local folder, a Hub id ("owner/name"), or the address of an
        OpenAI-compatible server ("http://host:8000/v1"), which `playground.models.server.chat.connect` explains. A
        folder or Hub id may hold a PEFT adapter (LoRA and others): it is put on the model that it names as its base.
    device: "cpu", "cuda", "cuda:1", "mps"; default: the fastest one there is. A model that is too large for one
        GPU is spread over all of them and the main memory (`device_map="auto"`), unless a GPU is named by number.
    dtype: a torch dtype or its name ("bfloat16"). Default: bfloat16 for chat models where that is fast (GPUs from
        Ampere on, Apple's, CPUs where a short measurement says so), float16 on older GPUs, else float32; encoders
        and models that come with the playground are always float32.
    four_bit: keep the weights in 4 bits (NF4), which takes about a third of the memory of bfloat16; needs the
        package bitsandbytes.
    image_tokens: of chat models, the most tokens that a picture may cost: fewer are faster and show less. 0: as many as
        the checkpoint's own settings have. Default: the setting PLAYGROUND_IMAGE_TOKENS, else for families that take
        a picture at its own size (Qwen-VL, Pixtral) 2,048 on a CPU, 4,096 on an Apple GPU and 16,384 on others.
    model, key: of a server alone: which of its models, and what it wants to be told to let us in.
    Returns a ChatModel, an EmbeddingModel, a SegmentationModel or a DetectionModel, whichever the checkpoint's class
        is for.
    Raises LoadError with one sentence: unknown name, no network, a licence that was not accepted, weights that are
    missing, cut off, mis-shaped, pickled or only a pointer, a class that is not supported, a full disk, or too
    little memory. Safe to call from several threads.
    """
    if is_address(name):
        from playground.models.server.chat import connect

        if device or dtype or four_bit or image_tokens:
            raise LoadError(
                "`device`, `dtype`, `four_bit` and `image_tokens` are chosen where the server starts; leave them out."
            )
        return connect(name, model=model, key=key)
    if model or key:
        raise LoadError("`model` and `key` go with the address of a server, such as http://host:8000/v1.")
    if image_tokens is None:
        image_tokens = read().image_tokens
    if image_tokens is not None and (not isinstance(image_tokens, int) or image_tokens < 0):
        raise LoadError(f"`image_tokens` is a whole number of 1 and above, or 0 for no limit, not {image_tokens!r}.")
    _, source = resolve(name)
    which = (str(device), str(dtype).removeprefix("torch."), str(four_bit), str(image_tokens))
    slot = (source, _state_of(source), *which)
    with _loading.setdefault(slot, threading.Lock()):
        found = _loaded.get(slot)  # another thread may forget it at any time
        if found is None:
            _forget_earlier(slot)
            found = build(planned(name, device=device, dtype=dtype, four_bit=four_bit), _forget_large)
            if _KINDS[type(found).__name__] == "chat":
                limit_pictures(found, image_tokens)
            _loaded[slot] = found
        if (note := overlooked(name)) and note not in found.notes:
            found.notes = (note, *found.notes)
    return found


def loaded() -> tuple[Model, ...]:
    """The models that are kept in memory, in the order in which they were loaded."""
    return tuple(_loaded.values())


def unload(model: Model) -> None:
    """Keep this model no longer; its memory is free when whoever still uses it lets go. `load` loads it anew."""
    for slot in [slot for slot, kept in list(_loaded.items()) if kept is model]:
        _loaded.pop(slot, None)
    del model
    gc.collect()


def planned(name: str, **options: Any) -> Plan:
    """`playground.checkpoints.plan.plan`, where it has to be without the models that are loaded only for later."""
    try:
        return plan(name, **options)
    except DoesNotFit as error:
        _forget_large(error.kind)
        return plan(name, **options)


def _state_of(source: str) -> str:
    """What changes when a model is saved anew: its folder's files, an adapter's base with them, or what the Hub's cache
    holds by now."""
    folder = Path(source)
    if not folder.is_absolute():
        return cached_revision(source)
    states = [(file.name, file.stat()) for file in sorted(folder.glob("*")) if file.suffix in _KEPT]
    own = repr([(name, at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino) for name, at in states])
    return own + _state_of_base(source, folder)


def _state_of_base(source: str, folder: Path) -> str:
    """The same of the model that an adapter is put on; "" for what is no adapter, or one that cannot be loaded."""
    if not (folder / ADAPTER).is_file():
        return ""
    try:
        base = base_source(source, folder)
    except LoadError:  # `plan` says what is wrong
        return ""
    return "" if (Path(base) / ADAPTER).is_file() else _state_of(base)


def _forget_earlier(slot: tuple[str, ...]) -> None:
    """Let go of what was loaded from the same folder before it was saved anew."""
    for other in list(_loaded):
        if other[0] == slot[0] and other[1] != slot[1]:
            _loaded.pop(other, None)


def is_address(name: str) -> bool:
    """Whether a model's name is the address of a server."""
    return name.strip().lower().startswith(("http://", "https://"))


def _forget_large(kind: Kind) -> None:
    """Let go of this kind's models but the embedded ones, so that trying several does not fill the memory.

    Whoever still holds one goes on using it; it is freed when the last of them lets go.
    """
    for key, model in list(_loaded.items()):
        if _KINDS[type(model).__name__] == kind and not key[0].startswith(str(ASSETS)):
            _loaded.pop(key, None)
    model = None
    gc.collect()
