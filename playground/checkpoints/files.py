"""The files of a checkpoint in a folder: there, whole, and safetensors only, checked before anything is loaded."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

ADAPTER = "adapter_config.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_HEADER = 100_000_000  # bytes, as in the safetensors library


class LoadError(ValueError):
    """A model could not be loaded; the message is a sentence for the person who asked for it."""


def read_config(name: str, folder: Path) -> dict[str, Any]:
    """The folder's config.json; raises LoadError where there is none or it is no model's."""
    path = folder / "config.json"
    if not path.is_file():
        raise LoadError(
            f"“{name}” holds no config.json. Name the folder that `save_pretrained` wrote: "
            "config.json, model.safetensors, and the processor's files."
        )
    _refuse_pointer(name, path)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LoadError(f"The config.json of “{name}” is not valid JSON: {error}.") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise LoadError(f"The config.json of “{name}” names no model_type: it is no transformers model's.")
    return config


def adapter_base(name: str, folder: Path) -> str:
    """The name of the model that an adapter (PEFT: LoRA and others) was trained on."""
    _refuse_pointer(name, folder / ADAPTER)
    try:
        base = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (ValueError, KeyError, TypeError) as error:
        raise LoadError(f"The {ADAPTER} of “{name}” is damaged: it names no base_model_name_or_path.") from error
    if not isinstance(base, str) or not base.strip():
        raise LoadError(
            f"The adapter “{name}” does not say which model it belongs to: "
            f"write that model's name into base_model_name_or_path of its {ADAPTER}."
        )
    return base.strip()


def check_adapter(name: str, folder: Path) -> None:
    """Raise LoadError unless the adapter's own weights are there as a whole safetensors file."""
    path = folder / "adapter_model.safetensors"
    if not path.is_file():
        refuse_pickles(name, [file.name for file in folder.iterdir()], path.name)
    _refuse_pointer(name, path)
    _count(name, path)


def check_weights(name: str, folder: Path) -> int:
    """How many weights the folder holds. Raises LoadError unless all are there as whole safetensors files."""
    index = folder / "model.safetensors.index.json"
    shards = {"model.safetensors"}
    if index.is_file():
        _refuse_pointer(name, index)
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError) as error:
            raise LoadError(f"{index.name} of “{name}” is damaged: it names no weight files.") from error
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if missing and not index.is_file():
        refuse_pickles(name, [path.name for path in folder.iterdir()])
    if missing:
        raise LoadError(
            f"“{name}” is not complete: its weights {', '.join(missing)} are missing. Copy or download them again."
        )
    for path in [*(folder / shard for shard in sorted(shards)), folder / "tokenizer.json"]:
        _refuse_pointer(name, path)
    return sum(_count(name, folder / shard) for shard in shards)


def _count(name: str, path: Path) -> int:
    """How many numbers a safetensors file holds, from its header; raises LoadError unless it is whole."""
    had = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= min(had, _LONGEST_HEADER) else None
        tensors = [entry for key, entry in header.items() if key != "__metadata__"]
        wanted = 8 + length + max((entry["data_offsets"][1] for entry in tensors), default=0)
        count = sum(math.prod(entry["shape"]) for entry in tensors)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(
            f"{path.name} of “{name}” is no safetensors file, or only a piece of one: copy or download it again."
        ) from error
    if had < wanted:
        raise LoadError(
            f"{path.name} of “{name}” is cut off: {had:,} bytes of {wanted:,} are there. Copy or download it again."
        )
    return count


def _refuse_pointer(name: str, path: Path) -> None:
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(len(_LFS_POINTER))
    if start == _LFS_POINTER:
        raise LoadError(
            f"{path.name} of “{name}” is only a Git LFS pointer, not the file itself: "
            "run `git lfs install` and `git lfs pull` in that folder."
        )


def refuse_pickles(name: str, files: list[str], wanted: str = "model.safetensors") -> NoReturn:
    """Raise LoadError that says what is there in place of the safetensors file `wanted`."""
    pickles = sorted(file for file in files if file.endswith(_PICKLES))
    if pickles:
        raise LoadError(
            f"The weights of “{name}” are only there as {pickles[0]}, a format that can run code when it is "
            "opened; only safetensors are accepted: save the model again with `save_pretrained`."
        )
    raise LoadError(f"“{name}” holds no weights: {wanted} is missing.")
