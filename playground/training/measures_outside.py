"""Pictures from outside Moji's world, and how well a score tells them from scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from playground.moji.fresh import EVALUATION

Score = Callable[[Sequence[Image.Image]], Sequence[float]]
"""How unlike the world each picture is: the higher, the less it belongs there."""

# What ships within scikit-image itself; nothing is fetched.
PHOTOGRAPHS = ("astronaut", "camera", "chelsea", "coffee", "coins", "rocket", "motorcycle_left", "motorcycle_right")
OTHERS = ("cell", "hubble_deep_field", "ihc", "microaneurysms", "moon", "retina", "phantom", "clock_motion")
TEXTURES = ("brick", "grass", "gravel", "chessboard_RGB", "color")
PAGES = ("page", "text")
_MENU = "file edit view window help search open close settings profile send message today report total price"


def _shipped(names: Sequence[str]) -> list[Image.Image]:
    """Pictures of these names beside scikit-image's data module. Raises FileNotFoundError where one is missing."""
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    return [Image.open(next(folder.glob(f"{name}.*[gf]"))).convert("RGB") for name in names]


def _quarters(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Every picture, and its four quarters."""
    cut = []
    for picture in pictures:
        wide, high = picture.width // 2, picture.height // 2
        corners = ((0, 0), (wide, 0), (0, high), (wide, high))
        cut += [picture, *(picture.crop((x, y, x + wide, y + high)) for x, y in corners)]
    return cut


def _noises(rng: np.random.Generator, count: int) -> list[Image.Image]:
    """Coloured noise of several grains."""
    drawn = []
    for index in range(count):
        side = (192, 48, 12, 4)[index % 4]
        grains = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
        drawn.append(grains.resize((192, 192), Image.Resampling.BICUBIC if index % 8 < 4 else Image.Resampling.NEAREST))
    return drawn


def _screenshots(rng: np.random.Generator, count: int) -> list[Image.Image]:
    """What a screen looks like: bars, fields, buttons, lines of text."""
    font, drawn = ImageFont.load_default(11), []
    words = _MENU.split()
    for _ in range(count):
        dark = rng.random() < 0.4
        ground, ink = ((30, 32, 38), (225, 225, 225)) if dark else ((250, 250, 250), (30, 30, 30))
        picture = Image.new("RGB", (320, 240), ground)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, 0, 320, 22), tuple(int(part) for part in rng.integers(40, 220, 3)))
        for row in range(3, 16):
            left = 12 if rng.random() < 0.7 else 170
            if rng.random() < 0.2:
                colour = tuple(int(part) for part in rng.integers(60, 220, 3))
                draw.rounded_rectangle((left, row * 15, left + 70, row * 15 + 14), 4, colour)
            text = " ".join(words[i] for i in rng.integers(0, len(words), int(rng.integers(1, 7))))
            draw.text((left, row * 15), text, ink, font)
        drawn.append(picture)
    return drawn


def outside_pictures(seed: int = 0) -> dict[str, list[Image.Image]]:
    """Some 120 pictures by sort: photographs, textures and pages with their quarters, what instruments see, noise,
    drawn screenshots. Plain colours are not among them: a ground with nothing on it is a scene without things."""
    rng = np.random.default_rng((EVALUATION, seed, 17))
    return {
        "photographs": _quarters(_shipped(PHOTOGRAPHS)),
        "instruments": _shipped(OTHERS),
        "textures": _quarters(_shipped(TEXTURES)),
        "pages": _quarters(_shipped(PAGES)),
        "noise": _noises(rng, 16),
        "screenshots": _screenshots(rng, 16),
    }


def auroc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """How often a picture from outside scores higher than a scene; 0.5 is chance, ties count half."""
    within, without = np.asarray(inside, float)[:, None], np.asarray(outside, float)[None]
    return float(((without > within) + 0.5 * (without == within)).mean())


def measure_outside(
    score: Score, fresh: Sequence[Image.Image], augmented: Sequence[Image.Image], seed: int = 0
) -> dict[str, dict[str, float]]:
    """AUROC of every sort of outside picture, and of "all", against ``fresh`` and against ``augmented`` scenes."""
    inside = {"fresh": score(fresh), "augmented": score(augmented)}
    sorts = {name: score(pictures) for name, pictures in outside_pictures(seed).items()}
    sorts["all"] = [each for scores in sorts.values() for each in scores]
    return {name: {kind: auroc(own, scores) for kind, own in inside.items()} for name, scores in sorts.items()}
