"""Models on the Hugging Face Hub: what it has, what of it is on this disk, and fetching the rest."""

from __future__ import annotations

import difflib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playground.checkpoints.catalog import CATALOG, EMBEDDED, shown
from playground.checkpoints.conversions import named_copy
from playground.checkpoints.files import (
    ADAPTER,
    LoadError,
    check_adapter,
    check_weights,
    read_config,
    refuse_other_layouts,
    refuse_pickles,
    spare_weights,
    variant_of,
)
from playground.network import spare_this_machine, unusable_proxies

# Subfolders and "consolidated" files hold the same weights once more, for other programs.
_WANTED = {
    "allow_patterns": ["*.json", "*.jinja", "*.txt", "*.model", "*.safetensors"],
    "ignore_patterns": ["*/*", "consolidated*"],
}
_PROCESSORS = ("processor_config.json", "preprocessor_config.json")
_SECONDS_FOR_THE_HUB = 5.0


@dataclass(frozen=True)
class Offer:
    """A model that the Hub would send.

    folder: where its snapshot will be; its config is there already. files: what is still to come, smallest first.
    bytes: of these files. weights: how many the whole model has. licence: as its page says, "" where that is silent.
    spare: files that hold the same weights once more, which are not fetched.
    """

    hub_id: str
    folder: Path
    licence: str
    files: tuple[str, ...]
    bytes: int
    weights: int
    spare: tuple[str, ...] = ()


def cached_on_disk(hub_id: str) -> Path | None:
    """The complete snapshot of a Hub model or adapter in the local cache, or None. Asks no network."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True, **_WANTED))
        if (folder / ADAPTER).is_file():
            check_adapter(hub_id, folder)
            return folder
        check_weights(hub_id, folder)
    except (OSError, ValueError):
        return None
    complete = (folder / "config.json").is_file() and any((folder / name).is_file() for name in _PROCESSORS)
    return folder if complete else None


def cached_revision(hub_id: str) -> str:
    """Which state of a Hub model the local cache holds; "" where it holds none. Reads one small file."""
    from huggingface_hub import constants

    named = Path(constants.HF_HUB_CACHE, f"models--{hub_id.replace('/', '--')}", "refs", "main")
    try:
        return named.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def ask_hub(hub_id: str) -> Offer:
    """What the Hub has under this id, after one short request; only the small config is fetched.

    Raises LoadError where there is no such model, its licence was not accepted, it has no safetensors, or there
    is no network (within seconds: huggingface_hub's own retries take half a minute).
    """
    from huggingface_hub import HfApi, hf_hub_download

    spare_this_machine(os.environ)  # some entries of NO_PROXY end the Hub's client in an error
    try:
        info = HfApi().model_info(hub_id, timeout=_SECONDS_FOR_THE_HUB, files_metadata=True)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
        config = ADAPTER if ADAPTER in sizes else "config.json"
        if config not in sizes:
            refuse_other_layouts(hub_id, sizes)
            raise LoadError(f"“{hub_id}” on the Hub holds no config.json, so it is no transformers model.")
        folder = Path(hf_hub_download(hub_id, config)).parent
        _check_kind_of_weights(hub_id, folder, sizes)
    except LoadError:
        raise
    except Exception as error:  # every transport has its own family of errors
        raise LoadError(_sentence(hub_id, error) or _unreachable(hub_id)) from error
    missing = sorted((file for file in _wanted(sizes) if not (folder / file).is_file()), key=lambda file: sizes[file])
    return Offer(
        hub_id,
        folder,
        str((info.card_data or {}).get("license") or ""),
        tuple(missing),
        sum(sizes[file] for file in missing),
        _weights(info, sizes),
        spare_weights(sizes),
    )


def _check_kind_of_weights(hub_id: str, folder: Path, sizes: dict[str, int]) -> None:
    """Raise LoadError unless there are safetensors; where another copy is the one to take, it is named."""
    if (folder / ADAPTER).is_file():
        if "adapter_model.safetensors" not in sizes:
            refuse_pickles(hub_id, list(sizes), "adapter_model.safetensors")
        return
    usual = sizes.keys() & {"model.safetensors", "model.safetensors.index.json"}
    if not usual and variant_of(sizes) is None:
        if instead := named_copy(hub_id, read_config(hub_id, folder)):
            raise LoadError(instead)
        refuse_pickles(hub_id, list(sizes))


def _wanted(sizes: dict[str, int]) -> Iterator[str]:
    from huggingface_hub.utils import filter_repo_objects

    return filter_repo_objects(sizes, **_patterns(spare_weights(sizes)))


def _patterns(spare: tuple[str, ...]) -> dict[str, list[str]]:
    """What is downloaded of a repository, and what of it is not: files for other programs, the same weights twice."""
    return {**_WANTED, "ignore_patterns": [*_WANTED["ignore_patterns"], *spare]}


def _weights(info, sizes: dict[str, int]) -> int:
    """How many weights a repository holds: what the Hub counted, else two bytes for each."""
    counted = info.safetensors.total if info.safetensors else None
    return counted or sum(sizes[file] for file in _wanted(sizes) if file.endswith(".safetensors")) // 2


def fetch(offer: Offer) -> Path:
    """Download what is missing; says how much and under which licence. Raises LoadError if it breaks off."""
    from huggingface_hub import snapshot_download

    check_disk(offer)
    if offer.bytes:
        licence = offer.licence or "see its page"
        print(
            f"Downloading {offer.hub_id}: {shown(offer.bytes / 1e6)}, licence: {licence} "
            f"(https://huggingface.co/{offer.hub_id})",
            file=sys.stderr,
        )
    try:
        return Path(snapshot_download(offer.hub_id, **_patterns(offer.spare)))
    except Exception as error:
        raise LoadError(broken_off(offer.hub_id, error)) from error


def check_disk(offer: Offer) -> None:
    """Raise LoadError when the disk of the cache has no room for what is to come."""
    free = shutil.disk_usage(offer.folder).free
    if offer.bytes > free:
        raise LoadError(_disk_full(offer.hub_id, f"{shown(offer.bytes / 1e6)} to come, {shown(free / 1e6)} free"))


def broken_off(hub_id: str, error: BaseException) -> str:
    """A sentence on a download that ended too early."""
    return _sentence(hub_id, error) or (
        f"The download of “{hub_id}” broke off; choose it again, and the files that came whole are kept. "
        f"What works meanwhile: {EMBEDDED}."
    )


def _unreachable(hub_id: str) -> str:
    reasons = "".join(f"{sentence} " for sentence in unusable_proxies(os.environ).values())
    return (
        f"“{hub_id}” is not on this machine and the Hugging Face Hub cannot be reached. {reasons}"
        f"What works without a network: {EMBEDDED}."
    )


def _disk_full(hub_id: str, figures: str) -> str:
    from huggingface_hub import constants

    return (
        f"There is not enough room on the disk for “{hub_id}” ({figures}). Delete models that are no longer needed "
        f"from {constants.HF_HUB_CACHE} (`hf cache`), or let HF_HOME name a folder on another disk."
    )


def _sentence(hub_id: str, error: BaseException) -> str | None:
    """What to tell a person whose request the Hub refused, or whose disk is full; None for other troubles."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return (
            f"“{hub_id}” asks you to accept its licence first: do so on https://huggingface.co/{hub_id}, "
            "then log in here with `hf auth login`."
        )
    if isinstance(error, RepositoryNotFoundError):
        known = {entry.source.casefold(): entry.source for entry in CATALOG if not entry.embedded}
        close = difflib.get_close_matches(hub_id.casefold(), known, n=1, cutoff=0.8)
        hint = f" Did you mean “{known[close[0]]}”?" if close else ""
        return (
            f"There is no folder and no public model on the Hub named “{hub_id}”.{hint} "
            "For a private one log in with `hf auth login`."
        )
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return _disk_full(hub_id, "it filled up while the files came")
        cause = cause.__cause__ or cause.__context__
    return None
