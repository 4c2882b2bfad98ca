"""Scenes as the tensors that recipes learn from: pixels, and per patch what is there."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import torch
from PIL import Image

from playground.moji.scenes import Scene, Thing, Variety, make_scene
from playground.moji.world import ALL_STYLES, PATCH, all_names
from playground.training.augment import named_colours, reframed, relit

MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)
GROUND = "ground"
NAMES = (*all_names(), GROUND)
NAME_INDEX = {name: index for index, name in enumerate(NAMES)}
IGNORE = -100


def training_scene(
    rng: np.random.Generator,
    count: int | None = None,
    share: float = 1.0,
    styles: tuple[str, ...] = ALL_STYLES,
) -> Scene:
    """A scene as training shows it: in all ``styles``, its things and frame changed as often as ``share`` (0–1) says.

    Now and then it is squeezed, has small things, is saved as a poor JPEG, or scaled down and up. Evaluation goes a
    step further in each of these. The light changes later, see `training_pixels`.
    """
    stretch = float(np.exp(rng.uniform(-0.5, 0.5))) if rng.random() < 0.3 else 1.0
    sizes = (24, 40) if rng.random() < 0.1 else None
    share *= float(rng.random())  # some scenes are as drawn, in some each thing looks otherwise
    variety = Variety(styles, shapes=True, changes=share)
    scene = reframed(make_scene(rng, count, sizes=sizes, stretch=stretch, variety=variety), rng, share)
    return replace(scene, pixels=_worn(scene.image, rng)) if rng.random() < 0.2 else scene


def _worn(image: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """The picture's pixels after a lossy save, or after it was made smaller and large again."""
    if rng.random() < 0.5:
        side = int(image.width * rng.uniform(0.6, 1.0))
        return np.asarray(image.resize((side, side)).resize(image.size))
    file = BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(50, 96)))
    return np.asarray(Image.open(file))


def pixel_values(scenes: list[Scene]) -> torch.Tensor:
    """Normalised pixels, float32 (scenes, 3, height, width), as the shipped image processors make them."""
    pixels = torch.from_numpy(np.stack([scene.pixels for scene in scenes]))
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


def training_pixels(scenes: list[Scene], rng: np.random.Generator, share: float = 1.0) -> torch.Tensor:
    """`pixel_values` of training scenes in another light each, as often as ``share`` (0–1) says."""
    return relit(pixel_values(scenes).add_(1).div_(2), named_colours(scenes), rng, share).mul_(2).sub_(1)


def patch_things(scene: Scene, patch: int = PATCH) -> np.ndarray:
    """Which thing fills each patch, int64 (patches,): its index, -1 for ground, IGNORE where a sliver only.

    A patch belongs to the thing that covers most of it if that is a fifth or more; to the ground below 3 %.
    """
    side = scene.labels.shape[0] // patch
    blocks = scene.labels.reshape(side, patch, side, patch).transpose(0, 2, 1, 3).reshape(side * side, -1)
    covered = np.stack([(blocks == i + 1).mean(1) for i in range(len(scene.things))], 1)
    owner, share = covered.argmax(1), covered.max(1)
    return np.where(share >= 0.2, owner, np.where(covered.sum(1) < 0.03, -1, IGNORE))


def _box(thing: Thing, canvas: int) -> tuple[float, ...]:
    return tuple(side / canvas for side in thing.box)


def patch_truth(scenes: list[Scene], patch: int = PATCH) -> dict[str, torch.Tensor]:
    """Per patch: ``names`` (index into NAMES or IGNORE), ``boxes`` (its thing's box in 0–1), ``centres``.

    ``centres`` is 1.0 for the one patch that holds the centre of a thing: what counting stands on.
    Shapes (scenes, patches), (scenes, patches, 4), (scenes, patches).
    """
    names, boxes, centres = [], [], []
    for scene in scenes:
        canvas = scene.labels.shape[0]
        owner = patch_things(scene, patch)
        table = np.array([NAME_INDEX[thing.name] for thing in scene.things] + [NAME_INDEX[GROUND]])
        names.append(np.where(owner == IGNORE, IGNORE, table[np.maximum(owner, -1)]))
        corners = np.array([_box(thing, canvas) for thing in scene.things] + [(0.0,) * 4], np.float32)
        boxes.append(corners[np.maximum(owner, -1)])
        centre = np.zeros(len(owner), np.float32)
        for thing in scene.things:
            x, y = thing.centre
            centre[int(y) // patch * (canvas // patch) + int(x) // patch] = 1
        centres.append(centre)
    return {
        "names": torch.from_numpy(np.stack(names)),
        "boxes": torch.from_numpy(np.stack(boxes)),
        "centres": torch.from_numpy(np.stack(centres)),
    }
