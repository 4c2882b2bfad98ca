"""Masks and boxes of phrases against the truth: mean overlap, and average precision as COCO defines it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout

import numpy as np
from tqdm.auto import tqdm

from playground.models.detection import Detection, DetectionModel
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.segmentation import SegmentationModel
from playground.moji.scenes import Scene
from playground.tasks import TaskError
from playground.tasks.region import Region, region_at
from playground.training.measures_worlds import EVALUATION
from playground.training.scene_tensors import GROUND, NAMES
from playground.training.scoring import mask_iou
from playground.training.segmentation import ask_phrases

LEAST_SCORE = 0.01  # boxes below it do not change an average precision


def measure_masks(clipseg: SegmentationModel, scenes: Sequence[Scene], seed: int) -> float:
    """Mean IoU at threshold 0.5 over phrases that name something in the scene."""
    scores = []
    for index, scene in enumerate(tqdm(scenes, desc=clipseg.name, leave=False)):
        asked = ask_phrases(scene, np.random.default_rng((EVALUATION, seed, 8, index)))
        named = [(phrase, mask) for phrase, mask in asked if mask.any()]
        if named:
            masks = clipseg.segment(scene.image, [phrase for phrase, _ in named]).masks(0.5)
            scores += [mask_iou(mask, truth) for mask, (_, truth) in zip(masks, named, strict=True)]
    return float(np.mean(scores))


def measure_clicks(
    clipseg: SegmentationModel, scenes: Sequence[Scene], *, named: bool, seed: int = 0
) -> dict[str, float]:
    """What a click at a random pixel of every thing gives, against that one thing's exact mask, at threshold 0.5.

    ``iou`` is the mean overlap (0 where nothing was found) and ``name`` the share of right names, over all things.
    With ``named`` the names of all things in the scene are given, otherwise the whole vocabulary is asked; then
    ``ground`` is the share of clicks at two random pixels of each scene's ground at which something was found.
    """
    overlaps, right, ground, seen = [], [], [], ImageFeatureCache()
    for index, scene in enumerate(tqdm(scenes, desc=clipseg.name, leave=False)):
        rng = np.random.default_rng((EVALUATION, seed, 9, index))
        text = ", ".join(dict.fromkeys(thing.name for thing in scene.things)) if named else ""
        for number, thing in enumerate(scene.things):
            found = _clicked(clipseg, scene, rng.choice(np.argwhere(scene.mask(number))), text, seen)
            overlaps.append(mask_iou(found.mask(), scene.mask(number)) if found else 0.0)
            right.append(found is not None and found.name == thing.name)
        for place in rng.choice(np.argwhere(scene.labels == 0), 2) if not named else ():
            ground.append(_clicked(clipseg, scene, place, text, seen) is not None)
    measured = {"iou": float(np.mean(overlaps)), "name": float(np.mean(right))}
    return measured if named else measured | {"ground": float(np.mean(ground))}


def _clicked(
    clipseg: SegmentationModel, scene: Scene, place: np.ndarray, text: str, seen: ImageFeatureCache
) -> Region | None:
    """The region at a (row, column); None where nothing is found."""
    try:
        return region_at(clipseg, scene.image, (int(place[1]), int(place[0])), text, seen=seen)
    except TaskError:
        return None


def measure_boxes(owl: DetectionModel, scenes: Sequence[Scene]) -> dict[str, float]:
    """``average_precision`` where every picture is searched for every name of the world at once."""
    names = [name for name in NAMES if name != GROUND]
    found = [
        owl.detect(scene.image, names, threshold=LEAST_SCORE) for scene in tqdm(scenes, desc=owl.name, leave=False)
    ]
    return average_precision(found, [[(thing.name, thing.box) for thing in scene.things] for scene in scenes])


def average_precision(
    found: Sequence[Sequence[Detection]], truth: Sequence[Sequence[tuple[str, Sequence[float]]]]
) -> dict[str, float]:
    """COCO's ``ap`` (mean over IoU 0.50 to 0.95) and ``ap50``, by pycocotools; means over the names in ``truth``.

    ``truth`` holds (name, box) pairs per picture, boxes as (left, top, right, bottom) in pixels.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    numbers = {name: i + 1 for i, name in enumerate(sorted({name for things in truth for name, _ in things}))}
    coco = COCO()
    boxes = [(picture, numbers[name], _coco_box(box)) for picture, things in enumerate(truth) for name, box in things]
    coco.dataset = {
        "images": [{"id": picture} for picture in range(len(truth))],
        "categories": [{"id": number} for number in numbers.values()],
        "annotations": [
            {
                "id": i + 1,
                "image_id": picture,
                "category_id": number,
                "bbox": box,
                "area": box[2] * box[3],
                "iscrowd": 0,
            }
            for i, (picture, number, box) in enumerate(boxes)
        ],
    }
    results = [
        {"image_id": picture, "category_id": numbers[each.name], "bbox": _coco_box(each.box), "score": each.score}
        for picture, detections in enumerate(found)
        for each in detections
        if each.name in numbers
    ]
    if not results:
        return {"ap": 0.0, "ap50": 0.0}
    with redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
        coco.createIndex()
        score = COCOeval(coco, coco.loadRes(results), "bbox")
        score.evaluate()
        score.accumulate()
        score.summarize()
    return {"ap": float(score.stats[0]), "ap50": float(score.stats[1])}


def _coco_box(box: Sequence[float]) -> list[float]:
    """(left, top, right, bottom) as COCO's (left, top, width, height)."""
    left, top, right, bottom = map(float, box)
    return [left, top, right - left, bottom - top]
