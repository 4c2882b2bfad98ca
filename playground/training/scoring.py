"""Scores of answers, captions and masks against a scene's truth: plain arithmetic, no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..moji.words import plural_name
from ..moji.world import NUMBERS
from .scene_tensors import NAMES

_NAME_OF = {plural_name(name): name for name in NAMES} | {name: name for name in NAMES}


def normalised(answer: str) -> str:
    """An answer as it is compared: lower case, without end punctuation and spaces around."""
    return answer.strip().lower().rstrip(".!")


def parse_caption(caption: str) -> Counter[str]:
    """How many of each thing a caption claims: "a dog and two cats." → {"dog": 1, "cat": 2}."""
    claimed: Counter[str] = Counter()
    for phrase in re.split(r",| and ", normalised(caption)):
        first, _, rest = phrase.strip().partition(" ")
        number = NUMBERS.index(first) if first in NUMBERS else 1
        if rest:
            claimed[_NAME_OF.get(rest, rest)] += number
    return claimed


@dataclass(frozen=True)
class CaptionScore:
    """Shares in 0–1: ``exact`` whole captions right, ``precision``/``recall``/``f1`` of names, ``counts`` right of
    the names found."""

    exact: float
    precision: float
    recall: float
    f1: float
    counts: float


def score_captions(captions: Sequence[str], truths: Sequence[Counter[str]]) -> CaptionScore:
    """Compare captions with what is there, ignoring the order of things. Names are pooled over all pictures."""
    exact = found = claimed = there = counted = 0
    for caption, truth in zip(captions, truths, strict=True):
        said = parse_caption(caption)
        both = said.keys() & truth.keys()
        exact += said == truth
        found, claimed, there = found + len(both), claimed + len(said), there + len(truth)
        counted += sum(said[name] == truth[name] for name in both)
    precision, recall = found / max(1, claimed), found / max(1, there)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return CaptionScore(exact / len(captions), precision, recall, f1, counted / max(1, found))


def constant_answer_share(answers: Iterable[str]) -> float:
    """What always giving the most frequent answer would score: the chance that a model has to beat."""
    table = Counter(answers)
    return table.most_common(1)[0][1] / table.total()


def mask_iou(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of two bool masks; 1.0 where both are empty."""
    either = np.logical_or(predicted, truth).sum()
    return float(np.logical_and(predicted, truth).sum() / either) if either else 1.0
