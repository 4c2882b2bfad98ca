"""A plan becomes a model: find the files, check them, load them with an official class, wrap it for its kind."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.checkpoints.catalog import Kind
from playground.checkpoints.device import is_out_of_memory
from playground.checkpoints.files import LoadError, check_weights, first_sentence, variant_of
from playground.checkpoints.generation_settings import GenerationSettings
from playground.checkpoints.hub import Offer, fetch
from playground.checkpoints.plan import Plan
from playground.models.loading.adapter import put_on
from playground.models.loading.generation_config import hand_over, settings_of
from playground.models.loading.own_config import read_own_config
from playground.models.loading.processor import check_vocabulary, load_processor, try_prompt
from playground.models.loading.reading_files import reading_files

if TYPE_CHECKING:
    from playground.models.chat import ChatModel
    from playground.models.detection import DetectionModel
    from playground.models.embedding import EmbeddingModel
    from playground.models.segmentation import SegmentationModel

    Model = ChatModel | EmbeddingModel | SegmentationModel | DetectionModel

# The layers that turn a model's last states into words.
_HEADS = ("lm_head", "output_projection", "embed_out")
_log = logging.getLogger(__name__)
# While transformers builds a model it sets torch's default dtype, which is global: one at a time.
_building = threading.Lock()


def build(plan: Plan, make_room: Callable[[Kind], None]) -> Model:
    """The model of a plan, all of it: config, processor, weights, an adapter on them, its generation settings.

    make_room: called with the model's kind once its small files are sound, before the weights are read.
    Raises LoadError with one sentence on what is wrong with the checkpoint.
    """
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
        make_room(plan.kind)
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


def limit_pictures(chat: ChatModel, most: int | None) -> None:
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
