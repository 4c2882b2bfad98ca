"""The same scenes in other light, frames and drawing styles: what answers and names lose by each change.

Every look changes the same fresh scenes, so that a row can be read against the clean one. Training draws these changes
too, at random strengths; here each stands alone, mild and strong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from playground.models.chat import ChatModel
from playground.models.embedding import EmbeddingModel
from playground.moji.asking import LOOSE
from playground.moji.fresh import EVALUATION
from playground.moji.scenes import PLAIN, WIDE, Scene, Variety, make_scene
from playground.moji.world import ALL_STYLES, CANVAS
from playground.training import augment
from playground.training.measures_answers import ask, measure_captions, questions_about, score_answers
from playground.training.measures_matching import measure_zero_shot
from playground.training.measures_worlds import SIZES, as_drawn

Rng = np.random.Generator
Change = Callable[[Rng, Scene], Scene]
KINDS = ("exists", "negated", "count", "total", "where", "side", "list kind", "kind", "bigger", "colour", "says")
"""What is asked about each look: few kinds, since there are many looks."""


def _as_it_is(rng: Rng, scene: Scene) -> Scene:
    return scene


@dataclass(frozen=True)
class Look:
    """One row of the table of looks. ``change`` makes another scene of a fresh one, drawn with ``variety``."""

    name: str
    change: Change = _as_it_is
    variety: Variety = PLAIN
    unasked: tuple[str, ...] = ()

    def scenes(self, count: int, seed: int, most: int = 6) -> list[Scene]:
        """``count`` scenes of one to ``most`` things: the same for every look of the same variety, but for the look."""
        drawn = []
        for index in range(count):
            rng = np.random.default_rng((EVALUATION, seed, 13, most, index))
            scene = make_scene(rng, int(rng.integers(1, most + 1)), variety=self.variety)
            drawn.append(self.change(rng, scene))
        return drawn


def _with_pixels(scene: Scene, pixels: torch.Tensor) -> Scene:
    """``pixels`` (1, 3, height, width) in 0–1."""
    values = (pixels.clamp(0, 1)[0].permute(1, 2, 0) * 255).round().byte().numpy()
    return replace(scene, pixels=values)


def _pixels(scene: Scene) -> torch.Tensor:
    return torch.from_numpy(scene.pixels.copy()).permute(2, 0, 1)[None].float() / 255


def _light(name: str, strength: float) -> Change:
    """A change of the whole picture's light; what has a named colour keeps its hue and saturation."""

    def change(rng: Rng, scene: Scene) -> Scene:
        before = _pixels(scene)
        after = augment.LIGHT[name](before, strength)
        if name in ("hue", "saturation"):
            after = torch.where(augment.named_colours([scene]), before, after)
        return _with_pixels(scene, after)

    return change


def _tint(depth: float) -> Change:
    def change(rng: Rng, scene: Scene) -> Scene:
        return _with_pixels(scene, augment.tint(_pixels(scene), torch.tensor([1, 1 - depth, 1 - depth / 2])))

    return change


def _blur(deviation: float) -> Change:
    def change(rng: Rng, scene: Scene) -> Scene:
        return _with_pixels(scene, augment.blur(_pixels(scene), deviation))

    return change


def _noise(deviation: float) -> Change:
    def change(rng: Rng, scene: Scene) -> Scene:
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        return _with_pixels(scene, augment.noise(_pixels(scene), deviation, generator))

    return change


def _border(width: int) -> Change:
    def change(rng: Rng, scene: Scene) -> Scene:
        return augment.bordered(scene, width, (0, 0, 0))

    return change


def _hole(side: int) -> Change:
    def change(rng: Rng, scene: Scene) -> Scene:
        left, top = (int(each) for each in rng.integers(0, CANVAS - side, 2))
        return augment.cut_out(scene, (left, top, left + side, top + side), (0, 0, 0))

    return change


def _outline(width: int) -> Change:
    def change(rng: Rng, scene: Scene) -> Scene:
        things = scene.labels > 0
        around = ndimage.binary_dilation(things, iterations=width) & ~things
        pixels = scene.pixels.copy()
        pixels[around] = 0
        return replace(scene, pixels=pixels)

    return change


def _found_again(scene: Scene, pixels: np.ndarray, labels: np.ndarray) -> Scene:
    """The scene with moved pixels: boxes are read from the moved labels, things stand from left to right again."""
    boxes = ndimage.find_objects(labels, max_label=len(scene.things))
    found = [
        (index, replace(thing, box=(box[1].start, box[0].start, box[1].stop, box[0].stop)))
        for index, (thing, box) in enumerate(zip(scene.things, boxes, strict=True))
        if box is not None
    ]
    found.sort(key=lambda each: each[1].centre[0])
    rank = np.zeros(len(scene.things) + 1, np.uint8)
    rank[[index + 1 for index, _ in found]] = np.arange(1, len(found) + 1)
    return Scene(pixels, rank[labels], tuple(thing for _, thing in found))


def _turned(degrees: float) -> Change:
    """The whole picture turned, made smaller so that nothing is lost."""

    def change(rng: Rng, scene: Scene) -> Scene:
        way = 1 if rng.random() < 0.5 else -1
        large = Image.fromarray(scene.pixels).rotate(
            way * degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=tuple(scene.pixels[0, 0].tolist())
        )
        labels = Image.fromarray(scene.labels).rotate(way * degrees, Image.Resampling.NEAREST, expand=True)
        size = (CANVAS, CANVAS)
        moved = np.asarray(labels.resize(size, Image.Resampling.NEAREST))
        return _found_again(scene, np.asarray(large.resize(size, Image.Resampling.BILINEAR)), moved)

    return change


def _mirrored(rng: Rng, scene: Scene) -> Scene:
    return _found_again(scene, scene.pixels[:, ::-1].copy(), scene.labels[:, ::-1].copy())


def _worn(rng: Rng, scene: Scene) -> Scene:
    """Everything at once, as training draws it."""
    scene = augment.reframed(scene, rng)
    return _with_pixels(scene, augment.relit(_pixels(scene), augment.named_colours([scene]), rng))


CLEAN = Look("as drawn")
AUGMENTED = Look("all changes at once, as training draws them", _worn, WIDE)
LOOKS = (
    CLEAN,
    *(
        Look(f"{name} {strength:g}", _light(name, strength))
        for name, strengths in (
            ("brightness", (0.6, 0.4, 1.5)),
            ("contrast", (0.6, 0.4)),
            ("saturation", (0.5, 0.0)),
            ("hue", (60, 180)),
            ("gamma", (0.6, 1.8)),
        )
        for strength in strengths
    ),
    *(Look(f"tint {depth:.0%}", _tint(depth)) for depth in (0.2, 0.45)),
    *(Look(f"blur of {deviation:g} pixels", _blur(deviation)) for deviation in (0.8, 1.4)),
    *(Look(f"noise of {deviation:.0%}", _noise(deviation)) for deviation in (0.03, 0.08)),
    *(Look(f"black border of {width} pixels", _border(width)) for width in (12, 30)),
    *(Look(f"a hole of {side} × {side} pixels", _hole(side)) for side in (24, 44)),
    *(Look(f"black outline of {width} pixels", _outline(width)) for width in (1, 3)),
    *(Look(f"turned by {degrees} degrees", _turned(degrees), unasked=SIZES) for degrees in (8, 18)),
    Look("mirrored", _mirrored, unasked=("says", "sign check")),
    AUGMENTED,
)
STYLES = tuple(Look(f"style {style}", variety=Variety((style,))) for style in ALL_STYLES)


def measure_look(chat: ChatModel, look: Look, count: int, seed: int) -> dict[str, float]:
    """``right`` answers of the KINDS, and ``f1`` of the things that captions name, in this look."""
    shown = as_drawn(look.scenes(count, seed))
    asked = questions_about(shown, seed, LOOSE, look.unasked, KINDS)
    rights = score_answers(asked, ask(chat, asked))
    return {"right": rights["all"]["right"], "f1": measure_captions(chat, shown, seed)["f1"]}


def measure_names(clip: EmbeddingModel, looks: Sequence[Look], count: int, seed: int) -> dict[str, float]:
    """Zero-shot names of single things in every look."""
    return {look.name: measure_zero_shot(clip, look.scenes(count, seed, most=1)) for look in looks}
