"""PEFT adapters (LoRA, DoRA and others) on their base, as the package peft itself puts them there.

An adapter may bring more than thin matrices: rows for tokens that its author added, and whole layers that were trained.
(Its own tokenizer and chat template: `playground.models.loading.reading_files`.)
"""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.checkpoints.files import ADAPTER, LoadError, first_sentence

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_log = logging.getLogger(__name__)
WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."


def put_on(model: PreTrainedModel, name: str, folder: Path) -> None:
    """Put the adapter in `folder` on its base, in place; its weights stay beside the base's.

    Raises LoadError where it does not fit, with what does not, and for kinds that are no part of the model's layers
    (prompt tuning).
    """
    try:
        from peft import PeftConfig, PeftModel, get_peft_model_state_dict
        from safetensors.torch import load_file
    except ImportError as error:
        raise LoadError(f"“{name}” is an adapter, which the package peft reads: {first_sentence(error)}") from error
    try:
        config = PeftConfig.from_pretrained(folder)
    except Exception as error:
        _log.info("the adapter in %s", folder, exc_info=True)
        raise LoadError(f"The {ADAPTER} of “{name}” cannot be read by peft: {first_sentence(error)}") from error
    if config.is_prompt_learning:
        raise LoadError(
            f"“{name}” is an adapter of the kind {config.peft_type.value}, which writes into every prompt; only those "
            "that change the model's layers (LoRA, DoRA and others) are put on here."
        )
    weights, base = load_file(folder / WEIGHTS), config.base_model_name_or_path
    _resize(model, config, weights)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            adapted = PeftModel.from_pretrained(_trained_part(model, weights), folder, config=config)
    except Exception as error:  # shapes, target modules and layers that the base does not have
        _log.info("the adapter in %s does not go on its base", folder, exc_info=True)
        raise LoadError(_does_not_fit(name, base, _telling_line(error))) from error
    for warning in told:
        text = str(warning.message)
        if "missing adapter keys" in text:
            lacking = re.findall(r"'([^']+)'", text) or ["some"]
            raise LoadError(
                _does_not_fit(name, base, f"its file has no weights for {lacking[0].removeprefix(_PREFIX)}.")
            )
        _log.info("%s: %s", name, text)
    known = set(filter(_is_thin, get_peft_model_state_dict(adapted, save_embedding_layers=False)))
    own = set(filter(_is_thin, weights))
    # Under names of an earlier version of the base, which peft has turned into today's, as many are known.
    if len(own) > len(known) and (strange := sorted(own - known)):
        raise LoadError(_does_not_fit(name, base, f"the base has no place for {strange[0].removeprefix(_PREFIX)}."))


def _is_thin(key: str) -> bool:
    """Whether a weight is of a LoRA's thin matrices, of which each layer has its own."""
    return ".lora_" in key


def _does_not_fit(name: str, base: str | None, why: str) -> str:
    return (
        f"The adapter “{name}” does not fit “{base}”: {why} Name the model that it was trained on in "
        f"base_model_name_or_path of its {ADAPTER}."
    )


def _telling_line(error: Exception) -> str:
    """Torch lists what does not fit in the lines after the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{(lines[min(1, len(lines) - 1)] if lines else type(error).__name__)[:300].rstrip('.')}."


def _resize(model: PreTrainedModel, config: Any, weights: dict[str, torch.Tensor]) -> None:
    """Make the base's embeddings as long as those that the adapter was trained with."""
    rows = model.get_input_embeddings().weight.shape[0] if _has_embeddings(model) else 0
    wanted = next((weights[key].shape[0] for key in sorted(_embeddings(weights))), None)
    indices = getattr(config, "trainable_token_indices", None) or []
    indices = [each for part in (indices.values() if isinstance(indices, dict) else [indices]) for each in part]
    if wanted is None and indices and max(indices) >= rows:
        wanted = max(indices) + 1
    if rows and wanted not in (None, rows):
        model.resize_token_embeddings(wanted, mean_resizing=False)


def _has_embeddings(model: PreTrainedModel) -> bool:
    with contextlib.suppress(NotImplementedError, AttributeError):
        return hasattr(model.get_input_embeddings(), "weight")
    return False


def _embeddings(keys: Any) -> list[str]:
    """Those of the keys that hold a row for every token."""
    ends = [f"{part}{layer}.weight" for part in ("embed_tokens", "lm_head", "wte") for layer in ("", ".base_layer")]
    return [key for key in keys if key.endswith(tuple(ends))]


def _trained_part(model: PreTrainedModel, weights: dict[str, torch.Tensor]) -> PreTrainedModel:
    """The model, or the part of it that has all the modules which the adapter's weights name: some train only the
    language model of a checkpoint, and name its layers from there."""
    from transformers import PreTrainedModel

    names = {key.removeprefix(_PREFIX).partition(".lora_")[0] for key in weights if ".lora_" in key}
    parts = [part for part in model.modules() if isinstance(part, PreTrainedModel)]
    for part in parts if names else ():
        if names <= {name for name, _ in part.named_modules()}:
            return part
    return model
