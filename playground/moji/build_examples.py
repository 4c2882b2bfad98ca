"""Draw the example scenes of the app with their truth: ``python -m playground.moji.build_examples``.

Beside ``<name>.png`` stands ``<name>.masks.png`` (the i-th object has the value i + 1), and ``examples.json`` tells
what is where; so whatever a model says about an example can be checked.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from playground.assets import assets
from playground.moji.scenes import Scene, make_scene
from playground.moji.sprites import STYLES
from playground.moji.words import short_caption

EXAMPLES = assets("examples")

# name: (seed, ground, things, question, phrases)
_SCENES = {
    "two-dogs": (
        11,
        "gradient",
        "dog:noto dog:noto cat:twemoji ball:fluent",
        "How many dogs are there?",
        "dog, cat, ball",
    ),
    "traffic": (
        4,
        "stripes",
        "bus:twemoji taxi:twemoji bicycle:noto",
        "What is left of the bus?",
        "bus, taxi, bicycle",
    ),
    "shapes": (
        7,
        "plain",
        "circle:red square:blue star:yellow",
        "What colour is the circle?",
        "red circle, blue square",
    ),
    "breakfast": (
        21,
        "checks",
        "coffee:fluent croissant:fluent egg:noto banana:noto",
        "Where is the coffee?",
        "coffee, egg",
    ),
    "zoo": (
        6,
        "speckles",
        "elephant:noto mouse:twemoji lion:fluent",
        "Which is bigger, the lion or the mouse?",
        "lion, mouse",
    ),
    "music": (
        3,
        "plain",
        "guitar:fluent drum:noto trumpet:twemoji trumpet:twemoji heart:purple",
        "Is there a piano?",
        "drum, trumpet",
    ),
    "house-and-key": (
        3,
        "plain",
        "sign:open:noto key:noto house:fluent",
        "What does the sign say?",
        "key, house",
    ),
    "three-bees": (
        1,
        "gradient",
        "tree:noto bee:twemoji bee:noto bee:fluent butterfly:fluent snail:noto",
        "How many bees are there?",
        "bee, butterfly, snail",
    ),
}


def _names(things: str) -> list[tuple[str, str, str]]:
    """ "dog:noto circle:red sign:open:noto" as (noun, colour or writing, style) triples."""
    return [_name(*item.split(":")) for item in things.split()]


def _name(noun: str, *told: str) -> tuple[str, str, str]:
    styles = [how for how in told if how in STYLES]
    others = [how for how in told if how not in STYLES]
    return noun, "".join(others), "".join(styles)


def _describe(name: str, scene: Scene, question: str, phrases: str) -> dict:
    return {
        "file": f"{name}.png",
        "alt": short_caption(scene).rstrip("."),
        "question": question,
        "caption": short_caption(scene),
        "phrases": phrases,
        "objects": [{"noun": thing.noun, "colour": thing.colour, "box": thing.box} for thing in scene.things],
    }


def build(destination: Path = EXAMPLES) -> None:
    """Write all example scenes, their masks and ``examples.json``."""
    destination.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (seed, ground, things, question, phrases) in _SCENES.items():
        names = _names(things)
        scene = make_scene(np.random.default_rng(seed), len(names), ground=ground, names=names)
        scene.image.save(destination / f"{name}.png", optimize=True)
        Image.fromarray(scene.labels).save(destination / f"{name}.masks.png", optimize=True)
        rows.append(_describe(name, scene, question, phrases))
    (destination / "examples.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    build()
