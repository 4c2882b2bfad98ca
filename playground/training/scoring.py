"""Scores of answers, captions and masks against a scene's truth: plain arithmetic, no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from playground.moji.synonyms import synonyms
from playground.moji.words import plural_name
from playground.moji.world import NUMBERS
from playground.training.scene_tensors import NAMES

# What a caption may call a thing, one or several of it → the name.
NAME_OF = {plural_name(word): noun for noun, words in synonyms().items() for word in words}
NAME_OF |= {word: noun for noun, words in synonyms().items() for word in words}
NAME_OF |= {plural_name(name): name for name in NAMES} | {name: name for name in NAMES}


def normalised(answer: str) -> str:
    """An answer as it is compared: lower case, without end punctuation and spaces around, gray in one spelling."""
    return answer.strip().lower().rstrip(".!").replace("grey", "gray")


def parse_caption(caption: str) -> Counter[str]:
    """How many of each thing a caption claims: "A dog and two cats." → {"dog": 1, "cat": 2}."""
    claimed: Counter[str] = Counter()
    for phrase in re.split(r",| and ", normalised(caption)):
        first, _, rest = phrase.strip().partition(" ")
        number = NUMBERS.index(first) if first in NUMBERS else 1
        if rest:
            claimed[NAME_OF.get(rest, rest)] += number
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


@dataclass(frozen=True)
class YesNoScore:
    """``accuracy`` and the share of replies that are "yes" (half of the right ones are), both in 0–1; ``asked``."""

    accuracy: float
    yes: float
    asked: int


def score_yes_no(about_present: Sequence[str], about_absent: Sequence[str]) -> YesNoScore:
    """Replies to questions whose answer is "yes", and to those whose answer is "no"; any other word is wrong."""
    said = [*about_present, *about_absent]
    right = sum(reply == "yes" for reply in about_present) + sum(reply == "no" for reply in about_absent)
    return YesNoScore(right / len(said), sum(reply == "yes" for reply in said) / len(said), len(said))


def recall_at_one(scores: np.ndarray, labels: Sequence[str]) -> float:
    """Share of rows whose highest score stands in a column with the row's own label; ``scores`` (items, items)."""
    return float(np.mean([labels[best] == own for best, own in zip(scores.argmax(1), labels, strict=True)]))


@dataclass(frozen=True)
class Confidence:
    """Answers whose probability lies in one range: how ``sure`` on average, what share is ``right``, how many."""

    sure: float
    right: float
    answers: int


def calibration(probabilities: Sequence[float], rights: Sequence[bool], bins: int = 10) -> tuple[Confidence, ...]:
    """Answers by probability in equal ranges of 0–1, the least sure first; empty ranges are left out."""
    sure, right = np.asarray(probabilities, float), np.asarray(rights, float)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    filled = (place == i for i in range(bins) if (place == i).any())
    return tuple(Confidence(float(sure[own].mean()), float(right[own].mean()), int(own.sum())) for own in filled)


def calibration_error(rows: Sequence[Confidence]) -> float:
    """Expected calibration error (Naeini et al. 2015): the mean gap of sure and right, weighted by answers."""
    return sum(row.answers * abs(row.sure - row.right) for row in rows) / sum(row.answers for row in rows)
