"""The optimisers of every recipe: Muon for the matrices inside blocks, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


def make_optimizers(
    modules: Iterable[nn.Module], *, matrix_rate: float = 3e-3, other_rate: float = 2e-3
) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for 2-D weights of linear layers, AdamW for embeddings, norms, biases and heads.

    Parameters that do not require a gradient are left out. Rates are peak rates; ``schedule`` scales them.
    """
    matrices, others = [], []
    seen: set[int] = set()
    for module in modules:
        linear = {id(part.weight) for part in module.modules() if isinstance(part, nn.Linear)}
        embedded = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
        for parameter in module.parameters():
            if not parameter.requires_grad or id(parameter) in seen:
                continue
            seen.add(id(parameter))
            inside = id(parameter) in linear - embedded and min(parameter.shape) >= 32
            (matrices if inside else others).append(parameter)
    optimizers: list[torch.optim.Optimizer] = []
    if matrices:
        optimizers.append(torch.optim.Muon(matrices, lr=matrix_rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"))
    if others:
        optimizers.append(torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def schedule(optimizers: Iterable[torch.optim.Optimizer], fraction: float) -> None:
    """Set the learning rates for this ``fraction`` (0–1) of the budget: short warm-up, plateau, linear to zero.

    The trapezoid of Hägele et al. 2024; it takes a fraction so that a budget may be given in steps or minutes.
    """
    warmup, decay = min(1.0, fraction / 0.02), min(1.0, (1 - fraction) / 0.5)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * max(0.02, min(warmup, decay))
