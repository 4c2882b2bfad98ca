"""All stages of Moji in one go on one GPU: ``python -m playground.training.sprint --minutes 9``.

Encoder, mask decoder, detector, alignment, everything, preferences, each from the shipped weights and the stage before
it, in bf16 with batches that fill a GPU and all cores drawing. Checkpoints go to ``runs/sprint/``, with ``sprint.json``
on what each stage ended with. The same command resumes: finished stages are left out, a cut one goes on from its last
state. ``--size tiny --steps 2`` tries it on a CPU in a minute.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from playground.training import alignment, detection, encoder, everything, preference, segmentation
from playground.training.drawing import default_workers
from playground.training.loop import FIGURES

REPORT = "sprint.json"
COMPILES_FROM = 5.0  # minutes: shorter sprints end before compiling has paid


@dataclass(frozen=True)
class Leg:
    """One stage of the sprint: its recipe, its ``share`` of the minutes, scenes a step on a GPU and on a CPU.

    ``starts`` are the options that name checkpoints, {shipped} and {made} standing for their folders; those under
    ``begins`` are left out where nothing is begun from.
    """

    name: str
    main: Callable[[Sequence[str]], None]
    makes: str
    share: float
    gpu_batch: int
    cpu_batch: int
    starts: tuple[str, ...] = ()
    begins: tuple[str, ...] = ()
    sized: bool = False


LEGS = (
    Leg("encoder", encoder.main, "moji-clip", 0.32, 512, 16, begins=("--begin", "{shipped}/moji-clip"), sized=True),
    Leg(
        "segmentation",
        segmentation.main,
        "moji-clipseg",
        0.08,
        128,
        4,
        ("--clip", "{made}/moji-clip"),
        ("--begin", "{shipped}/moji-clipseg"),
    ),
    Leg(
        "detection",
        detection.main,
        "moji-owl",
        0.12,
        64,
        4,
        ("--clip", "{made}/moji-clip"),
        ("--begin", "{shipped}/moji-owl"),
    ),
    Leg(
        "alignment",
        alignment.main,
        "moji-vlm",
        0.04,
        256,
        8,
        ("--clip", "{made}/moji-clip"),
        ("--begin", "{shipped}/moji-vlm"),
        sized=True,
    ),
    Leg("everything", everything.main, "moji-vlm", 0.38, 128, 4, ("--start", "{made}/moji-vlm")),
    Leg(
        "preferences",
        preference.main,
        "moji-vlm-preferred",
        0.06,
        32,
        2,
        ("--start", "{made}/moji-vlm", "--scenes", "{measured}"),
    ),
)


def options(leg: Leg, arguments: argparse.Namespace) -> list[str]:
    """What the recipe of a leg is started with."""
    fresh = arguments.size != "small"
    places = {
        "shipped": arguments.shipped,
        "made": arguments.folder,
        "measured": 20 if fresh else 100,
    }
    given = [text.format(**places) for text in (*leg.starts, *(() if fresh else leg.begins))]
    given += ["--folder", str(arguments.folder / "runs" / leg.name), "--output", str(arguments.folder / leg.makes)]
    cuda = torch.cuda.is_available()
    given += ["--batch", str(leg.gpu_batch if cuda else leg.cpu_batch), "--workers", str(arguments.workers)]
    if arguments.steps:
        given += ["--steps", str(arguments.steps)]
    else:
        given += ["--minutes", str(arguments.minutes * leg.share)]
    if leg.sized:
        given += ["--size", arguments.size]
    if cuda and (arguments.minutes >= COMPILES_FROM and not arguments.steps):
        given.append("--compile")
    return [*given, "--save-minutes", "1", "--seed", str(arguments.seed)]


def sprint(arguments: argparse.Namespace) -> dict[str, dict]:
    """Run the legs that are not finished, in order; what each ended with, by its name, as ``sprint.json`` has it."""
    report = arguments.folder / REPORT
    done: dict[str, dict] = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    for leg in LEGS:
        if leg.name in done:
            print(f"{leg.name}: finished before, {arguments.folder / leg.makes}")
            continue
        began = time.monotonic()
        leg.main(options(leg, arguments))
        figures = arguments.folder / "runs" / leg.name / FIGURES
        done[leg.name] = json.loads(figures.read_text(encoding="utf-8")) | {"wall": round(time.monotonic() - began, 1)}
        fresh = report.with_suffix(".fresh")
        fresh.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        fresh.replace(report)
    return done


def as_table(done: dict[str, dict]) -> str:
    """The figures of all legs as a Markdown table."""
    rows = ["| stage | steps | seconds | scenes a second | loss |", "|---|---|---|---|---|"]
    rows += [
        f"| {name} | {row['step']:,} | {row['wall']:.0f} | {row['scenes_per_second']:,.0f} | {row.get('loss', '–')} |"
        for name, row in done.items()
    ]
    return "\n".join(rows)


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, run all legs, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=9.0, help="for all stages together, start-up not counted")
    parser.add_argument("--steps", type=int, help="optimiser steps of each stage, instead of --minutes")
    parser.add_argument("--size", choices=("tiny", "small"), default="small", help="tiny begins from nothing")
    parser.add_argument("--shipped", type=Path, default=Path("assets/moji"), help="what the stages begin from")
    parser.add_argument("--folder", type=Path, default=Path("runs/sprint"), help="checkpoints, states and figures")
    parser.add_argument("--workers", type=int, default=default_workers(), help="processes that draw scenes")
    parser.add_argument("--seed", type=int, default=int(time.strftime("%j")), help="of the scenes; a new one each day")
    print(as_table(sprint(parser.parse_args(given))))


if __name__ == "__main__":
    main()
