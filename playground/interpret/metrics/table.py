"""The table of methods × scores on fresh scenes: `python -m playground maps`.

Which map should one believe, and how far? Prints one table for each model, and saves all figures as JSON. On two cores
500 scenes take some 25 minutes a model; `--few 0` leaves out what runs the model many times.
"""

from __future__ import annotations

import argparse
import json
import time

from playground import load
from playground.interpret.methods import METHODS
from playground.interpret.metrics.baselines import BASELINES
from playground.interpret.metrics.measure import SLOW, Plan, measure
from playground.moji.fresh import fresh_scenes
from playground.moji.phrasing import SHORT_PROMPT

_HEAD = (
    "map", "pointing game", "mass inside", "IoU, best threshold", "IoU, Otsu", "pointing, “where is …?”",
    "insertion ↑", "deletion ↓", "like random weights ↓", "time, in answers",
)  # fmt: skip


def as_table(name: str, figures: dict, few: int) -> str:
    """One model's figures as Markdown: what was measured, the table, and what the notes of its cells mean."""
    words, area, blank = figures["words"], figures["area"], figures["blank"]
    lines = [
        f"**{name}** · {words['caption']} words of answers to “{SHORT_PROMPT}” that name a thing seen once (it covers "
        f"{_percent(area['caption'])} of the picture), and {words['where']} right answers to “where is the …?”. "
        f"Insertion, deletion, random weights and {', '.join(METHODS[method].label.lower() for method in SLOW)}: "
        f"the first {few} scenes ({max((row['words_few'] for row in figures['methods'].values()), default=0)} words).",
        "",
        "| " + " | ".join(_HEAD) + " |",
        "|---" + "|--:" * (len(_HEAD) - 1) + "|",
    ]
    lines += [_row(method, figures["methods"][method], figures["answer_seconds"]) for method in figures["methods"]]
    lines += [f"\n{METHODS[method].label}: {why}" for method, why in figures["reasons"].items()]
    lines.append(
        f"\nMarked blank, because they hardly lean on the picture: {_percent(blank['function']['share'])} of "
        f"{blank['function']['words']} function words and marks, {_percent(blank['naming']['share'])} of "
        f"{blank['naming']['words']} words that name a thing."
    )
    return "\n".join(lines)


def _row(name: str, figures: dict, answer: float) -> str:
    caption, where = figures.get("caption", {}), figures.get("where", {})
    cells = [
        f"*{name}*" if name in BASELINES else METHODS[name].label,
        *(_percent(caption.get(field)) for field in ("hit", "mass", "best_iou", "otsu_iou")),
        _percent(where.get("hit")),
        *(_number(figures.get(field)) for field in ("insertion", "deletion", "unchanged")),
        _number(figures["seconds"] / answer if "seconds" in figures else None),
    ]
    return "| " + " | ".join(cells) + " |"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def run(options: argparse.Namespace) -> None:
    """Measure, print the tables, and save the figures; `options` as `options_of` names them."""
    few = max(1, options.scenes // 10) if options.few is None else min(options.few, options.scenes)
    plan = Plan(tuple(options.methods), few=few, seed=options.seed)
    scenes = fresh_scenes(options.scenes, options.seed)
    result: dict = {"scenes": options.scenes, "few": few, "steps": plan.steps, "seed": options.seed, "models": {}}
    for name in options.models:
        began = time.monotonic()
        figures = measure(load(name), scenes, plan)
        result["models"][name] = figures
        print(as_table(name, figures, few))
        print(f"\n{options.scenes} fresh scenes of seed {options.seed}, {time.monotonic() - began:.0f} s\n")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=1) + "\n")
