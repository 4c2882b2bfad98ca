"""Hands a loaded model the generation settings that it may have (`playground.checkpoints.generation_settings`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from playground.checkpoints.generation_settings import FILE, GenerationSettings, allowed, read_settings

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def settings_of(folder: Path, config: PreTrainedConfig) -> GenerationSettings | None:
    """What a checkpoint's own file may decide; what its config says where the file cannot be read; None without one."""
    from transformers import GenerationConfig

    settings = read_settings(folder)
    if settings is not None or not (folder / FILE).is_file():
        return settings
    settings = allowed(GenerationConfig.from_model_config(config).to_diff_dict())
    return replace(settings, notes=(f"Its {FILE} cannot be read, so what its config says is used.",))


def hand_over(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, settings: GenerationSettings | None
) -> GenerationSettings:
    """Give the model, and those of its parts that generate, the settings that hold for it; returns what they are.

    settings: of its own file; None where it has none: then those that transformers read from its config.
    """
    from transformers import GenerationConfig, PreTrainedModel

    settings = settings or allowed(model.generation_config.to_diff_dict())
    used = _of_the_vocabulary(dict(settings.used), model.get_input_embeddings().weight.shape[0])
    if used.get("eos_token_id") is None and tokenizer.eos_token_id is not None:
        used["eos_token_id"] = _end(model, tokenizer)
    for part in model.modules():
        if isinstance(part, PreTrainedModel) and part is not model and part.can_generate():
            part.generation_config = GenerationConfig(**allowed(part.generation_config.to_diff_dict()).used)
    model.generation_config = GenerationConfig(**used)
    return settings


def _end(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | list[int]:
    """Where an answer ends, for settings that do not say: an answer would run on to its limit."""
    told = getattr(model.config.get_text_config(decoder=True), "eos_token_id", None)
    return tokenizer.eos_token_id if told is None else told


def _of_the_vocabulary(used: dict, size: int) -> dict:
    """The settings whose tokens the model has; one token too many breaks every answer."""
    return {name: value for name, value in used.items() if not (name.endswith(_TOKENS) and _highest(value) >= size)}


_TOKENS = ("_token_id", "_tokens", "_words_ids")


def _highest(value: int | list) -> int:
    return max(map(_highest, value), default=0) if isinstance(value, list) else value
