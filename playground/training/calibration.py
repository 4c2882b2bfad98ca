"""From the probability of Moji's answers to the share that is right: ``python -m playground.training.calibration``.

Answers of ``playground.tasks.answer``, as the app gives them, to questions of every kind about fresh scenes that no
training step can draw, half of them changed as training changes them; the map is fitted to some and measured on others
(other seeds). Writes ``calibration.json`` beside the weights. 100 + 100 scenes take some five minutes a model on one
core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from playground import load
from playground.checkpoints.calibration import FILE, Calibration, logit
from playground.checkpoints.catalog import find
from playground.checkpoints.fingerprint import fingerprint
from playground.models.chat import ChatModel
from playground.models.generation.image_features import ImageFeatureCache
from playground.moji.asking import LOOSE
from playground.tasks.answer import answer
from playground.training.evaluate import CHAT_MODELS, shipped
from playground.training.measures_answers import Reply, is_right, questions_about
from playground.training.measures_looks import AUGMENTED
from playground.training.measures_worlds import as_drawn, fresh_scenes
from playground.training.scoring import calibration, calibration_error

EACH = 14  # questions about a scene
FITTED, MEASURED = 101, 102  # seeds of fresh scenes; `evaluate` takes 0 and 1
Answers = tuple[list[float], list[bool]]
"""How probable each answer was, and whether it was right."""


def answers(chat: ChatModel, scenes: int, seed: int) -> Answers:
    """The probability of each answer about fresh scenes, half of them in changed light and other drawing styles, and
    whether it is right word for word: some EACH questions of all kinds a scene."""
    pictures = [*fresh_scenes(scenes - scenes // 2, seed), *AUGMENTED.scenes(scenes // 2, seed)]
    alone = [item for item in questions_about(as_drawn(pictures), seed, LOOSE) if len(item.talk) == 1]
    drawn = np.random.default_rng(seed).permutation(len(alone))[: EACH * scenes]
    alone = [alone[index] for index in sorted(drawn)]  # the tab asks one question
    seen, sure, right = ImageFeatureCache(), [], []
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


def calibrate(weights: str, known: Answers, others: Answers) -> Calibration:
    """Fit on the known answers of the model with these weights (a fingerprint), and measure on the others."""
    sure, right = others
    plain = Calibration(weights, *fit(*known), len(known[0]), len(sure), error_of(sure, right), 0.0, (0, 0))
    mapped = [plain(each) for each in sure]
    return replace(plain, after=error_of(mapped, right), interval=fall(sure, mapped, right))


def fall(before: Sequence[float], after: Sequence[float], rights: Sequence[bool], draws: int = 500) -> tuple:
    """Between which two numbers the error falls in nine of ten resamples of the same answers, the lower one first."""
    pairs, right, rng = np.asarray([before, after]), np.asarray(rights), np.random.default_rng(0)
    falls = []
    for _ in range(draws):
        drawn = rng.integers(len(right), size=len(right))
        errors = [error_of(row[drawn], right[drawn]) for row in pairs]
        falls.append(errors[0] - errors[1])
    low, high = np.percentile(falls, [5, 95])
    return float(low), float(high)


def main() -> None:
    """Fit, measure and write for every shipped chat model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=100, help="to fit with, and as many others to measure on")
    parser.add_argument("--models", nargs="+", default=[name for name in CHAT_MODELS if shipped(name)])
    arguments = parser.parse_args()
    for name in arguments.models:
        folder = Path(find(name).source)
        known, others = (answers(load(name), arguments.scenes, seed) for seed in (FITTED, MEASURED))
        found = calibrate(fingerprint(folder), known, others)
        (folder / FILE).write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
        print(f"{name}: error {found.before:.4f} before, {found.after:.4f} after on {found.measured:,} other answers")


if __name__ == "__main__":
    main()
