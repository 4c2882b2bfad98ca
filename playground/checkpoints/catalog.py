"""What can be picked: the models that come with the playground, and some on the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playground.assets import assets

Kind = Literal["chat", "embed", "segment", "detect"]

ASSETS = assets()
MOJI_KNOWS = "A world of emoji scenes: some 200 everyday things, shapes and colours. It has never seen a photograph."


TASKS: dict[Kind, tuple[str, ...]] = {
    "chat": ("chat", "answer", "caption"),
    "embed": ("compare", "search"),
    "segment": ("segment", "segment_at"),
    "detect": ("detect",),
}


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue.

    name: what is typed and shown in lists; unique.
    title: one line for people.
    kind: "chat" (picture and text to text), "embed" (to vectors), "segment" (words or clicks to masks) or "detect"
        (words to boxes).
    source: a Hub id ("owner/name"), or the folder of an embedded model.
    licence: of the weights.
    download_mb: what the first use fetches, in megabytes (0 for an embedded model).
    memory_mb: what the process takes while it answers on a CPU in float32, in megabytes; some 700 of it are torch.
        Measured for embedded models; for others four bytes a weight and room to compute.
    knows: what its training showed it.
    images: how many pictures it was taught to read at once; None: many.
    only: its tasks, where they are fewer than its kind's.
    gated: the Hub asks everybody to log in and accept the licence before the download.
    estimated: download_mb is reckoned from the number of weights, not read from the repository.
    best_at: what to pick it for, in a few words.
    model_type: of its config.json, which names the class that loads it; "" for an embedded model, whose file is here.
    verified: size, licence and class were compared with the repository's own files or card, or with documentation of
        its makers; otherwise with the class alone.
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
    only: tuple[str, ...] = ()
    gated: bool = False
    estimated: bool = False
    best_at: str = ""
    model_type: str = ""
    verified: bool = False

    @property
    def embedded(self) -> bool:
        """True when the weights come with the playground, so that the model works with no network."""
        return self.source.startswith(str(ASSETS))

    @property
    def tasks(self) -> tuple[str, ...]:
        """What it is good for, in the words of `playground.tasks`."""
        return self.only or TASKS[self.kind]


def _moji(name: str, title: str, kind: Kind, memory_mb: int = 800, **options) -> Entry:
    return Entry(name, title, kind, str(ASSETS / "moji" / name), "Apache-2.0", 0, memory_mb, MOJI_KNOWS, **options)


def _hub(
    source: str, title: str, kind: Kind, download_mb: int, memory_mb: int, knows: str, licence: str, **options
) -> Entry:
    """An entry on the Hub, named as its repository."""
    return Entry(source.rpartition("/")[2], title, kind, source, licence, download_mb, memory_mb, knows, **options)


_DOCUMENTS = "Photographs, documents and charts, in English."
_PAGES = "Pages: text, tables, formulas, code and charts, in English."
_LANGUAGES = "Photographs, documents, charts and writing, in many languages."
_PHOTOGRAPHS = "Photographs, in English."
_ALL_CAPTIONS = "Photographs and drawings from the web, with captions in many languages."
_APACHE, _MIT, _BSD, _GEMMA = "Apache-2.0", "MIT", "BSD-3-Clause", "Gemma Terms of Use"
_CDLA, _QWEN, _LLAMA, _SAM = "CDLA-Permissive-2.0", "Qwen licence", "Llama 2 Community License", "SAM License"
_CAPTIONS, _WORDS, _CLICKS = ("caption",), ("segment",), ("segment_at",)
_ANSWERS = ("answer", "caption")
_KNOWN: dict[str, Any] = {"verified": True}
_RECKONED: dict[str, Any] = {"estimated": True}

# Of each kind the embedded ones first, then small and good ones before large ones.
_ALL: tuple[Entry, ...] = (
    _moji("moji-vlm", "Moji, the embedded chat model", "chat", images=1, best_at="learning how such a model works"),
    _moji("moji-blip", "Moji, the embedded captioner", "chat", images=1, only=_ANSWERS, best_at="the other fusion"),
    _hub(
        "HuggingFaceTB/SmolVLM-256M-Instruct",
        "SmolVLM 256M, any laptop",
        *("chat", 520, 2200, _DOCUMENTS, _APACHE),
        **dict(best_at="a first look, on any laptop", model_type="idefics3"),
    ),
    _hub(
        "ibm-granite/granite-docling-258M",
        "Granite-Docling 258M, pages to DocTags",
        *("chat", 530, 2200, _PAGES, _APACHE),
        **dict(images=1, best_at="pages into structured text", model_type="idefics3", **_KNOWN),
    ),
    _hub(
        "docling-project/SmolDocling-256M-preview",
        "SmolDocling 256M, pages to DocTags",
        *("chat", 520, 2200, _PAGES, _CDLA),
        **dict(images=1, best_at="pages, as small as can be", model_type="idefics3", **_RECKONED),
    ),
    _hub(
        "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
        "SmolVLM2 500M, pictures and videos",
        *("chat", 2030, 3300, _DOCUMENTS, _APACHE),
        **dict(best_at="short videos on a laptop", model_type="smolvlm", **_KNOWN),
    ),
    _hub(
        "Qwen/Qwen3.5-0.8B",
        "Qwen3.5 0.8B",
        *("chat", 1750, 4500, _LANGUAGES, _APACHE),
        **dict(best_at="the most for a gigabyte or two", model_type="qwen3_5", **_RECKONED),
    ),
    _hub(
        "florence-community/Florence-2-base",
        "Florence-2 base, asked by task words such as <OD>",
        *("chat", 930, 1900, _PHOTOGRAPHS, _MIT),
        images=1,
        only=_CAPTIONS,
        **dict(best_at="captions, boxes and regions by task words", model_type="florence2", **_RECKONED),
    ),
    _hub(
        "OpenGVLab/InternVL3-1B-hf",
        "InternVL3 1B",
        *("chat", 1890, 5000, _LANGUAGES, _QWEN),
        **dict(best_at="documents and charts on a CPU", model_type="internvl", **_RECKONED),
    ),
    _hub(
        "llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
        "LLaVA-OneVision 0.5B",
        *("chat", 1790, 4700, "Photographs, documents and charts, in English and Chinese.", _APACHE),
        **dict(best_at="several pictures side by side", model_type="llava_onevision", **_RECKONED),
    ),
    _hub(
        "Salesforce/blip-image-captioning-large",
        "BLIP large, short captions",
        *("chat", 1880, 2900, _PHOTOGRAPHS, _BSD),
        images=1,
        only=_CAPTIONS,
        **dict(best_at="quick short captions", model_type="blip", **_KNOWN),
    ),
    _hub(
        "Qwen/Qwen3-VL-2B-Instruct",
        "Qwen3-VL 2B",
        *("chat", 4260, 10000, _LANGUAGES, _APACHE),
        **dict(best_at="everyday questions, writing and boxes", model_type="qwen3_vl", **_RECKONED),
    ),
    _hub(
        "deepseek-community/Janus-Pro-1B",
        "Janus-Pro 1B, understands and draws",
        *("chat", 4180, 10000, _PHOTOGRAPHS, _MIT),
        **dict(best_at="one model that reads pictures and draws them", model_type="janus", **_RECKONED),
    ),
    _hub(
        "HuggingFaceTB/SmolVLM2-2.2B-Instruct",
        "SmolVLM2 2.2B, pictures and videos",
        *("chat", 8990, 11000, _DOCUMENTS, _APACHE),
        **dict(best_at="videos, with a GPU", model_type="smolvlm"),
    ),
    _hub(
        "google/paligemma2-3b-mix-224",
        "PaliGemma 2 3B, asked by task words such as “detect cat”",
        *("chat", 6070, 13500, _LANGUAGES, _GEMMA),
        images=1,
        only=_ANSWERS,
        gated=True,
        **dict(best_at="boxes and masks by task words", model_type="paligemma", **_RECKONED),
    ),
    _hub(
        "google/gemma-3-4b-it",
        "Gemma 3 4B",
        *("chat", 8640, 19000, _LANGUAGES, _GEMMA),
        gated=True,
        **dict(best_at="long talks in many languages", model_type="gemma3", **_RECKONED),
    ),
    _hub(
        "Qwen/Qwen3-VL-4B-Instruct",
        "Qwen3-VL 4B",
        *("chat", 8880, 19500, _LANGUAGES, _APACHE),
        **dict(best_at="documents and reasoning, with a GPU", model_type="qwen3_vl", **_RECKONED),
    ),
    _hub(
        "llava-hf/llava-1.5-7b-hf",
        "LLaVA 1.5 7B",
        *("chat", 14130, 30000, _PHOTOGRAPHS, _LLAMA),
        images=1,
        **dict(best_at="the model that most papers look into", model_type="llava", **_KNOWN),
    ),
    _hub(
        "Qwen/Qwen3-VL-8B-Instruct",
        "Qwen3-VL 8B",
        *("chat", 17540, 37000, _LANGUAGES, _APACHE),
        **dict(best_at="the best answers here, with a large GPU", model_type="qwen3_vl", **_RECKONED),
    ),
    _moji("moji-clip", "Moji, the embedded picture and text encoder", "embed", best_at="learning"),
    _hub(
        "google/siglip2-base-patch16-224",
        "SigLIP 2 base",
        *("embed", 1540, 2300, _ALL_CAPTIONS, _APACHE),
        **dict(best_at="search in many languages", model_type="siglip", **_RECKONED),
    ),
    _moji("moji-clipseg", "Moji, the embedded segmenter", "segment", only=_WORDS, best_at="learning"),
    _hub(
        "facebook/sam2.1-hiera-tiny",
        "SAM 2.1 tiny, clicks to masks",
        *("segment", 156, 1300, "Photographs.", _APACHE),
        only=_CLICKS,
        **dict(best_at="cutting out what is clicked", model_type="sam2_video"),
    ),
    _hub(
        "CIDAS/clipseg-rd64-refined",
        "CLIPSeg rd64, words to masks",
        *("segment", 610, 1600, _PHOTOGRAPHS, _APACHE),
        only=_WORDS,
        **dict(best_at="rough masks from any words", model_type="clipseg", **_RECKONED),
    ),
    _hub(
        "facebook/sam3",
        "SAM 3, words or clicks to masks",
        *("segment", 3440, 6000, _PHOTOGRAPHS, _SAM),
        gated=True,
        **dict(best_at="every thing that a word names", model_type="sam3_video", **_RECKONED),
    ),
    _moji("moji-owl", "Moji, the embedded detector", "detect", best_at="learning"),
    _hub(
        "IDEA-Research/grounding-dino-tiny",
        "Grounding DINO tiny",
        *("detect", 689, 2500, _PHOTOGRAPHS, _APACHE),
        **dict(best_at="boxes for phrases", model_type="grounding-dino", **_KNOWN),
    ),
    _hub(
        "google/owlv2-base-patch16-ensemble",
        "OWLv2 base",
        *("detect", 620, 2500, _PHOTOGRAPHS, _APACHE),
        **dict(best_at="boxes for many names at once", model_type="owlv2", **_RECKONED),
    ),
)

# An embedded model whose folder is not there, in a copy without its assets, is not offered.
CATALOG = tuple(entry for entry in _ALL if not entry.embedded or Path(entry.source).is_dir())


def find(name: str) -> Entry | None:
    """The entry of this catalogue name or source (case does not matter), or None."""
    wanted = name.strip().casefold()
    return next((e for e in CATALOG if wanted in (e.name.casefold(), e.source.casefold())), None)


EMBEDDED = ", ".join(entry.name for entry in CATALOG if entry.embedded)
EXAMPLE = "HuggingFaceTB/SmolVLM-256M-Instruct"  # what messages name as a Hub id


def of_kind(kind: Kind) -> tuple[Entry, ...]:
    """All entries of one kind, embedded ones first."""
    return tuple(sorted((e for e in CATALOG if e.kind == kind), key=lambda e: not e.embedded))


def shown(megabytes: float) -> str:
    """A size for people.

    Example:
        >>> shown(520), shown(4300)
        ('520 MB', '4.3 GB')
    """
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
