"""Masks and boxes of phrases against the truth: mean overlap, and average precision as COCO defines it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout

import numpy as np
from tqdm.auto import tqdm

from ..models.detection import Detection, DetectionModel
from ..models.segmentation import SegmentationModel
from ..moji.scenes import Scene
from .measures_worlds import EVALUATION
from .scene_tensors import GROUND, NAMES
from .scoring import mask_iou
from .segmentation import ask_phrases

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
