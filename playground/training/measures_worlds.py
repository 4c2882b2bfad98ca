"""What models are measured on: fresh scenes of the world they learnt, and harder worlds that training leaves out.

Every scene comes from a seed that begins with a number that no training step uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import combinations

import numpy as np
from PIL import Image

from playground.moji.asking import LOOSE, Typing
from playground.moji.fresh import EVALUATION, fresh_scenes
from playground.moji.scenes import UNSEEN_GROUNDS, Name, Scene, choose_names, make_scene
from playground.moji.world import CANVAS, COLOURS, EMOJI_NOUNS, SHAPES, STYLES, WRITINGS, held_out

__all__ = ["ASPECTS", "EVALUATION", "HARDER", "Shown", "World", "as_drawn", "fresh_scenes", "held_out_pairs"]

ASPECTS = ((256, 192), (192, 256), (320, 180), (180, 320), (384, 192), (192, 384))  # width, height in pixels

Rng = np.random.Generator


@dataclass(frozen=True)
class Shown:
    """A picture as a model gets it, and the scene that tells what is in it.

    Places, order and counts of the scene hold for the picture, whatever its size: both are told in ninths and sides.
    """

    scene: Scene
    image: Image.Image


def _whole(rng: Rng, scene: Scene) -> Image.Image:
    return scene.image


def _any_scene(rng: Rng) -> Scene:
    return make_scene(rng, int(rng.integers(1, 7)))


@dataclass(frozen=True)
class World:
    """One row of the table of harder worlds.

    ``draw`` makes a scene and ``show`` the picture of it. ``typing`` is how questions are typed.
    ``unasked`` are question types whose answers the world leaves open.
    """

    name: str
    draw: Callable[[Rng], Scene] = _any_scene
    show: Callable[[Rng, Scene], Image.Image] = _whole
    typing: Typing = LOOSE
    unasked: tuple[str, ...] = ()

    def shown(self, count: int, seed: int) -> list[Shown]:
        """``count`` fresh pictures with their truth; the same seed, the same pictures."""
        words = [ord(letter) for letter in self.name]
        rngs = (np.random.default_rng((EVALUATION, seed, *words, index)) for index in range(count))
        return [Shown(scene := self.draw(rng), self.show(rng, scene)) for rng in rngs]


def as_drawn(scenes: Iterable[Scene]) -> list[Shown]:
    """The pictures of these scenes, just as they were drawn."""
    return [Shown(scene, scene.image) for scene in scenes]


@cache
def held_out_pairs() -> tuple[tuple[str, str], ...]:
    """All pairs of nouns that no training scene shows together."""
    return tuple(pair for pair in combinations((*EMOJI_NOUNS, *SHAPES, "sign"), 2) if held_out(*pair))


def _named(rng: Rng, noun: str) -> Name:
    """A noun with a colour, a writing or neither, in one of the drawing styles."""
    if noun in SHAPES:
        return noun, str(rng.choice(list(COLOURS))), ""
    return noun, str(rng.choice(WRITINGS)) if noun == "sign" else "", str(rng.choice(STYLES))


def _strange_pair(rng: Rng) -> Scene:
    pairs = held_out_pairs()
    pair = pairs[int(rng.integers(len(pairs)))]
    others = [name for name in choose_names(rng, int(rng.integers(1, 4))) if name[0] not in pair]
    names = [*(_named(rng, noun) for noun in pair), *others]
    return make_scene(rng, len(names), names=names)


def _many(rng: Rng) -> Scene:
    return make_scene(rng, int(rng.integers(7, 10)))


def _strange_ground(rng: Rng) -> Scene:
    return make_scene(rng, int(rng.integers(1, 7)), ground=str(rng.choice(UNSEEN_GROUNDS)))


def _small_things(rng: Rng) -> Scene:
    return make_scene(rng, int(rng.integers(1, 7)), sizes=(20, 26))


def _jpeg(rng: Rng, scene: Scene) -> Image.Image:
    file = BytesIO()
    scene.image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _half(rng: Rng, scene: Scene) -> Image.Image:
    return scene.image.resize((CANVAS // 2, CANVAS // 2), Image.Resampling.BICUBIC)


def _drawn_large(rng: Rng) -> Scene:
    """Drawn with twice as many pixels; the truth is told on the usual canvas, where places and margins are defined."""
    scene = make_scene(rng, int(rng.integers(1, 7)), canvas=2 * CANVAS, sizes=(64, 104))
    things = tuple(replace(thing, box=tuple(side // 2 for side in thing.box)) for thing in scene.things)
    return replace(scene, things=things, labels=scene.labels[::2, ::2])


def _drawn_narrow(rng: Rng) -> Scene:
    """A scene as the model's processor squeezes it into a square: things are as much too narrow as it was wide."""
    width, height = ASPECTS[int(rng.integers(len(ASPECTS)))]
    scene = make_scene(rng, int(rng.integers(1, 7)), stretch=height / width)
    return replace(scene, pixels=np.asarray(scene.image.resize((width, height), Image.Resampling.BICUBIC)))


SIZES = ("bigger", "smaller", "size check", "biggest")  # kinds of question that compare sizes
UNSEEN = Typing(unseen=True, synonyms=LOOSE.synonyms)

HARDER = (
    World("pairs of things never seen together", _strange_pair),
    World("seven to nine things", _many),
    World("backgrounds never seen", _strange_ground),
    World("small things, 20 to 26 pixels", _small_things),
    World("JPEG of quality 30", show=_jpeg),
    World("96 × 96 pixels", show=_half),
    World("384 × 384 pixels", _drawn_large),
    # Which of two things is bigger depends on how a picture was squeezed: that stays unasked.
    World("4:3 to 2:1, wide and tall", _drawn_narrow, unasked=SIZES),
    World("a typing error in every question", typing=replace(LOOSE, slips=1.0)),
    World("wordings never seen", typing=UNSEEN),
)
