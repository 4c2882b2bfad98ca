"""How a finished stage is written to disk: Hugging Face format, bf16, small shards."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import torch
from transformers import PreTrainedModel, ProcessorMixin


def save_checkpoint(model: PreTrainedModel, processor: ProcessorMixin, folder: Path) -> None:
    """Write model and processor to ``folder``, weights in bf16 and in shards under 9 MB.

    Training multiplies in bf16 as well, so nothing is lost that a forward pass would have used. The model given
    keeps its own precision. Weights of an earlier save that the new one has not replaced are removed.
    """
    for old in folder.glob("model*.safetensors*"):
        old.unlink()
    deepcopy(model).to(torch.bfloat16).save_pretrained(folder, max_shard_size="8MB")
    processor.save_pretrained(folder)
