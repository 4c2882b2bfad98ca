"""Measure how far to believe each method: its maps of words whose place is known, over many scenes of Moji's world.

A word of a caption that names a thing of which the scene holds one should point at that thing; so should the place
that is answered to "where is the dog?", where it is right, since it was read off the dog.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from playground.interpret.forward.image_dependence import BLANK, image_dependence, says_little
from playground.interpret.methods import METHODS, explain, reason
from playground.interpret.metrics.baselines import BASELINES, baseline
from playground.interpret.metrics.faithfulness import curves
from playground.interpret.metrics.sanity import forgotten_map, randomised, rank_correlation
from playground.interpret.metrics.score import score_map
from playground.interpret.trace import trace
from playground.models.messages import Message
from playground.moji.fresh import EVALUATION
from playground.moji.phrasing import SHORT_PROMPT

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel
    from playground.moji.scenes import Scene

SLOW = tuple(name for name, method in METHODS.items() if method.slow)

Question = Literal["caption", "where"]


@dataclass(frozen=True, eq=False)
class Target:
    """A word of an answer that should point at one thing.

    question: how it was asked. word: index in `trace.words`. mask: bool (height, width), the thing's pixels.
    """

    question: Question
    trace: Trace
    word: int
    mask: np.ndarray


@dataclass(frozen=True)
class Plan:
    """What is measured: methods (names), and how many of the first scenes also take what runs the model many times.

    Those are the methods of SLOW, the curves and the check with random weights, all on the words of captions.
    """

    methods: tuple[str, ...] = tuple(METHODS)
    few: int = 10
    steps: int = 10
    seed: int = 0


def measure(model: ChatModel, scenes: Sequence[Scene], plan: Plan) -> dict:
    """All figures of one model as a plain dictionary; see `playground.interpret.metrics.table` for how they are shown.

    "methods": per method and baseline the means of "caption" and "where" (each the fields of MapScore), of
    "insertion", "deletion" and "unchanged", and of "seconds" for a map. "words", "area": how many words of each
    question, and the mean share of the picture of the things that they name. "blank": the share of function words
    and of naming words that lean on the picture so little that they are marked blank. "reasons": why methods are
    missing. "answer_seconds": the mean of what an answer with its trace takes, beside which "seconds" is to be read.
    """
    reasons = {method: reason(method, model) for method in plan.methods}
    able = [method for method, why in reasons.items() if why is None]
    forgetful = randomised(model, plan.seed) if plan.few else None
    figures: dict = defaultdict(lambda: defaultdict(list))
    blank: dict[str, list[bool]] = {"function": [], "naming": []}
    areas: dict[str, list[float]] = {"caption": [], "where": []}
    answering: list[float] = []
    for index, scene in enumerate(scenes):
        rng = np.random.default_rng((EVALUATION, plan.seed, 13, index))
        began = time.perf_counter()
        asked = _caption(model, scene)
        answering.append(time.perf_counter() - began)
        targets = [*_named(asked, scene), *_placed(model, scene, rng)]
        _mark_blank(blank, model, asked, [target.word for target in targets if target.question == "caption"])
        for target in targets:
            areas[target.question].append(float(target.mask.mean()))
            few = index < plan.few
            maps = _maps(model, target, able if few else [name for name in able if name not in SLOW], rng, figures)
            if few and target.question == "caption":
                _without_masks(model, forgetful, target, maps, rng, plan, figures)
    return {
        "words": {question: len(shares) for question, shares in areas.items()},
        "area": {question: _mean(shares) for question, shares in areas.items()},
        "blank": {kind: {"words": len(marked), "share": _mean(marked)} for kind, marked in blank.items()},
        "reasons": {method: why for method, why in reasons.items() if why},
        "answer_seconds": _mean(answering),
        "methods": {name: _means(figures[name]) for name in (*able, *BASELINES) if name in figures},
    }


def named_things(answered: Trace, scene: Scene) -> list[tuple[int, int]]:
    """Words that name a thing of which the scene holds one: (index in `trace.words`, index in `scene.things`).

    A word that the answer says again is left out the second time.
    """
    nouns = [thing.noun for thing in scene.things]
    held, said = Counter(nouns), [word.text.lower() for word in answered.words]
    return [(said.index(noun), thing) for thing, noun in enumerate(nouns) if held[noun] == 1 and noun in said]


def _caption(model: ChatModel, scene: Scene) -> Trace:
    return trace(model, [Message("user", SHORT_PROMPT, (scene.image,))])


def _named(answered: Trace, scene: Scene) -> Iterator[Target]:
    for word, thing in named_things(answered, scene):
        yield Target("caption", answered, word, scene.mask(thing))


def _placed(model: ChatModel, scene: Scene, rng: np.random.Generator) -> Iterator[Target]:
    """The first word of a right answer to "where is the X?", where X is a thing of which the scene holds one."""
    held = Counter(thing.name for thing in scene.things)
    single = [index for index, thing in enumerate(scene.things) if held[thing.name] == 1]
    if not single:
        return
    chosen = single[int(rng.integers(len(single)))]
    thing = scene.things[chosen]
    question = f"where is the {thing.name}?"
    answered = trace(model, [Message("user", question, (scene.image,))])
    if answered.answer.text.strip(" .").lower() == thing.place:
        yield Target("where", answered, 0, scene.mask(chosen))


def _mark_blank(blank: dict[str, list[bool]], model: ChatModel, answered: Trace, naming: list[int]) -> None:
    leans = image_dependence(model, answered)
    for index, (word, lean) in enumerate(zip(answered.words, leans, strict=True)):
        if index in naming:
            blank["naming"].append(lean < BLANK)
        elif says_little(word.text):
            blank["function"].append(lean < BLANK)


def _maps(
    model: ChatModel, target: Target, methods: Sequence[str], rng: np.random.Generator, figures: dict
) -> dict[str, np.ndarray]:
    """Every method's and baseline's map of a word; their scores are added to the figures."""
    maps = {}
    for method in methods:
        began = time.perf_counter()
        maps[method] = explain(method, model, target.trace, target.word)
        figures[method]["seconds"].append(time.perf_counter() - began)
    maps |= {name: baseline(name, target.mask.shape, rng) for name in BASELINES}
    for name, values in maps.items():
        figures[name][target.question].append(asdict(score_map(values, target.mask)))
    return maps


def _without_masks(
    model: ChatModel, forgetful: ChatModel, target: Target, maps: dict[str, np.ndarray], rng: np.random.Generator,
    plan: Plan, figures: dict,
) -> None:  # fmt: skip
    """Add the areas under the curves of each map, and how much it stays the same when the weights are randomised."""
    found = curves(model, target.trace, target.word, list(maps.values()), steps=plan.steps, seed=plan.seed)
    for (name, before), curve in zip(maps.items(), found, strict=True):
        figures[name]["insertion"].append(curve.insertion_area)
        figures[name]["deletion"].append(curve.deletion_area)
        if name in BASELINES:
            after = baseline(name, before.shape, rng)
        else:
            after = forgotten_map(name, forgetful, target.trace, target.word)
        figures[name]["unchanged"].append(rank_correlation(before, after))


def _means(figures: dict[str, list]) -> dict:
    """The mean of each list; of a list of scores the mean of each field, and how many there are."""
    means = {}
    for name, found in figures.items():
        if isinstance(found[0], dict):
            fields = {field: _mean([one[field] for one in found]) for field in found[0]}
            means[name] = {"words": len(found)} | fields
        else:
            means[name] = _mean(found)
    return means | {"words_few": len(figures.get("insertion", ()))}


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None
