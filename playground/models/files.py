"""The files of a checkpoint: in a folder, in the Hub's cache, on the Hub; safetensors only, checked first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playground.models.catalog import CATALOG

EMBEDDED = ", ".join(entry.name for entry in CATALOG if entry.embedded)
# Subfolders and "consolidated" files hold the same weights once more, for other programs.
_WANTED = {
    "allow_patterns": ["*.json", "*.jinja", "*.txt", "*.model", "*.safetensors"],
    "ignore_patterns": ["*/*", "consolidated*"],
}
_PROCESSORS = ("processor_config.json", "preprocessor_config.json")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_SECONDS_FOR_THE_HUB = 5.0


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


def check_weights(name: str, folder: Path) -> None:
    """Raise LoadError unless the folder holds all of its weights as real safetensors files."""
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
        _refuse_pickles(name, [path.name for path in folder.iterdir()])
    if missing:
        raise LoadError(f"“{name}” is not complete: its weights {', '.join(missing)} are missing.")
    for path in [*(folder / shard for shard in sorted(shards)), folder / "tokenizer.json"]:
        _refuse_pointer(name, path)


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


def _refuse_pickles(name: str, files: list[str]) -> None:
    pickles = sorted(file for file in files if file.endswith(_PICKLES))
    if pickles:
        raise LoadError(
            f"The weights of “{name}” are only there as {pickles[0]}, a format that can run code when it is "
            "opened; only safetensors are accepted: save the model again with `save_pretrained`."
        )
    raise LoadError(f"“{name}” holds no weights: model.safetensors is missing.")


def cached_on_disk(hub_id: str) -> Path | None:
    """The complete snapshot of a Hub model in the local cache, or None. Asks no network."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True, **_WANTED))
        check_weights(hub_id, folder)
    except (OSError, ValueError):
        return None
    complete = (folder / "config.json").is_file() and any((folder / name).is_file() for name in _PROCESSORS)
    return folder if complete else None


def ask_hub(hub_id: str) -> Path:
    """Fetch only config.json, after one short request that tells whether the Hub has the model at all.

    Returns the folder of the snapshot, which `fetch` completes. Raises LoadError where there is no such
    model, no safetensors, or no network (within seconds: huggingface_hub's own retries take half a minute).
    """
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        info = HfApi().model_info(hub_id, timeout=_SECONDS_FOR_THE_HUB)
        files = [file.rfilename for file in info.siblings or []]
        if "config.json" not in files:
            raise LoadError(f"“{hub_id}” on the Hub holds no config.json, so it is no transformers model.")
        if not {"model.safetensors", "model.safetensors.index.json"} & set(files):
            _refuse_pickles(hub_id, files)
        return Path(hf_hub_download(hub_id, "config.json")).parent
    except LoadError:
        raise
    except GatedRepoError as error:
        raise LoadError(
            f"“{hub_id}” asks you to accept its licence first: do so on https://huggingface.co/{hub_id}, "
            "then log in here with `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise LoadError(f"There is no folder and no public model on the Hub named “{hub_id}”.") from error
    except Exception as error:  # every transport has its own family of errors
        raise LoadError(
            f"“{hub_id}” is not on this machine and the Hugging Face Hub cannot be reached. "
            f"What works without a network: {EMBEDDED}."
        ) from error


def fetch(hub_id: str) -> Path:
    """Download the rest of the snapshot that `ask_hub` began; raises LoadError if the connection breaks."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_id, **_WANTED))
    except Exception as error:
        raise LoadError(
            f"The download of “{hub_id}” broke off; choose it again to go on where it stopped. "
            f"What works meanwhile: {EMBEDDED}."
        ) from error
