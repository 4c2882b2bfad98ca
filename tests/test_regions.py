"""A click finds the thing that lies there: by words with Moji, by the place itself with SAM."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from playground import load
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.segmentation import SegmentationModel
from playground.moji.fresh import fresh_scenes
from playground.moji.scenes import Scene
from playground.tasks import TaskError
from playground.tasks.examples import examples, truth_of
from playground.tasks.region import Region, reached_from, refined, region_at
from playground.tasks.segment import segment_at
from playground.training.measures_regions import measure_clicks
from playground.training.scoring import mask_iou

SEEN = ImageFeatureCache()


@pytest.fixture(scope="module")
def moji() -> SegmentationModel:
    return load("moji-clipseg")


@pytest.fixture(scope="module")
def two_dogs() -> Image.Image:
    return Image.open(examples()[0].path).convert("RGB")


def dogs_of(image: Image.Image) -> list[tuple[np.ndarray, tuple[int, int]]]:
    """The exact mask of each dog, and x and y of a pixel in its middle."""
    truth = truth_of(image)
    masks = [truth.labels == index + 1 for index, noun in enumerate(truth.nouns) if noun == "dog"]
    return [(mask, tuple(int(side) for side in np.argwhere(mask).mean(0)[::-1])) for mask in masks]


def ground_of(scene: Scene) -> tuple[int, int]:
    """x and y of the pixel of the ground that is farthest from all things."""
    rows, columns = np.nonzero(scene.labels)
    places = np.argwhere(scene.labels == 0)[::40]
    distance = [np.hypot(rows - row, columns - column).min() for row, column in places]
    return tuple(int(side) for side in places[int(np.argmax(distance))][::-1])


def test_what_hangs_together_with_a_place_is_reached_and_nothing_else() -> None:
    drawn = ["####.", "...#.", "####.", "#...#", "####."]
    mask = np.array([[pixel == "#" for pixel in row] for row in drawn])
    reached = reached_from(mask, [(0.01, 0.01)])
    assert reached.sum() == mask.sum() - 1 and not reached[3, 4]  # a corner does not connect
    assert not reached_from(mask, [(0.99, 0.01)]).any()
    assert np.array_equal(reached_from(mask, [(0.01, 0.01), (0.99, 0.7)]), mask)


def test_a_click_gives_one_thing_with_its_name(moji, two_dogs) -> None:
    (one, at_one), (other, at_other) = dogs_of(two_dogs)
    found = region_at(moji, two_dogs, at_one, "cat, dog", seen=SEEN)
    assert found.name == "dog" and mask_iou(found.mask(), one) > 0.6
    assert not (found.mask() & other).any()
    both = refined(moji, two_dogs, found, at_other)
    assert mask_iou(both.mask(), one | other) > 0.6
    again = refined(moji, two_dogs, both, at_one, belongs=False)
    assert mask_iou(again.mask(), other) > 0.6 and not (again.mask() & one).any()
    assert mask_iou(both.mask(size=(500, 400)), both.mask(size=(250, 200)).repeat(2, 0).repeat(2, 1)) > 0.95
    with pytest.raises(TaskError, match="no “dog” at this place"):
        refined(moji, two_dogs, found, (1, 1))


def test_where_no_word_fits_moji_is_asked_for_every_name_it_knows(moji, two_dogs) -> None:
    cat = truth_of(two_dogs).mask("cat")
    place = tuple(int(side) for side in np.argwhere(cat).mean(0)[::-1])
    for text in ("dog", ""):
        found = region_at(moji, two_dogs, place, text, seen=SEEN)
        assert found.name == "cat" and mask_iou(found.mask(), cat) > 0.6


def test_clicks_on_fresh_scenes_are_near_the_exact_masks(moji) -> None:
    measured = measure_clicks(moji, fresh_scenes(4, seed=21), named=True)
    assert measured["iou"] > 0.6 and measured["name"] > 0.6  # few scenes; 0.76 and 89 % of 60


def test_a_click_on_the_ground_says_what_is_nearest_and_how_sure(moji) -> None:
    scene = fresh_scenes(1, seed=22, most=2)[0]
    with pytest.raises(TaskError, match=r"nearest is “dog” with \d+ %, and the threshold is 50 %"):
        region_at(moji, scene.image, ground_of(scene), "dog", seen=SEEN)
    with pytest.raises(TaskError, match="beside the picture of 192 × 192"):
        region_at(moji, scene.image, (192, 3))


def test_of_a_model_whose_names_nobody_knows_words_are_wanted(checkpoint, picture) -> None:
    model = load(str(checkpoint("clipseg")))
    with pytest.raises(TaskError, match="Type first what may be there"):
        region_at(model, picture, (3, 4))
    named = region_at(model, picture, (3, 4), "dog, cat", threshold=0)
    assert named.name in ("dog", "cat") and named.mask(0)[4, 3]
    with pytest.raises(TaskError, match="takes no clicks"):
        refined(model, picture, Region("thing", named.logits, ((0.1, 0.1),)), (5, 6))


@pytest.mark.parametrize("family", ["sam2", "sam3_video"])
def test_sam_is_told_every_place(checkpoint, picture, family) -> None:
    model = load(str(checkpoint(family)))
    first = region_at(model, picture, (130, 25), "dog")
    assert np.array_equal(first.logits, segment_at(model, picture, [(130, 25)]).logits[0])
    assert np.array_equal(first.mask(0.6), segment_at(model, picture, [(130, 25)]).masks(0.6)[0])
    more = refined(model, picture, first, (90, 40))
    less = refined(model, picture, more, (10, 100), belongs=False)
    official = segment_at(model, picture, [(130, 25), (90, 40)], outside=[(10, 100)])
    assert np.allclose(less.logits, official.logits[0], atol=1e-4) and not np.allclose(less.logits, more.logits)
