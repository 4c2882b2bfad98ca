"""The files of a checkpoint in a folder: there, whole, and safetensors only, checked before anything is loaded."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NoReturn

ADAPTER = "adapter_config.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LONGEST_HEADER = 100_000_000  # bytes, as in the safetensors library


# What other programs keep their weights in, by file names, and what to do with each.
_OTHER_LAYOUTS: dict[str, str] = {
    "*.gguf": "holds its weights as GGUF, for llama.cpp and Ollama. Start one of these with it and give the playground "
    "its address (http://host:port/v1), or take the copy in safetensors",
    "model_index.json": "is a pipeline of the package diffusers, which draws pictures and answers nothing. Pick a "
    "vision-language model",
    "open_clip*": "is in the layout of OpenCLIP. Take the copy for transformers, which holds model.safetensors",
    "*.onnx": "holds its weights for ONNX Runtime. Take the copy that holds model.safetensors, or save the model anew "
    "with `save_pretrained`",
    "*.mlpackage": "holds its weights for Apple's Core ML. Take the copy that holds model.safetensors",
    "consolidated*.safetensors": "holds its weights in Mistral's own layout (consolidated.safetensors). Take the copy "
    "for transformers, which holds model.safetensors",
    "tf_model*.h5": "holds its weights for TensorFlow. Take a copy that holds model.safetensors",
    "flax_model*.msgpack": "holds its weights for Flax. Take a copy that holds model.safetensors",
}
# Such as model.fp16.safetensors, model.fp16-00001-of-00002.safetensors, model.safetensors.index.fp16.json.
_OF_A_VARIANT = re.compile(
    r"model\.(?:(?!safetensors)(?P<one>[^.]+?)(?:-\d{5}-of-\d{5})?\.safetensors"
    r"|safetensors\.index\.(?P<index>[^.]+)\.json)"
)
_EMBEDDERS = {"modules.json", "config_sentence_transformers.json"}
_TOKENIZERS = ("tokenizer.json", "vocab.json", "vocab.txt", "*.model", "tekken.json", "*.tiktoken", "tokenizer.bin")
PICTURES = ("preprocessor_config.json", "processor_config.json")


class LoadError(ValueError):
    """A model could not be loaded; the message is a sentence for the person who asked for it."""


def read_config(name: str, folder: Path) -> dict[str, Any]:
    """The folder's config.json; raises LoadError where there is none or it is no model's."""
    path = folder / "config.json"
    if not path.is_file():
        refuse_other_layouts(name, [file.name for file in folder.iterdir()])
        raise LoadError(
            f"“{name}” holds no config.json. Name the folder that `save_pretrained` wrote: "
            "config.json, model.safetensors, and the processor's files."
        )
    _refuse_pointer(name, path)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LoadError(f"The config.json of “{name}” is not valid JSON: {error}.") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise LoadError(f"The config.json of “{name}” names no model_type: it is no transformers model's.")
    return config


def adapter_base(name: str, folder: Path) -> str:
    """The name of the model that an adapter (PEFT: LoRA and others) was trained on."""
    _refuse_pointer(name, folder / ADAPTER)
    try:
        base = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"]
    except ValueError as error:
        raise LoadError(f"The {ADAPTER} of “{name}” is not valid JSON: {error}.") from error
    except (KeyError, TypeError):
        base = None
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


def variant_of(files: Collection[str]) -> str | None:
    """What stands in the names of the weight files, "fp16" in `model.fp16.safetensors`; None for the usual names.

    None too where there are none: `check_weights` says so. Where both kinds are there, the usual ones are taken.
    """
    if "model.safetensors" in files or "model.safetensors.index.json" in files:
        return None
    named = [file.split(".") for file in sorted(files)]
    single = [parts[1] for parts in named if len(parts) == 3 and parts[::2] == ["model", "safetensors"]]
    sharded = [parts[3] for parts in named if len(parts) == 5 and parts[:3] == ["model", "safetensors", "index"]]
    return next(iter([*sharded, *single]), None)


def spare_weights(files: Collection[str]) -> tuple[str, ...]:
    """The weight files that hold the same model once more, in the form of a variant that is not the one to take."""
    variant = variant_of(files)
    return tuple(
        file
        for file in files
        if (named := _OF_A_VARIANT.fullmatch(file)) is not None and (named["one"] or named["index"]) != variant
    )


def refuse_embedder(name: str, files: Collection[str]) -> None:
    """Raise LoadError for a vision-language model that was made to give vectors: as a chat model it would load, where
    its output head is tied to its embeddings, and say nothing that means anything."""
    if _EMBEDDERS & set(files):
        raise LoadError(
            f"“{name}” makes vectors of pictures and texts (it comes in the layout of Sentence Transformers) and "
            "answers nothing. Pick the chat model that it was made from; for vectors pick "
            "google/siglip2-base-patch16-224 here, or open this one with the package sentence-transformers."
        )


def check_weights(name: str, folder: Path) -> int:
    """How many weights the folder holds. Raises LoadError unless all are there as whole safetensors files."""
    variant = variant_of([file.name for file in folder.iterdir()])
    index = folder / f"model.safetensors.index.{f'{variant}.' if variant else ''}json"
    shards = {f"model.{f'{variant}.' if variant else ''}safetensors"}
    if index.is_file():
        _refuse_pointer(name, index)
        try:
            shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except ValueError as error:
            raise LoadError(f"{index.name} of “{name}” is not valid JSON: {error}.") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise LoadError(
                f"{index.name} of “{name}” has no table weight_map, so it names no weight files: copy it again."
            ) from error
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
    refuse_other_layouts(name, files)
    pickles = sorted(file for file in files if file.endswith(_PICKLES))
    if pickles:
        raise LoadError(
            f"The weights of “{name}” are only there as {pickles[0]}, a format that can run code when it is "
            "opened; only safetensors are accepted: save the model again with `save_pretrained`."
        )
    raise LoadError(f"“{name}” holds no weights: {wanted} is missing.")


def refuse_other_layouts(name: str, files: Collection[str]) -> None:
    """Raise LoadError where the files are another program's; a pickle beside them says more."""
    if any(file.endswith(_PICKLES) and not file.startswith("open_clip") for file in files):
        return
    for pattern, what in _OTHER_LAYOUTS.items():
        if any(fnmatch(file.casefold(), pattern) for file in files):
            raise LoadError(f"“{name}” {what}.")


def check_reading(name: str, files: Collection[str], *, words: bool) -> None:
    """Raise LoadError where the files that say how words and pictures are read are missing.

    files: all names of the checkpoint. words: whether the model reads any.
    """
    if not any(file in PICTURES for file in files):
        raise LoadError(
            f"“{name}” holds no preprocessor_config.json, which says how its pictures are prepared: copy it from the "
            "model it was made from, or save the processor into the folder with `processor.save_pretrained`."
        )
    found = any(fnmatch(file, pattern) for file in files for pattern in _TOKENIZERS)
    if words and not found:
        raise LoadError(
            f"“{name}” holds no tokenizer: copy tokenizer.json and tokenizer_config.json from the model it was made "
            "from, or save the processor into the folder with `processor.save_pretrained`."
        )


def check_pictures(name: str, folder: Path) -> None:
    """Raise LoadError where a folder's files do not say how its pictures are prepared: not every
    processor_config.json does."""
    if (folder / "preprocessor_config.json").is_file():
        return
    path = folder / "processor_config.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LoadError(f"The {path.name} of “{name}” is not valid JSON: {error}.") from error
    if not isinstance(told, Mapping) or not any(isinstance(value, Mapping) for value in told.values()):
        raise LoadError(
            f"“{name}” does not say how its pictures are prepared: its {path.name} has no image_processor, and there "
            "is no preprocessor_config.json. Copy that from the model it was made from."
        )


def first_sentence(error: BaseException) -> str:
    """The first line of an error's message, as a sentence of at most 300 characters."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
    return f"{line[:300]}."
