"""Does the model see things that are not there? Yes/no questions as in POPE (Li et al. 2023).

Each scene is asked "is there a …?" four times: about something that is there, and about three nouns that are not.

- random: any noun;
- popular: a shape or a sign. One scene in six has a sign, one in twelve a circle; one in a hundred a dog;
- adversarial: a noun that training likes to draw beside what stands here (``world.COMPANIONS``: of the things that have
  companions, a quarter have one beside them). Where nothing has any, another of the same kind or, for a shape, the
  same in another colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.models.chat import ChatModel
from playground.moji.asking import Asker
from playground.moji.scenes import Scene
from playground.moji.words import Exchange
from playground.moji.world import COLOURS, COMPANIONS, EMOJI_NOUNS, NOUNS, SHAPES, article
from playground.training.measures_answers import Asked, Reply, ask
from playground.training.measures_worlds import EVALUATION, Shown
from playground.training.scoring import YesNoScore, normalised, score_yes_no

POPULAR = (*SHAPES, "sign")
KINDS_OF_ABSENCE = ("random", "popular", "adversarial")


def adversarial_names(scene: Scene) -> list[str]:
    """Names that are not in the scene although something there makes them likely."""
    present = {thing.noun for thing in scene.things}
    beside = [noun for group in COMPANIONS if present & set(group) for noun in group if noun not in present]
    if beside:
        return beside
    names = {thing.name for thing in scene.things}
    colours = [f"{colour} {thing.noun}" for thing in scene.things if thing.colour for colour in COLOURS]
    kinds = {thing.kind for thing in scene.things}
    alike = [noun for noun in EMOJI_NOUNS if NOUNS[noun].kind in kinds]
    return [name for name in colours + alike if name not in names | present]


def absent_name(scene: Scene, kind: str, rng: np.random.Generator) -> str:
    """A name that is not in the scene; ``kind`` is one of KINDS_OF_ABSENCE."""
    options = {"random": EMOJI_NOUNS, "popular": POPULAR, "adversarial": adversarial_names(scene)}[kind]
    present = {thing.noun for thing in scene.things}
    options = [name for name in options if name not in present]
    return options[int(rng.integers(len(options)))]


def _question(name: str, answer: str) -> Exchange:
    return Exchange("exists", f"is there {article(name)} in the picture?", f"{answer.capitalize()}.")


def measure_yes_no(chat: ChatModel, shown: Sequence[Shown], seed: int) -> dict[str, YesNoScore]:
    """Scores by kind of absence. Each kind has the same questions about what is there, and as many of its own."""
    asked: dict[str, list[Asked]] = {kind: [] for kind in ("present", *KINDS_OF_ABSENCE)}
    for index, each in enumerate(shown):
        rng = np.random.default_rng((EVALUATION, seed, 11, index))
        there = Asker(each.scene, rng).pick(each.scene.things).name
        asked["present"].append(Asked(each.image, (_question(there, "yes"),)))
        for kind in KINDS_OF_ABSENCE:
            asked[kind].append(Asked(each.image, (_question(absent_name(each.scene, kind, rng), "no"),)))
    replies = ask(chat, [item for items in asked.values() for item in items])
    said = {kind: _said(replies[i * len(shown) : (i + 1) * len(shown)]) for i, kind in enumerate(asked)}
    return {kind: score_yes_no(said["present"], said[kind]) for kind in KINDS_OF_ABSENCE}


def _said(replies: Sequence[Reply]) -> list[str]:
    """ "Yes, there is a dog." says yes."""
    return [normalised(reply.text).partition(",")[0] for reply in replies]
