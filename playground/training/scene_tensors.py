"""Scenes as the tensors that recipes learn from: pixels, and per patch what is there."""

from __future__ import annotations

import numpy as np
import torch

from ..moji.scenes import Scene, Thing
from ..moji.world import COLOURS, EMOJI_NOUNS, PATCH, SHAPES

MEAN = (0.5, 0.5, 0.5)
STD = (0.5, 0.5, 0.5)
GROUND = "ground"
NAMES = (*EMOJI_NOUNS, *(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS), GROUND)
NAME_INDEX = {name: index for index, name in enumerate(NAMES)}
IGNORE = -100


def pixel_values(scenes: list[Scene]) -> torch.Tensor:
    """Normalised pixels, float32 (scenes, 3, height, width), as the shipped image processors make them."""
    pixels = torch.from_numpy(np.stack([scene.pixels for scene in scenes]))
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)


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
