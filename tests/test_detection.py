"""Boxes land where the model saw things, in pixels of the picture as it was given, under the names asked for."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from families import BOXES, ENCODED_ONCE, ENCODER_FAMILIES
from PIL import Image
from torchvision.ops import box_iou

from playground import load
from playground.imaging.drawing import colours, draw_boxes
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.messages import PromptTooLong
from playground.tasks import TaskError
from playground.tasks.detect import detect

NAMES = ("a red circle", "dogs", "the picture")
FAMILIES = [key for key, family in ENCODER_FAMILIES.items() if BOXES in family.verbs]


def official(model, picture: Image.Image) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (places, names or tokens) and boxes (places, 4) in pixels, by the processor's own functions."""
    dino = "dino" in model.model.config.model_type
    text = ". ".join(NAMES) + "." if dino else [list(NAMES)]
    inputs = model.processor(images=picture, text=text, return_tensors="pt")
    with torch.inference_mode():
        outputs = model.model(**inputs)
    found = model.processor.post_process_grounded_object_detection(
        outputs, threshold=-1.0, target_sizes=[(picture.height, picture.width)]
    )[0]
    scores = outputs.logits[0].sigmoid()
    if dino:  # the tokens of each name stand between two full stops, number 1012
        stops = [0, *(inputs.input_ids[0] == 1012).nonzero()[:, 0].tolist()]
        scores = torch.stack([scores[:, a + 1 : b].amax(-1) for a, b in zip(stops, stops[1:], strict=False)], -1)
    return scores, found["boxes"]


@pytest.mark.parametrize(("family", "verb"), [(family, BOXES) for family in FAMILIES])
@pytest.mark.parametrize("size", [(160, 60), (50, 130)])
def test_a_family_does_find_what_its_class_finds(checkpoint, picture, family, verb, size):
    model, picture = load(str(checkpoint(family))), picture.resize(size)
    scores, boxes = official(model, picture)
    found = model.detect(picture, NAMES, threshold=0.0)
    assert len(found) > 3 and [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    boxes[:, 0::2], boxes[:, 1::2] = boxes[:, 0::2].clamp(0, size[0]), boxes[:, 1::2].clamp(0, size[1])
    for detection in found:
        place = (boxes - torch.tensor(detection.box)).abs().sum(-1).argmin()
        assert detection.box == pytest.approx(boxes[place].tolist(), abs=1e-3)
        assert detection.score == pytest.approx(scores[place].max().item(), abs=1e-5)
        assert detection.name == NAMES[scores[place].argmax()]
        left, top, right, bottom = detection.box
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    middle = found[len(found) // 2].score
    assert model.detect(picture, NAMES, threshold=middle) == tuple(d for d in found if d.score >= middle)


@pytest.mark.parametrize(("family", "size", "across", "down"), [
    ("owlvit", (160, 60), 160 / 6, 10), ("owlvit", (50, 130), 50 / 6, 130 / 6),
    ("owlv2", (160, 60), 160 / 6, 160 / 6), ("owlv2", (50, 130), 130 / 6, 130 / 6),
])  # fmt: skip
def test_each_place_of_owl_lies_on_its_own_part_of_the_picture(checkpoint, picture, family, size, across, down):
    """OWL-ViT stretches a picture, OWLv2 pads it. With a silent box head each place's box is one patch wide."""
    model, picture = load(str(checkpoint(family))), picture.resize(size)
    before = _silenced(model.model.box_head.dense2, 0.0)
    try:
        found = model.detect(picture, NAMES, threshold=0.0)
    finally:
        _restored(model.model.box_head.dense2, before)
    expected = {
        (max(column - 0.5, 0) * across, max(row - 0.5, 0) * down, (column + 0.5) * across, (row + 0.5) * down)
        for column in range(1, 7)
        for row in range(1, 7)
    }
    expected = [np.minimum(box, (*size, *size)) for box in expected if box[0] < size[0] and box[1] < size[1]]
    assert len(found) == len(expected)
    for box in expected:
        assert min(np.abs(np.subtract(detection.box, box)).max() for detection in found) < 0.05


@pytest.mark.parametrize("family", ["owlvit", "owlv2"])
def test_of_boxes_around_the_same_thing_one_is_left(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    before = _silenced(model.model.box_head.dense2, 4.0)  # every place takes nearly the whole picture for the thing
    try:
        found = model.detect(picture, NAMES, threshold=0.0)
    finally:
        _restored(model.model.box_head.dense2, before)
    assert 0 < len(found) < 20
    for one, other in combinations(found, 2):
        overlap = box_iou(torch.tensor([one.box]), torch.tensor([other.box])).item()
        assert one.name != other.name or overlap <= 0.5


def _silenced(layer: torch.nn.Linear, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    before = layer.weight.data.clone(), layer.bias.data.clone()
    layer.weight.data.zero_()
    layer.bias.data.copy_(torch.tensor([0.0, 0.0, size, size]))
    return before


def _restored(layer: torch.nn.Linear, before: tuple[torch.Tensor, torch.Tensor]) -> None:
    layer.weight.data, layer.bias.data = before


@pytest.mark.parametrize(("family", "verb"), [("owlvit", ENCODED_ONCE), ("owlv2", ENCODED_ONCE)])
def test_a_family_does_encode_a_picture_once(checkpoint, picture, family, verb):
    model, seen, runs = load(str(checkpoint(family))), ImageFeatureCache(), []
    cold = [model.detect(picture, [name], threshold=0.0) for name in NAMES]
    watched = model.model.base_model.vision_model.register_forward_hook(lambda *_: runs.append(1))
    warm = [detect(model, picture.copy(), name, threshold=0.0, seen=seen) for name in NAMES]
    watched.remove()
    assert len(runs) == 1 and warm == cold and warm[0] != warm[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_odd_names_and_pictures_are_read(checkpoint, family):
    model = load(str(checkpoint(family)))
    names = ["a dog " * 8, "St. Bernard?", "...", "Dogs", "犬"]
    for image in (Image.new("L", (70, 20)), Image.new("RGBA", (20, 70)), Image.new("RGB", (9, 9), "white")):
        found = model.detect(image, names, threshold=0.0)
        assert found and {detection.name for detection in found} <= set(names)
    with pytest.raises(ValueError, match="at least one thing"):
        model.detect(image, [])


def test_a_dot_in_a_name_is_no_end_of_it(checkpoint, picture):
    model = load(str(checkpoint("grounding_dino")))
    dotted = model.detect(picture, ["a red. circle", "dogs"], threshold=0.0)
    plain = model.detect(picture, ["a red circle", "dogs"], threshold=0.0)
    assert [(d.box, d.score) for d in dotted] == [(d.box, d.score) for d in plain]
    assert {d.name for d in dotted} <= {"a red. circle", "dogs"}


def test_the_task_checks_words_and_threshold(checkpoint, picture):
    model = load(str(checkpoint("grounding_dino")))
    found = detect(model, picture, " a red circle,dogs , A red circle", threshold=0.0)
    assert found == model.detect(picture, ["A red circle", "dogs"], threshold=0.0)
    assert detect(model, picture, "dogs") == tuple(
        d for d in detect(model, picture, "dogs", threshold=0) if d.score >= 0.25
    )
    with pytest.raises(TaskError, match="Name what to look for"):
        detect(model, picture, " , ")
    with pytest.raises(TaskError, match="no threshold"):
        detect(model, picture, "dogs", threshold=1.5)
    with pytest.raises(PromptTooLong, match="reads up to 64"):
        detect(model, picture, ", ".join(f"{letter} dog on the left of the cat" for letter in "abcdefghij"))


def test_boxes_are_drawn_where_they_are_and_texts_stay_inside():
    ground = Image.new("RGB", (200, 100), "white")
    drawn = draw_boxes(ground, [(50, 40, 150, 90), (180, 2, 199, 20)], ["dog 0.93", "a long name 0.5"], colours(2))
    assert drawn.size == ground.size and ground.getcolors() == [(20000, (255, 255, 255))]
    pixels = np.asarray(drawn).astype(int)
    for x, y in ((50, 60), (150, 60), (100, 40), (100, 90)):
        assert tuple(pixels[y, x]) == colours(2)[0]
    assert tuple(pixels[65, 100]) == (255, 255, 255)
    label = np.argwhere((pixels == colours(2)[1]).all(-1))
    assert label[:, 1].min() < 150  # the text beside the right edge was moved to the left
    bare = np.asarray(draw_boxes(ground, [(50, 40, 150, 90)], [""], colours(1))).astype(int)
    assert (bare[:37] == 255).all() and (pixels[:37, :150] != 255).any()
