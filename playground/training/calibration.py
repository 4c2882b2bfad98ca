"""Fit a map from the probability of Moji's answers to the share that is right: ``python -m playground.training.calibration``.

Answers of ``playground.tasks.answer``, as the app gives them, to questions of every type about fresh scenes that no
training step can draw; the map is fitted to some and measured on others (other seeds). Writes ``calibration.json``
beside the weights and the table of what it brought. 150 + 150 scenes take some six minutes a model on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from .. import load
from ..checkpoints.calibration import FILE, Calibration, logit
from ..checkpoints.catalog import find
from ..checkpoints.fingerprint import fingerprint
from ..models.chat import ChatModel
from ..models.seen import Seen
from ..tasks.answer import answer
from .evaluate import CHAT_MODELS, shipped
from .measures_answers import Reply, is_right, questions_about
from .measures_worlds import as_drawn, fresh_scenes
from .scoring import calibration, calibration_error

FITTED, MEASURED = 101, 102  # seeds of fresh scenes; `evaluate` takes 0 and 1


def answers(chat: ChatModel, scenes: int, seed: int) -> tuple[list[float], list[bool]]:
    """The probability of each answer about fresh scenes, and whether it is right word for word."""
    asked = [item for item in questions_about(as_drawn(fresh_scenes(scenes, seed)), seed, loose=True)]
    alone = [item for item in asked if len(item.talk) == 1]  # the tab asks one question
    seen, sure, right = Seen(), [], []
    for item in tqdm(alone, desc=f"{chat.name}, seed {seed}", leave=False):
        found = answer(chat, item.image, item.talk[-1].question, seen=seen)
        sure.append(found.probability)
        right.append(is_right(item, Reply(found.text, found.probability)))
    return sure, right


def fit(probabilities: Sequence[float], rights: Sequence[bool], steps: int = 50) -> tuple[float, float]:
    """Slope and shift of Platt's map (1999), the likeliest for these answers: logistic regression on the logit.

    Newton's method from the identity (slope 1, shift 0). The targets are Platt's, a little inside of 0 and 1, so that
    answers that are all right have a finite fit.
    """
    rows = np.stack([[logit(each) for each in probabilities], np.ones(len(probabilities))], 1)
    right = np.asarray(rights, float)
    count = right.sum()
    targets = np.where(right == 1, (count + 1) / (count + 2), 1 / (len(right) - count + 2))
    found = np.array([1.0, 0.0])
    for _ in range(steps):
        sure = 1 / (1 + np.exp(-rows @ found))
        hessian = rows.T @ (rows * (sure * (1 - sure))[:, None]) + 1e-9 * np.eye(2)
        found = found - np.linalg.solve(hessian, rows.T @ (sure - targets))
    return float(found[0]), float(found[1])


def error_of(probabilities: Sequence[float], rights: Sequence[bool]) -> float:
    """Expected calibration error over ten ranges."""
    return calibration_error(calibration(probabilities, rights))


def calibrate(chat: ChatModel, folder: Path, scenes: int) -> Calibration:
    """Fit on ``scenes`` fresh scenes and measure on as many others."""
    slope, shift = fit(*(known := answers(chat, scenes, FITTED)))
    sure, right = answers(chat, scenes, MEASURED)
    mapped = Calibration(fingerprint(folder), slope, shift, len(known[0]), len(sure), error_of(sure, right), 0.0)
    after = error_of([mapped(each) for each in sure], right)
    return Calibration(**asdict(mapped) | {"after": after})


def main() -> None:
    """Fit, measure and write for every shipped chat model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=150, help="to fit with, and as many others to measure on")
    parser.add_argument("--models", nargs="+", default=[name for name in CHAT_MODELS if shipped(name)])
    arguments = parser.parse_args()
    for name in arguments.models:
        folder = Path(find(name).source)
        found = calibrate(load(name), folder, arguments.scenes)
        (folder / FILE).write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
        print(f"{name}: error {found.before:.4f} before, {found.after:.4f} after on {found.measured:,} other answers")


if __name__ == "__main__":
    main()
