"""What can be picked: the models that come with the playground, and some on the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["chat", "embed", "segment"]

ASSETS = Path(__file__).resolve().parents[2] / "assets"
MOJI_KNOWS = "A world of emoji scenes: some 200 everyday things, shapes and colours. It has never seen a photograph."


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue.

    name: what is typed and shown in lists; unique.
    title: one line for people.
    kind: "chat" (picture and text to text), "embed" (to vectors) or "segment" (words to masks).
    source: a Hub id ("owner/name"), or the folder of an embedded model.
    licence: of the weights.
    download_mb: what the first use fetches, in megabytes (0 for an embedded model).
    memory_mb: what the process takes while it answers on a CPU in float32, in megabytes; some 700 of it are torch.
    knows: what its training showed it.
    images: how many pictures it was taught to read at once; None: many.
    """

    name: str
    title: str
    kind: Kind
    source: str
    licence: str
    download_mb: int
    memory_mb: int
    knows: str
    images: int | None = None

    @property
    def embedded(self) -> bool:
        """True when the weights come with the playground, so that the model works with no network."""
        return self.source.startswith(str(ASSETS))


def _moji(name: str, title: str, kind: Kind, memory_mb: int, images: int | None = None) -> Entry:
    return Entry(name, title, kind, str(ASSETS / "moji" / name), "Apache-2.0", 0, memory_mb, MOJI_KNOWS, images)


def _hub(
    source: str,
    title: str,
    kind: Kind,
    download_mb: int,
    memory_mb: int,
    knows: str,
    *,
    licence: str = "Apache-2.0",
    images: int | None = None,
    name: str = "",
) -> Entry:
    """An entry on the Hub, named as its repository unless `name` says otherwise."""
    name = name or source.rpartition("/")[2]
    return Entry(name, title, kind, source, licence, download_mb, memory_mb, knows, images)


_DOCUMENTS = "Photographs, documents and charts, in English."
_LANGUAGES = "Photographs, documents, charts and writing, in many languages."
_PHOTOGRAPHS = "Photographs, in English."
_ALL_CAPTIONS = "Photographs and drawings from the web, with captions in many languages."
_QWEN = "Qwen Research License (non-commercial)"
_LLAMA = "Llama 2 Community License"

CATALOG: tuple[Entry, ...] = (
    _moji("moji-vlm", "Moji, the embedded chat model", "chat", 800, images=1),
    _hub("HuggingFaceTB/SmolVLM-256M-Instruct", "SmolVLM 256M, for any laptop", "chat", 520, 2200, _DOCUMENTS),
    _hub("HuggingFaceTB/SmolVLM-500M-Instruct", "SmolVLM 500M", "chat", 1020, 3300, _DOCUMENTS),
    _hub(
        "HuggingFaceTB/SmolVLM-Instruct", "SmolVLM 2.2B", "chat", 4500, 11000, _DOCUMENTS, name="SmolVLM-2.2B-Instruct"
    ),
    _hub("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen2.5-VL 3B", "chat", 7520, 17000, _LANGUAGES, licence=_QWEN),
    _hub("llava-hf/llava-1.5-7b-hf", "LLaVA 1.5 7B", "chat", 14130, 30000, _PHOTOGRAPHS, licence=_LLAMA, images=1),
    _moji("moji-clip", "Moji, the embedded picture and text encoder", "embed", 800),
    _hub("google/siglip2-base-patch16-224", "SigLIP 2 base", "embed", 1540, 2300, _ALL_CAPTIONS),
    _moji("moji-clipseg", "Moji, the embedded segmenter", "segment", 800),
    _hub("CIDAS/clipseg-rd64-refined", "CLIPSeg rd64, words to masks", "segment", 610, 1600, _PHOTOGRAPHS),
)


def find(name: str) -> Entry | None:
    """The entry of this catalogue name or source (case does not matter), or None."""
    wanted = name.strip().casefold()
    return next((e for e in CATALOG if wanted in (e.name.casefold(), e.source.casefold())), None)


def of_kind(kind: Kind) -> tuple[Entry, ...]:
    """All entries of one kind, embedded ones first."""
    return tuple(sorted((e for e in CATALOG if e.kind == kind), key=lambda e: not e.embedded))
