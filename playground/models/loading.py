"""A name becomes a running model: find the files, check them, load them with an official class, keep it."""

from __future__ import annotations

import copy
import gc
import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.checkpoints.catalog import ASSETS, Kind
from playground.checkpoints.device import DoesNotFit, is_out_of_memory
from playground.checkpoints.files import ADAPTER, LoadError, check_weights, first_sentence, variant_of
from playground.checkpoints.generation_settings import GenerationSettings
from playground.checkpoints.hub import Offer, cached_revision, fetch
from playground.checkpoints.plan import Plan, base_source, overlooked, plan, resolve
from playground.models.adapter import put_on
from playground.models.generation_config import hand_over, settings_of
from playground.models.own_config import read_own_config
from playground.models.processor import check_vocabulary, load_processor, try_prompt
from playground.models.reading_files import reading_files
from playground.settings import read

if TYPE_CHECKING:
    import torch

    from playground.models.chat import ChatModel
    from playground.models.detection import DetectionModel
    from playground.models.embedding import EmbeddingModel
    from playground.models.segmentation import SegmentationModel
    from playground.models.server.chat import RemoteChatModel

    Model = ChatModel | EmbeddingModel | SegmentationModel | DetectionModel

__all__ = ["LoadError", "load", "loaded", "unload"]

_KINDS: dict[str, Kind] = {
    "ChatModel": "chat",
    "EmbeddingModel": "embed",
    "SegmentationModel": "segment",
    "DetectionModel": "detect",
}
# The layers that turn a model's last states into words.
_HEADS = ("lm_head", "output_projection", "embed_out")
# Of a model's files those that decide what it says.
_KEPT = (".json", ".jinja", ".txt", ".model", ".safetensors")
_log = logging.getLogger(__name__)
_loaded: dict[tuple[str, ...], Model] = {}
_loading: dict[tuple[str, ...], threading.Lock] = {}
# While transformers builds a model it sets torch's default dtype, which is global: one at a time.
_building = threading.Lock()


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
            found = _load(planned(name, device=device, dtype=dtype, four_bit=four_bit))
            if _KINDS[type(found).__name__] == "chat":
                _limit_pictures(found, image_tokens)
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


def _limit_pictures(chat: ChatModel, most: int | None) -> None:
    """Let a picture cost no more than `most` tokens; None: the default of the device, 0: no limit."""
    from playground.models.picture_tokens import default_limit, limit

    wanted = default_limit(chat.processor, chat.device) if most is None else most
    if not wanted:
        return
    unlimited = copy.deepcopy(chat.processor)
    reason = limit(chat.model, chat.processor, wanted)
    if reason is None:
        chat.image_tokens, chat.unlimited = wanted, unlimited
    elif most:
        chat.notes = (*chat.notes, reason)


def _load(plan: Plan) -> Model:
    adapter = fetch(plan.adapter) if isinstance(plan.adapter, Offer) else plan.adapter
    folder = fetch(plan.folder) if isinstance(plan.folder, Offer) else plan.folder
    check_weights(plan.name, folder)
    config = read_own_config(plan.name, folder, plan.architecture)
    with reading_files(folder, adapter) as (files, own):
        processor, notes = load_processor(plan.name, files, config, plan.kind)
    prompt: list[int] = []
    if plan.kind == "chat":
        notes += _told_of_words(plan, processor, own)
        prompt = try_prompt(plan.name, processor, config, grows=own)
    if not (plan.entry and plan.entry.embedded):
        _forget_large(plan.kind)
    settings = settings_of(folder, config) if plan.kind == "chat" else None
    try:
        model = _weights(plan, folder, config, settings)
        if adapter:
            with _building:
                put_on(model, plan.name, adapter)
        clicker = _clicker(plan, folder, model) if plan.family == "sam3_video" else None
    except LoadError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise LoadError(
                f"The memory was not enough for “{plan.name}”. Close what else runs, or pick a smaller model."
            ) from error
        _log.info("the weights of %s", folder, exc_info=True)
        raise LoadError(f"The weights of “{plan.name}” cannot be read: {first_sentence(error)}") from error
    if own and prompt:
        notes += check_vocabulary(plan.name, model, processor, prompt)
    return _wrap(plan, model.eval().requires_grad_(False), processor, clicker, settings, notes)


def _told_of_words(plan: Plan, processor: Any, own: bool) -> tuple[str, ...]:
    """Sentences on how this checkpoint is asked, where that is not as usual."""
    from playground.models.prompt import is_asked_plainly

    notes = ("It is asked through the adapter's own tokenizer and chat template.",) if own else ()
    if is_asked_plainly(plan.family, processor):
        notes += (
            "It brings no chat template, so a message is read as it stands, as base models read it. If it was taught "
            "to chat, copy chat_template.jinja from the model it was made from.",
        )
    return notes


def _weights(plan: Plan, folder: Path, config: Any, settings: GenerationSettings | None = None) -> Any:
    """The model. Nothing may be missing: transformers would fill it in at random."""
    where = plan.placement
    options: dict[str, Any] = {"variant": variant_of([file.name for file in folder.iterdir()])}
    if settings is not None:
        from transformers import GenerationConfig

        options["generation_config"] = GenerationConfig(**settings.used)
    if where.spread or where.device != "cpu":
        options["device_map"] = "auto" if where.spread else where.device
    if where.four_bit:
        options["quantization_config"] = _four_bit(plan.name, where.dtype)
    with _building:
        model, report = plan.architecture.from_pretrained(
            folder,
            config=config,
            dtype=where.dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            **options,
        )
    _refuse_misfits(plan.name, report)
    return model


def _four_bit(name: str, dtype: str) -> Any:
    """Four bits a weight, computing in `dtype` (QLoRA, Dettmers et al. 2023)."""
    from importlib.util import find_spec

    from transformers import BitsAndBytesConfig

    if find_spec("bitsandbytes") is None:
        raise LoadError(
            f"“{name}” cannot be loaded in 4 bits, because the package bitsandbytes is not installed: "
            "run `pip install bitsandbytes`, or leave four_bit out."
        )
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def _refuse_misfits(name: str, report: Any) -> None:
    """Raise LoadError when weights were missing or of another shape; `report` is transformers' own."""
    report = report if isinstance(report, dict) else vars(report)
    missing, strange = (sorted(report.get(what) or ()) for what in ("missing_keys", "unexpected_keys"))
    if missing and all(key.rpartition(".")[0].endswith(_HEADS) for key in missing):
        raise LoadError(
            f"“{name}” has no output head ({missing[0]} is not among its weights): it makes vectors, as embedding and "
            "reward models do, and cannot answer. Pick the chat model that it was made from."
        )
    if missing:
        beside = f", and {len(strange)} others have no place in it ({strange[0]} …)" if strange else ""
        raise LoadError(
            f"“{name}” lacks weights that its config asks for ({len(missing)} missing: {missing[0]} …){beside}. Its "
            "config.json belongs to another model, or the files were saved in part: copy both from one place."
        )
    if wrong := sorted(report.get("mismatched_keys") or (), key=str):
        key, *shapes = wrong[0] if isinstance(wrong[0], list | tuple) else (wrong[0],)
        figures = f": {' in the file, '.join(str(tuple(shape)) for shape in shapes)} by its config" if shapes else ""
        raise LoadError(
            f"The weights of “{name}” do not fit its config ({len(wrong)} mismatched: {key}{figures}). Its config.json "
            "belongs to another model: copy both from one place."
        )
    if errors := list(report.get("error_msgs") or ()):
        raise LoadError(f"The weights of “{name}” cannot be put into the model: {str(errors[0])[:300]}")


def _clicker(plan: Plan, folder: Path, detector: Any) -> Any:
    """The part of SAM 3 that takes clicks: the checkpoint holds it beside the detector, on the same backbone."""
    from transformers import Sam3TrackerModel

    config = read_own_config(plan.name, folder, Sam3TrackerModel)
    clicker = _weights(replace(plan, architecture=Sam3TrackerModel), folder, config)
    clicker.vision_encoder.backbone = detector.vision_encoder.backbone
    return clicker.eval().requires_grad_(False)


def _wrap(
    plan: Plan,
    model: Any,
    processor: Any,
    clicker: Any,
    settings: GenerationSettings | None,
    notes: tuple[str, ...],
) -> Model:
    name, entry, kind = plan.name, plan.entry, plan.kind
    if kind == "embed":
        from playground.models.embedding import EmbeddingModel

        return EmbeddingModel(name, entry, model, processor, notes=notes)
    if kind == "segment":
        from playground.models.segmentation import SegmentationModel

        return SegmentationModel(name, entry, model, processor, clicker, notes=notes)
    if kind == "detect":
        from playground.models.detection import DetectionModel

        return DetectionModel(name, entry, model, processor, notes=notes)
    from playground.models.attention import plug_in
    from playground.models.chat import ChatModel
    from playground.models.layout.positions import unknown_layout

    settings = hand_over(model, processor.tokenizer, settings)
    return ChatModel(
        name,
        entry,
        model,
        processor,
        attention_reason=plug_in(model) or unknown_layout(model),
        stop_strings=settings.stop_strings,
        notes=(*notes, *settings.notes),
    )
