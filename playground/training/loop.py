"""The loop that every recipe runs: a budget in steps or minutes, a progress bar, checkpoints that resume."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.utils import broadcast
from safetensors import SafetensorError
from torch import nn
from tqdm.auto import tqdm

from playground.models.out_of_distribution import vision_tower
from playground.training.checkpoint import is_first_process
from playground.training.drawing import MakeBatch, batches, default_workers
from playground.training.optimisation import make_optimizers, schedule

FIGURES = "figures.json"  # in a run's folder: what it ended with


@dataclass(frozen=True)
class Budget:
    """How long to train: ``steps`` optimiser steps, or ``minutes`` of wall time where steps is None."""

    steps: int | None = None
    minutes: float | None = None

    def fraction(self, step: int, seconds: float) -> float:
        """How much of it is used after ``step`` steps and ``seconds`` seconds, 0–1."""
        used = step / self.steps if self.steps else seconds / 60 / (self.minutes or 1.0)
        return min(1.0, used)


@dataclass(frozen=True)
class Run:
    """Where and how one stage trains. ``folder`` holds its checkpoints; an unfinished one is resumed from there.

    ``rate`` scales the stage's learning rates: below 1 to go on from weights that have learnt already. ``workers``
    processes draw scenes beside the one that learns; 0 draws them between the steps. The data are the same.
    ``compile`` has torch compile the layers of the vision tower, which pays on a GPU after a minute or so.
    """

    folder: Path
    budget: Budget
    batch: int
    seed: int = 0
    save_minutes: float = 5.0
    rate: float = 1.0
    workers: int = 0
    compile: bool = False


class _Progress:
    """What accelerate saves beside model and optimisers."""

    def __init__(self) -> None:
        self.step, self.seconds = 0, 0.0

    def state_dict(self) -> dict:
        return {"step": self.step, "seconds": self.seconds}

    def load_state_dict(self, state: dict) -> None:
        self.step, self.seconds = state["step"], state["seconds"]


def faster_precision() -> str:
    """ "bf16" on CUDA; on a CPU "bf16" or "no" (float32), whichever multiplies matrices faster.

    Processors that have bf16 instructions without matrix units can be slower with them than with float32.
    """
    if torch.cuda.is_available():
        return "bf16"
    seconds = {}
    for name, dtype in (("no", torch.float32), ("bf16", torch.bfloat16)):
        left, right = torch.ones(2048, 256, dtype=dtype), torch.ones(256, 704, dtype=dtype)
        for _ in range(2):  # the first one is for warming up
            began = time.perf_counter()
            for _ in range(8):
                torch.mm(left, right)
            seconds[name] = time.perf_counter() - began
    return min(seconds, key=seconds.__getitem__)


def train(
    run: Run,
    objective: nn.Module,
    make_batch: MakeBatch,
    *,
    matrix_rate: float = 3e-3,
    other_rate: float = 2e-3,
    optimizers: list[torch.optim.Optimizer] | None = None,
) -> list[float]:
    """Minimise ``objective(**batch)["loss"]`` until the budget is used; returns the loss of every step.

    ``make_batch(rng, size, fraction)`` makes fresh data on the fly, from a seed that depends on the run's seed,
    the step and the process alone, so that a resumed run sees what the uncut one would have seen.
    ``optimizers`` are those of ``make_optimizers`` over all of ``objective``, unless parts learn at rates of their own.
    bf16 autocast where that is faster; several processes under ``accelerate launch``, where the clock of the first
    one counts. The last state stays in ``run.folder`` until ``conclude``, so that a run cut before its export is whole.
    """
    torch.manual_seed(run.seed)
    random.seed(run.seed)
    # Parts of a model may get no gradient: a tower's last norm, or whatever rests in a phase of the stage.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    accelerator = Accelerator(
        mixed_precision=faster_precision(), cpu=not torch.cuda.is_available(), kwargs_handlers=[unused]
    )
    optimizers = optimizers or make_optimizers(
        [objective], matrix_rate=run.rate * matrix_rate, other_rate=run.rate * other_rate
    )
    if run.compile:
        compile_layers(objective)
    model, *prepared = accelerator.prepare(objective, *optimizers)
    progress, losses = _Progress(), []
    accelerator.register_for_checkpointing(progress)
    state = run.folder / "state"
    if saved_state := next((path for path in (state, _earlier(state)) if path.exists()), None):
        accelerator.load_state(str(saved_state))
        left = run.budget.fraction(progress.step, progress.seconds) < 1
        told = f"resumed at step {progress.step} after {progress.seconds / 60:.1f} minutes"
        accelerator.print(told if left else f"{told}: its budget is used, all that is left is to write the weights")
    began = saved = time.monotonic()
    before = progress.seconds
    bar = tqdm(total=100, unit="%", disable=not accelerator.is_main_process, mininterval=10, initial=0)
    smooth: dict[str, float] = {}
    waiting: list[dict[str, torch.Tensor]] = []
    read_every = 10 if accelerator.device.type == "cuda" else 1  # reading a number makes a GPU wait

    fraction, _ = _agreed(accelerator, run.budget.fraction(progress.step, progress.seconds), 0.0)

    def fraction_at(step: int) -> float:  # the agreed one: all processes then order alike
        return run.budget.fraction(step, 0.0) if run.budget.steps else fraction

    drawn = batches(make_batch, run.batch, run.seed, accelerator.process_index, progress.step, fraction_at, run.workers)
    while True:
        fraction = run.budget.fraction(progress.step, progress.seconds)
        fraction, due = _agreed(accelerator, fraction, time.monotonic() - saved > 60 * run.save_minutes)
        if fraction >= 1:
            break
        if due:
            _save(accelerator, state)
            saved = time.monotonic()
        schedule(optimizers, fraction)
        batch = {name: value.to(accelerator.device, non_blocking=True) for name, value in next(drawn).items()}
        parts = model(**batch)
        accelerator.backward(parts["loss"])
        accelerator.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in prepared:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        waiting.append({name: value.detach() for name, value in parts.items()})
        if len(waiting) >= read_every:
            losses += _read(waiting, smooth)
        progress.step += 1
        progress.seconds = before + time.monotonic() - began
        bar.n = round(100 * fraction, 1)
        bar.set_postfix(
            {"step": progress.step} | {name: f"{value:.3f}" for name, value in smooth.items()}, refresh=False
        )
        bar.update(0)
    bar.close()
    losses += _read(waiting, smooth)
    _save(accelerator, state)
    told = {"step": progress.step, **{k: round(v, 3) for k, v in smooth.items()}}
    accelerator.print(json.dumps(told))
    if accelerator.is_main_process:
        seconds = round(progress.seconds, 1)
        scenes = round(progress.step * run.batch * accelerator.num_processes / max(seconds, 1e-3), 1)
        told |= {"seconds": seconds, "scenes_per_second": scenes}
        (run.folder / FIGURES).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return losses


def _read(waiting: list[dict[str, torch.Tensor]], smooth: dict[str, float]) -> list[float]:
    """The losses of steps whose numbers were not read yet; ``smooth`` follows them, ``waiting`` is empty after."""
    losses = []
    for parts in waiting:
        losses.append(float(parts["loss"]))
        for name, value in parts.items():
            number = float(value)
            if number == number:  # a batch without any thing of a kind has no mean of it
                smooth[name] = 0.95 * smooth.get(name, number) + 0.05 * number
    waiting.clear()
    return losses


def compile_layers(objective: nn.Module) -> None:
    """Let torch compile the layers of the objective's vision tower, each the same code, so that one costs for all.

    Their shapes never change. On a GPU it takes some seconds first, and steps are shorter after.
    """
    if tower := vision_tower(objective):
        for layer in tower.encoder.layers:
            layer.compile()


def conclude(run: Run) -> None:
    """Remove the state of a run whose weights are exported: the same command then trains anew, and resumes nothing."""
    if is_first_process():
        shutil.rmtree(run.folder / "state", ignore_errors=True)
        shutil.rmtree(_earlier(run.folder / "state"), ignore_errors=True)
        print(f"finished: nothing is left in {run.folder} to resume, the same command trains anew")


def _agreed(accelerator: Accelerator, *numbers: float) -> list[float]:
    """The numbers as the first process has them: clocks differ, and whoever stops alone leaves the others waiting."""
    if accelerator.num_processes == 1:
        return list(numbers)
    return broadcast(torch.tensor(numbers, dtype=torch.float64, device=accelerator.device)).tolist()


def _earlier(state: Path) -> Path:
    """Where the state before the newest lies for the moment in which the two change places."""
    return state.with_name("state.earlier")


def _save(accelerator: Accelerator, state: Path) -> None:
    """Write the state beside the last one and then put it in its place: whenever a run is killed, one is whole.

    Where it cannot be written (no room on the disk) the last one stays, and the run goes on.
    """
    fresh = state.with_name("state.fresh")
    failed = 0.0
    try:
        accelerator.save_state(str(fresh))
    except (OSError, RuntimeError, SafetensorError) as error:  # torch tells of a full disk by a RuntimeError
        print(f"could not write {fresh}: {error}\nThe state before it stays, and training goes on.", flush=True)
        failed = 1.0
    if accelerator.num_processes > 1:
        failed = float(accelerator.gather(torch.tensor([failed], device=accelerator.device)).max())
    if failed:
        if accelerator.is_main_process:
            shutil.rmtree(fresh, ignore_errors=True)
        return
    if not accelerator.is_main_process:
        return
    if state.exists():
        shutil.rmtree(_earlier(state), ignore_errors=True)
        state.rename(_earlier(state))
    fresh.rename(state)
    shutil.rmtree(_earlier(state), ignore_errors=True)


def add_run_arguments(
    parser: argparse.ArgumentParser, *, folder: str, minutes: float, batch: int, rate: float = 1.0
) -> None:
    """The options that every recipe takes: --folder, --minutes or --steps, --batch, --seed, --rate."""
    parser.add_argument("--folder", type=Path, default=Path(folder), help="checkpoints go here, and resume from here")
    parser.add_argument("--minutes", type=float, default=minutes, help="wall time to train for")
    parser.add_argument("--steps", type=int, help="optimiser steps to train for, instead of --minutes")
    parser.add_argument("--batch", type=int, default=batch, help="scenes in a step, per process")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-minutes", type=float, default=5.0, help="time between checkpoints to resume from")
    parser.add_argument("--workers", type=int, default=default_workers(), help="processes that draw scenes")
    parser.add_argument("--compile", action="store_true", help="have torch compile the vision tower (for GPUs)")
    parser.add_argument("--rate", type=float, default=rate, help="factor on the stage's learning rates")


def run_from(arguments: argparse.Namespace) -> Run:
    """The run that the options of ``add_run_arguments`` describe."""
    budget = Budget(arguments.steps, arguments.minutes)
    return Run(
        arguments.folder,
        budget,
        arguments.batch,
        arguments.seed,
        arguments.save_minutes,
        arguments.rate,
        arguments.workers,
        arguments.compile,
    )
