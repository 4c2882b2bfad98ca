"""Worker processes that draw and pack scenes while the model learns from earlier ones.

What is drawn depends on the run's seed, the step and the process alone, never on how many workers draw.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

MakeBatch = Callable[[np.random.Generator, int, float], dict[str, torch.Tensor]]
"""(random generator, scenes in the batch, fraction of the budget used) → the objective's inputs by name."""

Moment = tuple[int, float]
"""(step, fraction of the budget used when its batch was ordered)."""

_AHEAD = 2  # batches that each worker has ready
_SHARED_MEMORY = Path("/dev/shm")
_ROOM = 256 * 2**20  # bytes of shared memory that batches on their way may need


def usable_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers() -> int:
    """All cores where a GPU learns, divided among the processes of the machine; else one, if there is a core beside."""
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        return max(1, usable_cores() // processes)
    return min(1, usable_cores() // (2 * processes))


def possible_workers(wanted: int) -> int:
    """``wanted``, or 0 where workers cannot be: no way to fork, or too little shared memory to hand batches over."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return 0
    if _SHARED_MEMORY.exists() and shutil.disk_usage(_SHARED_MEMORY).free < _ROOM * max(1, wanted // 4):
        print(f"{_SHARED_MEMORY} has too little room for worker processes: scenes are drawn between the steps")
        return 0
    return wanted


class _Batches(Dataset):
    """Batches by the moment that they are for."""

    def __init__(self, make_batch: MakeBatch, size: int, seed: int, process: int) -> None:
        self.make_batch, self.size, self.seed, self.process = make_batch, size, seed, process

    def __getitem__(self, moment: Moment) -> dict[str, torch.Tensor]:
        step, fraction = moment
        return self.make_batch(np.random.default_rng((self.seed, step, self.process)), self.size, fraction)


class _Moments(Sampler):
    """Step after step without an end, each with the fraction of the budget as it is when the batch is ordered."""

    def __init__(self, first: int, fraction_at: Callable[[int], float]) -> None:
        self.first, self.fraction_at = first, fraction_at

    def __iter__(self) -> Iterator[Moment]:
        step = self.first
        while True:
            yield step, self.fraction_at(step)
            step += 1


def _alone(worker: int) -> None:
    torch.set_num_threads(1)  # as many workers as cores: threads would only get in each other's way
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def batches(
    make_batch: MakeBatch,
    size: int,
    seed: int,
    process: int,
    first: int,
    fraction_at: Callable[[int], float],
    workers: int = 0,
) -> Iterator[dict[str, torch.Tensor]]:
    """Batches of ``size`` scenes for step ``first`` and all after it, in order, without an end.

    ``fraction_at(step)`` tells how much of the budget is used at a step; it is asked some steps ahead of it. The random
    generator of a batch comes from ``seed``, its step and ``process``. ``workers`` processes draw; 0 draws when asked.
    """
    workers = possible_workers(workers) if workers else 0
    return iter(
        DataLoader(
            _Batches(make_batch, size, seed, process),
            batch_size=None,
            sampler=_Moments(first, fraction_at),
            num_workers=workers,
            prefetch_factor=_AHEAD if workers else None,
            worker_init_fn=_alone,
            multiprocessing_context="fork" if workers else None,
            pin_memory=torch.cuda.is_available(),
            generator=torch.Generator(),  # leaves the numbers of the run itself alone
        )
    )
