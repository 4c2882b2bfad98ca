"""A checkpoint's own config, without what it decides that the playground has to decide.

How attention is computed, whether keys and values are kept, and what a forward pass returns are asked of every model
here in its turn; a config that says otherwise was saved from somebody's training run.
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.checkpoints.architecture import RENAMED
from playground.checkpoints.files import LoadError, first_sentence

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_log = logging.getLogger(__name__)


# What a config may not decide: set by hand, or left over from a training run.
_DECIDED_HERE = frozenset(
    (
        *(
            "dtype",
            "torch_dtype",
            "use_cache",
            "return_dict",
            "use_return_dict",
            "torchscript",
            "gradient_checkpointing",
        ),
        *("output_attentions", "output_hidden_states", "output_router_logits"),
        *("attn_implementation", "_attn_implementation", "_attn_implementation_internal", "_flash_attn_2_enabled"),
        *("experts_implementation", "_experts_implementation", "_experts_implementation_internal"),
    )
)


def read_own_config(name: str, folder: Path, architecture: type) -> PreTrainedConfig:
    """The config that `architecture` is built from; raises LoadError where transformers does not accept it."""
    from transformers import AutoConfig

    kind = getattr(architecture, "config_class", None) or AutoConfig
    options = {"trust_remote_code": False} if kind is AutoConfig else {}
    with tempfile.TemporaryDirectory(prefix="playground-config-") as made:
        Path(made, "config.json").write_text(json.dumps(cleaned(folder)), encoding="utf-8")
        try:
            return kind.from_pretrained(made, local_files_only=True, **options)
        except Exception as error:  # wrong types, sizes that do not divide, a rope of another version …
            _log.info("the config of %s", folder, exc_info=True)
            raise LoadError(f"The config.json of “{name}” cannot be used: {_cause(error)}") from error


def cleaned(folder: Path) -> dict[str, Any]:
    """The folder's config, and its parts, without what is decided here."""
    return _cleaned(json.loads((folder / "config.json").read_text(encoding="utf-8")))


def _cleaned(told: dict[str, Any]) -> dict[str, Any]:
    """A config, and its parts, without what is decided here; parts whose type has another name by now have that."""
    kept = {key: value for key, value in told.items() if key not in _DECIDED_HERE}
    parts = {key: _cleaned(value) for key, value in kept.items() if isinstance(value, dict)}
    kept |= parts
    if (renamed := RENAMED.get(kept.get("model_type", ""))) is not None:
        kept["model_type"] = renamed
    return kept


def _cause(error: Exception) -> str:
    """What was wrong by the innermost error: huggingface_hub wraps a validator's own in a line that names it."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return first_sentence(error)
