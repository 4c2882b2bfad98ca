"""Well-known checkpoints that transformers cannot load as they are published, and the copies that it can.

Most need code of their own, which is never run here; some were published before transformers had a class for them and
kept the layout of their first day. Everything is told from the small `config.json`, before anything large is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Conversion:
    """A layout that cannot be loaded.

    is_one: tells it from a `config.json`. what: the layout, for a sentence. native: Hub ids of copies that work, by
    a part of the original's name, lower case; "" is for all others. Empty: none is known, and `instead` is named.
    """

    what: str
    is_one: Callable[[Config], bool]
    native: Mapping[str, str]
    instead: str = ""


def named_copy(name: str, config: Config) -> str | None:
    """A sentence that names the copy to load in place of this checkpoint; None for layouts that are not known here."""
    found = next((each for each in CONVERSIONS if each.is_one(config)), None)
    if found is None:
        return None
    said = f"“{name}” has {found.what}, which needs code of its own; that is never run here."
    copy = _copy(found.native, name, config)
    if copy is None:
        return f"{said} No copy for transformers' own classes is known; choose {found.instead}."
    return f"{said} What transformers' own classes load is {copy}: take that one."


def _copy(native: Mapping[str, str], name: str, config: Config) -> str | None:
    """The copy whose key the checkpoint's name has, or the name under which it was once saved."""
    for known in (name, str(config.get("_name_or_path") or "")):
        last = known.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()
        for part, copy in native.items():
            if part and part in last:
                return copy
    return native.get("")


def _of_type(*types: str) -> Callable[[Config], bool]:
    return lambda config: config.get("model_type") in types


def _part(config: Config, name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def _florence(large: bool) -> Callable[[Config], bool]:
    def is_one(config: Config) -> bool:
        vision = _part(config, "vision_config")
        microsoft = config.get("model_type") == "florence2" and (
            vision.get("model_type") == "davit" or "dim_embed" in vision
        )
        wide = (vision.get("projection_dim") or config.get("projection_dim") or 0) > 768
        return microsoft and wide == large

    return is_one


def _florences(size: str) -> dict[str, str]:
    owner = "florence-community/Florence-2-"
    return {f"{size}-ft": f"{owner}{size}-ft", "": f"{owner}{size}"}


def _janus(config: Config) -> bool:
    return config.get("model_type") == "multi_modality" and "gen_vision_config" in config


def _first_llava(config: Config) -> bool:
    return "mm_vision_tower" in config and not str(config.get("model_type")).startswith("mineru")


_SMALL = "HuggingFaceTB/SmolVLM2-2.2B-Instruct or Qwen/Qwen3-VL-2B-Instruct"
_CPM = f"openbmb/MiniCPM-V-4.6 or {_SMALL}"
_PAGES = "ibm-granite/granite-docling-258M"

# More particular names first.
CONVERSIONS: tuple[Conversion, ...] = (
    Conversion("Microsoft's first layout of Florence-2", _florence(large=False), _florences("base")),
    Conversion("Microsoft's first layout of Florence-2", _florence(large=True), _florences("large")),
    Conversion(
        "OpenGVLab's first layout of InternVL",
        _of_type("internvl_chat"),
        {
            **{f"internvl3-{size}": f"OpenGVLab/InternVL3-{size.upper()}-hf" for size in ("14b", "38b", "78b")},
            **{f"internvl3-{size}": f"OpenGVLab/InternVL3-{size.upper()}-hf" for size in ("1b", "2b", "8b", "9b")},
            **{f"internvl3_5-{size}": f"OpenGVLab/InternVL3_5-{size.upper()}-HF" for size in ("14b", "38b")},
            **{f"internvl3_5-{size}": f"OpenGVLab/InternVL3_5-{size.upper()}-HF" for size in ("1b", "2b", "4b", "8b")},
        },
        "OpenGVLab/InternVL3-1B-hf",
    ),
    Conversion(
        "DeepSeek's own layout of Janus",
        _janus,
        {"7b": "deepseek-community/Janus-Pro-7B", "": "deepseek-community/Janus-Pro-1B"},
    ),
    Conversion(
        "DeepSeek's own layout of DeepSeek-VL",
        _of_type("multi_modality"),
        {"7b": "deepseek-community/deepseek-vl-7b-chat", "": "deepseek-community/deepseek-vl-1.3b-chat"},
    ),
    Conversion(
        "the layout of the LLaVA repositories",
        _first_llava,
        {
            "v1.5-7b": "llava-hf/llava-1.5-7b-hf",
            "v1.5-13b": "llava-hf/llava-1.5-13b-hf",
            "v1.6-mistral-7b": "llava-hf/llava-v1.6-mistral-7b-hf",
            "v1.6-vicuna-7b": "llava-hf/llava-v1.6-vicuna-7b-hf",
            "v1.6-vicuna-13b": "llava-hf/llava-v1.6-vicuna-13b-hf",
            "v1.6-34b": "llava-hf/llava-v1.6-34b-hf",
            "onevision-qwen2-0.5b-ov": "llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
            "onevision-qwen2-7b-ov": "llava-hf/llava-onevision-qwen2-7b-ov-hf",
            "onevision-qwen2-0.5b-si": "llava-hf/llava-onevision-qwen2-0.5b-si-hf",
            "onevision-qwen2-7b-si": "llava-hf/llava-onevision-qwen2-7b-si-hf",
            "fastvlm-0.5b": "KamilaMila/FastVLM-0.5B",
            "fastvlm-7b": "KamilaMila/FastVLM-7B",
        },
        "llava-hf/llava-1.5-7b-hf or llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
    ),
    Conversion(
        "the layout of the VideoLLaMA 3 repository",
        _of_type("videollama3_qwen2"),
        {
            "videollama3-2b-image": "lkhl/VideoLLaMA3-2B-Image-HF",
        },
        f"lkhl/VideoLLaMA3-2B-Image-HF or {_SMALL}",
    ),
    Conversion(
        "AIDC's own layout of Ovis",
        _of_type("ovis"),
        {
            "ovis2-1b": "thisisiron/Ovis2-1B-hf",
            "ovis2-2b": "thisisiron/Ovis2-2B-hf",
        },
        "thisisiron/Ovis2-1B-hf",
    ),
    Conversion("the first layout of GOT-OCR 2.0", _of_type("GOT"), {"": "stepfun-ai/GOT-OCR-2.0-hf"}),
    Conversion("BAAI's first layout of Emu3", _of_type("Emu3"), {"": "BAAI/Emu3-Chat-hf"}),
    Conversion("vikhyatk's own layout of Moondream", _of_type("moondream1", "moondream", "moondream3"), {}, _SMALL),
    Conversion("OpenBMB's own layout of MiniCPM-V", _of_type("minicpmv", "minicpmo"), {}, _CPM),
    Conversion("Ai2's own layout of Molmo", _of_type("molmo"), {}, f"allenai/Molmo2-4B or {_SMALL}"),
    Conversion("Microsoft's own layout of Phi-3 Vision", _of_type("phi3_v"), {}, _SMALL),
    Conversion("the layout of MinerU", _of_type("mineru2_qwen"), {}, _PAGES),
    Conversion("a layout of its own", _of_type("unlimited-ocr"), {}, _PAGES),
)
