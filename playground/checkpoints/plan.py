"""What loading a name takes: found out, and checked as far as that is cheap, before anything large moves."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from playground.checkpoints import device as devices
from playground.checkpoints.architecture import architecture
from playground.checkpoints.catalog import CATALOG, EXAMPLE, Entry, Kind, find
from playground.checkpoints.device import Placement
from playground.checkpoints.files import (
    ADAPTER,
    PICTURES,
    LoadError,
    adapter_base,
    check_adapter,
    check_pictures,
    check_reading,
    check_weights,
    read_config,
    refuse_embedder,
)
from playground.checkpoints.hub import Offer, ask_hub, cached_on_disk
from playground.checkpoints.quantization import check_quantization

_HUB_ID = re.compile(r"[a-zA-Z0-9][\w.-]*/[a-zA-Z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Plan:
    """What loading a name takes. Everything that can be checked cheaply is; nothing large was fetched or read.

    entry: of the catalogue; an adapter's is that of its base. family: the config's model type.
    folder, adapter: where the model is and what is put on it, if anything; an Offer is what the Hub must send first.
    """

    name: str
    entry: Entry | None
    kind: Kind
    family: str
    architecture: type
    placement: Placement
    folder: Path | Offer
    adapter: Path | Offer | None = None

    @property
    def to_fetch(self) -> tuple[Offer, ...]:
        """What must be downloaded first."""
        return tuple(part for part in (self.adapter, self.folder) if isinstance(part, Offer))


def plan(name: str, *, device: str | None = None, dtype: object = None, four_bit: bool = False) -> Plan:
    """Find out what `load` with these arguments would do; raises LoadError where that is known to fail."""
    entry, source = resolve(name)
    name = entry.name if entry else name
    folder, adapter = _located(source), None
    if (_config_folder(folder) / ADAPTER).is_file():
        adapter = folder
        if isinstance(adapter, Path):
            check_adapter(name, adapter)
        entry, folder = _base(name, _config_folder(adapter))
    config = read_config(name, _config_folder(folder))
    kind, kind_class = architecture(name, config)
    if kind == "chat":
        refuse_embedder(name, _names(folder))
    check_quantization(name, config, four_bit=four_bit)
    _check_reading(name, [place for place in (folder, adapter) if place is not None], clicks_only(kind, kind_class))
    weights = folder.weights if isinstance(folder, Offer) else check_weights(name, folder)
    options = dict(embedded=bool(entry and entry.embedded), device=device, dtype=dtype, four_bit=four_bit)
    placement = devices.place(name, weights, devices.this_machine(), kind, **options)
    return Plan(name, entry, kind, config["model_type"], kind_class, placement, folder, adapter)


def clicks_only(kind: Kind, kind_class: type) -> bool:
    """Whether a model reads no words at all, as the first SAMs."""
    return kind == "segment" and "MaskGeneration" in kind_class.__name__


def _check_reading(name: str, places: list[Path | Offer], wordless: bool) -> None:
    """Raise LoadError where neither the model nor its adapter brings the files that words and pictures are read by."""
    files = {file for place in places for file in _names(place)}
    check_reading(name, files, words=not wordless)
    for place in places:
        if isinstance(place, Path) and any((place / file).is_file() for file in PICTURES):
            return check_pictures(name, place)


def _names(place: Path | Offer) -> set[str]:
    """The names of a checkpoint's files, of those too that are still to come."""
    here = {file.name for file in _config_folder(place).iterdir()}
    return here | set(place.files) if isinstance(place, Offer) else here


def _located(source: str) -> Path | Offer:
    """The folder of a model or adapter on this disk, or what the Hub would send."""
    return Path(source) if Path(source).is_absolute() else cached_on_disk(source) or ask_hub(source)


def _config_folder(place: Path | Offer) -> Path:
    return place.folder if isinstance(place, Offer) else place


def _base(name: str, adapter: Path) -> tuple[Entry | None, Path | Offer]:
    """The model that an adapter is put on; a relative path may be meant from the adapter's own folder."""
    wanted = adapter_base(name, adapter)
    try:
        entry, source = resolve(_beside(adapter, wanted))
        place = _located(source)
    except LoadError as error:
        raise LoadError(f"“{name}” is an adapter for “{wanted}”, which cannot be loaded. {error}") from error
    if (_config_folder(place) / ADAPTER).is_file():
        raise LoadError(f"“{name}” is an adapter for “{wanted}”, which is an adapter itself: merge that one first.")
    return entry, place


def _beside(adapter: Path, wanted: str) -> str:
    beside = folder_named(str(adapter / wanted))
    return str(beside) if beside else wanted


def base_source(name: str, adapter: Path) -> str:
    """The folder or Hub id of the model that an adapter in a folder is put on; raises LoadError as `plan` does."""
    return resolve(_beside(adapter, adapter_base(name, adapter)))[1]


def overlooked(name: str) -> str | None:
    """A sentence where a folder here has the name of a catalogue entry, which is what the name stands for."""
    entry, folder = find(name), folder_named(name.strip())
    if entry is None or folder is None or str(folder) == entry.source or Path(name.strip()).is_absolute():
        return None
    return f"“{name.strip()}” is the one of the catalogue. For the folder of that name here say ./{name.strip()}."


def resolve(name: str) -> tuple[Entry | None, str]:
    """The catalogue entry, if any, and the folder or Hub id to load from."""
    name = name.strip()
    if entry := find(name):
        return entry, entry.source
    if folder := folder_named(name):
        return None, str(folder)
    if _HUB_ID.fullmatch(name):
        return None, name
    names = {entry.name.casefold(): entry.name for entry in CATALOG}
    close = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.5)
    shown = name if len(name) < 100 else f"{name[:99]}…"
    hint = f"Did you mean “{names[close[0]]}”? " if close else ""
    raise LoadError(
        f"There is no model named “{shown}”. {hint}Accepted are a name of the catalogue such as {CATALOG[0].name}, "
        f"a local folder, a Hub id such as {EXAMPLE}, or the address of a server."
    )


def folder_named(name: str) -> Path | None:
    """The folder of this name, or None; whatever people type is no reason for another error."""
    try:
        folder = Path(name).expanduser()
        return folder.resolve() if name and folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # a name too long for a file, a home of nobody, a null character
        return None
