"""Tiny checkpoints whose answers depend on every word and picture: no two of their tokens are equally likely.

The ordinary random weights are so small that many tokens tie, and a rounding error decides which one is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import checkpoints
import torch
import transformers as hf


def write(name: str, folder: Path, change: Callable[[hf.PreTrainedModel], None] | None = None) -> Path:
    """As `checkpoints.write`, with weights that make a difference. change: does what it likes to the model first."""
    torch.manual_seed(0)
    model, processor = checkpoints.BUILDERS[name]()
    enliven(model)
    if change:
        change(model)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def enliven(model: torch.nn.Module) -> None:
    """Draw all matrices anew, as large as keeps what passes through them as large as it was."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                weight.normal_(
                    0,
                    (0.2 if model.config.model_type == "gemma3" else 0.5)
                    if "embed" in name
                    else 1.2 / weight[0].numel() ** 0.5,
                )
