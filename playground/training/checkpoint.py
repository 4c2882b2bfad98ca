"""How a finished stage is written to disk: Hugging Face format, bf16, small shards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import torch
from safetensors import SafetensorError
from torch import distributed, nn
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

from playground.training.word_vectors import inherit_words

Given = ParamSpec("Given")


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def is_first_process() -> bool:
    """Whether this is the first process of those under ``accelerate launch``, or the only one: the one that writes."""
    return not _several() or distributed.get_rank() == 0


def written_once(write: Callable[Given, None]) -> Callable[Given, None]:
    """``write`` for several processes: the first one writes, the others wait until it has."""

    @wraps(write)
    def write_once(*given: Given.args, **named: Given.kwargs) -> None:
        try:
            if is_first_process():
                write(*given, **named)
        finally:
            if _several():
                distributed.barrier()

    return write_once


@written_once
def save_checkpoint(model: PreTrainedModel, processor: ProcessorMixin, folder: Path) -> None:
    """Write model and processor to ``folder``, weights in bf16 and in shards under 9 MB.

    Under bf16 autocast training multiplies with just these numbers; a model trained in float32 is rounded to them.
    The model given keeps its own precision. All is written beside the folder first, so that a full disk or a kill
    leaves what was there as it was; then weights of an earlier save are replaced, and other files of the folder stay.
    Of several processes the first one writes, the others wait. Raises OSError where there is no room.
    """
    fresh = folder.with_name(f"{folder.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        deepcopy(model).to(torch.bfloat16).save_pretrained(fresh, max_shard_size="8MB")
        processor.save_pretrained(fresh)
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("model*.safetensors*"):
            old.unlink()
        for written in sorted(fresh.iterdir()):
            written.replace(folder / written.name)
    except (SafetensorError, RuntimeError) as error:  # how the libraries tell of a full disk
        raise OSError(f"The checkpoint could not be written to {folder}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@torch.no_grad()
def carry_over(model: PreTrainedModel, folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Start ``model`` from an earlier checkpoint of the same class whose vocabulary may be another one.

    Word embeddings are carried over token by token, see `word_vectors`. Raises ValueError where anything but the
    vocabulary differs.
    """
    earlier = type(model).from_pretrained(folder, dtype=torch.float32)
    had, has = AutoTokenizer.from_pretrained(folder), tokenizer.get_vocab()
    sources = dict(earlier.named_modules())
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == len(has):
            inherit_words(module.weight, sources[name].weight, had, has)
    words = {name for name, weight in earlier.state_dict().items() if weight.shape[:1] == (len(had),)}
    rest = {name: weight for name, weight in earlier.state_dict().items() if name not in words}
    wrong = [name for name in model.load_state_dict(rest, strict=False).missing_keys if name not in words]
    if wrong:
        raise ValueError(f"{folder} is no earlier checkpoint of this model: it lacks {', '.join(wrong[:3])}.")
