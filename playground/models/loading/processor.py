"""The processor of a checkpoint: read, or built from what its files and its config hold, and checked before it is used.

`AutoProcessor` takes the class that the files name. Where that class does not exist it falls back to a tokenizer
without a word, and where the files are older than a setting it leaves that at a default which may be another model's.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playground.checkpoints.architecture import processor_class
from playground.checkpoints.catalog import Kind
from playground.checkpoints.files import LoadError, first_sentence
from playground.models.families.registry import family_of, type_of

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, ProcessorMixin

_log = logging.getLogger(__name__)
_COPY = "copy processor_config.json, preprocessor_config.json and the tokenizer's files from the model it was made from"
_OFFLINE = {"local_files_only": True, "trust_remote_code": False}


def load_processor(
    name: str, folder: Path, config: PreTrainedConfig, kind: Kind
) -> tuple[ProcessorMixin, tuple[str, ...]]:
    """The processor in a checkpoint's folder, and sentences on what was not as its files say.

    config: the model's. Raises LoadError, with what is missing and what to do, for files that make no processor that
    fits this model.
    """
    from transformers import AutoProcessor

    wanted, notes, cause = processor_class(type_of(config)), [], None
    try:
        found = AutoProcessor.from_pretrained(folder, config=config, **_OFFLINE)
    except Exception as error:  # every file of it, and every package that reads one, fails in its own way
        found, cause = None, error
    if wanted is not None and not _serves(found, kind):
        named = _named_class(folder)
        try:
            found = _built(wanted, folder, config)
        except Exception as error:
            raise LoadError(_unreadable(name, cause or error)) from error
        if named not in (None, wanted.__name__):
            notes.append(f"Its files name the processor {named}, which is not one for it: {wanted.__name__} is used.")
    if found is None:
        raise LoadError(_unreadable(name, cause)) from cause
    if not _serves(found, kind):
        raise LoadError(
            f"The files of “{name}” make a {type(found).__name__}, which does not prepare pictures and words for it: "
            f"{_COPY}."
        )
    _complete(found, config, _stated(folder))
    _check_tokens(name, found)
    return found, tuple(notes)


def _serves(found: Any, kind: Kind) -> bool:
    """Whether this is a processor, and, for models that answer, one that knows where pictures stand in a text."""
    from transformers import ProcessorMixin
    from transformers.models.auto import modeling_auto, processing_auto

    if not isinstance(found, ProcessorMixin) or not hasattr(found, "image_processor"):
        return False
    if kind != "chat":
        return True
    encoders = set(modeling_auto.MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES)
    encoders -= set(modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)  # BLIP is both
    others = {processing_auto.PROCESSOR_MAPPING_NAMES.get(family) for family in encoders}
    return hasattr(found, "tokenizer") and type(found).__name__ not in others


def _built(wanted: type[ProcessorMixin], folder: Path, config: PreTrainedConfig) -> ProcessorMixin:
    """A processor of this class, its image processor by the model's type where the files name one that is unknown."""
    try:
        return wanted.from_pretrained(folder, **_OFFLINE)
    except Exception as error:
        _log.info("%s does not read %s (%s); its parts are read one by one", wanted.__name__, folder, error)
    from transformers import AutoTokenizer
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

    pictures = IMAGE_PROCESSOR_MAPPING[type(config)]
    pictures = pictures if isinstance(pictures, dict) else dict(enumerate(pictures))
    kinds = [kind for kind in pictures.values() if kind is not None]  # the one that Auto classes take comes last
    image_processor = kinds[-1].from_pretrained(folder, **_OFFLINE)
    if "tokenizer" not in wanted.get_attributes():
        return wanted(image_processor=image_processor)
    tokenizer = AutoTokenizer.from_pretrained(folder, **_OFFLINE)
    return wanted(image_processor=image_processor, tokenizer=tokenizer)


def _read(file: Path) -> dict[str, Any]:
    """A small JSON file's table; an empty one where there is none."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _named_class(folder: Path) -> str | None:
    files = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")
    return next((named for file in files if (named := _read(folder / file).get("processor_class"))), None)


def _stated(folder: Path) -> set[str]:
    """The settings that the checkpoint's own files give its processor."""
    return {key for key, value in _read(folder / "processor_config.json").items() if value is not None}


def _complete(processor: ProcessorMixin, config: PreTrainedConfig, stated: set[str]) -> None:
    """Give the processor what its own files leave open and the model's config knows."""
    family = family_of(config)
    for name, of_config in family.processor_settings.items():
        if name in stated or not hasattr(processor, name):
            continue
        value = of_config(config)
        if getattr(processor, name) == value:
            continue
        setattr(processor, name, value)
        if family.processor_completed is not None:
            family.processor_completed(processor)


def _check_tokens(name: str, processor: ProcessorMixin) -> None:
    """Raise LoadError for a tokenizer that knows no words."""
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is not None and len(tokenizer) - len(tokenizer.all_special_tokens) < 2:
        raise LoadError(
            f"The tokenizer of “{name}” knows no words: copy tokenizer.json and tokenizer_config.json (or vocab.json "
            "and merges.txt) from the model it was made from."
        )


def check_vocabulary(name: str, model: Any, processor: ProcessorMixin, prompt: list[int]) -> tuple[str, ...]:
    """Give the model a row for every token of an adapter's own tokenizer; returns sentences on those that have none.

    prompt: the tokens of some prompt. Raises LoadError where one of these has no row: it was trained and not saved.
    """
    tokenizer, rows = processor.tokenizer, model.get_input_embeddings().weight.shape[0]
    written = max(tokenizer.get_added_vocab().values(), default=0)
    if written < rows:
        return ()
    if (strange := max(prompt)) >= rows:
        raise LoadError(
            f"The tokenizer of “{name}” writes the token {tokenizer.convert_ids_to_tokens(strange)} ({strange:,}) into "
            f"every prompt, and the model has rows for {rows:,} tokens: the embeddings of added tokens were not saved "
            "with the adapter. Save it again with `save_embedding_layers=True`."
        )
    model.resize_token_embeddings(written + 1, mean_resizing=False)
    return (f"Its tokenizer knows {written + 1 - rows:,} tokens that were not trained: rows for them were not saved.",)


def try_prompt(name: str, processor: ProcessorMixin, config: PreTrainedConfig, *, grows: bool = False) -> list[int]:
    """The tokens of a prompt of one small picture and a word; raises LoadError where the model cannot read it.

    What a processor lacks shows at its first use, and that should not be a person's first question.
    grows: whether an adapter may add tokens to the model.
    """
    from PIL import Image

    from playground.models.messages import Message
    from playground.models.prompt import inputs_of

    asked = [Message("user", "x", (Image.new("RGB", (64, 64), "grey"),))]
    try:
        inputs = inputs_of(config, processor, asked)
    except Exception as error:
        _log.info("no prompt for %s", name, exc_info=True)
        raise LoadError(
            f"The processor of “{name}” cannot read a picture and a word: {first_sentence(error)} A setting of it is "
            f"missing or another model's: {_COPY}."
        ) from error
    if "input_ids" not in inputs:
        raise LoadError(
            f"“{name}” writes down what is in a picture and reads no words, as TrOCR and Donut do, so nothing can be "
            "asked of it. Pick a vision-language model; for pages ibm-granite/granite-docling-258M."
        )
    ids = inputs["input_ids"][0].tolist()
    size = None if grows else getattr(config.get_text_config(decoder=True), "vocab_size", None)
    strange = next((token for token in ids if size is not None and token >= size), None)
    if strange is not None:
        raise LoadError(
            f"The tokenizer of “{name}” writes the token {processor.tokenizer.convert_ids_to_tokens(strange)} "
            f"({strange:,}), and the model has {size:,} tokens: {_COPY}."
        )
    mark = getattr(config, "image_token_id", None)
    if isinstance(mark, int) and mark not in ids:
        known = processor.tokenizer.convert_ids_to_tokens(mark) if mark < len(processor.tokenizer) else None
        raise LoadError(
            f"The processor of “{name}” does not mark where a picture stands: the model looks for token {mark:,}, "
            f"which in its tokenizer is {known or 'none'}; {_COPY}."
        )
    return ids


def _unreadable(name: str, error: BaseException | None) -> str:
    if any(package in str(error) for package in ("sentencepiece", "tiktoken")):
        return (
            f"The tokenizer of “{name}” is there in a form that cannot be read here: copy tokenizer.json from the "
            "model it was made from, or run `pip install sentencepiece`, which reads a tokenizer.model."
        )
    if isinstance(error, ImportError):
        return f"The processor of “{name}” needs a package that is not installed: {first_sentence(error)}"
    said = first_sentence(error) if error is not None else "no class of transformers reads it."
    return f"The processor of “{name}” cannot be read: {said}"
