"""Files of masks say the same pixels when other programs read them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from playground.imaging.drawing import colours
from playground.tasks.exports.masks import FILES, coco, write_masks

NAMES = ("dog", "red circle", "Ünknown / thing", "dog")


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    """Four of them: two that overlap, one that is empty, one of a few pixels."""
    drawn = np.zeros((4, 30, 50), bool)
    drawn[0, 5:15, 10:30], drawn[1, 10:25, 20:45], drawn[3, 28:, 48:] = True, True, True
    return drawn


@pytest.fixture(scope="module")
def files(masks: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    image = Image.new("RGB", (50, 30), (10, 20, 30))
    paths = write_masks(tmp_path_factory.mktemp("masks"), image, NAMES, masks, file_name="a.png", about="Moji")
    return {path.name: path for path in paths}


def test_every_file_is_there_at_the_size_of_the_picture(files) -> None:
    assert tuple(files) == FILES
    for name in ("overlay.png", "cutout.png", "labels.png"):
        assert Image.open(files[name]).size == (50, 30)


def test_pycocotools_reads_back_every_pixel(files, masks, capsys) -> None:
    data = COCO(str(files["masks.coco.json"]))
    assert data.loadImgs([1]) == [{"id": 1, "file_name": "a.png", "width": 50, "height": 30}]
    assert [category["name"] for category in data.loadCats(data.getCatIds())] == ["dog", "red circle", NAMES[2]]
    read = data.loadAnns(data.getAnnIds(imgIds=[1]))
    assert [each["category_id"] for each in read] == [1, 2, 1]  # the empty one is no annotation
    for annotation, mask in zip(read, masks[[0, 1, 3]], strict=True):
        assert np.array_equal(data.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum() and isinstance(annotation["segmentation"]["counts"], str)
    assert read[0]["bbox"] == [10, 5, 20, 10] and len(data.getAnnIds(catIds=[1])) == 2


def test_labels_have_the_masks_colours_and_names(files, masks) -> None:
    image = Image.open(files["labels.png"])
    labels = np.asarray(image)
    assert image.mode == "P" and np.array_equal(labels == 2, masks[1]) and np.array_equal(labels == 4, masks[3])
    assert np.array_equal(labels == 1, masks[0] & ~masks[1]) and (labels == 0).sum() == (~masks.any(0)).sum()
    assert image.convert("RGB").getpixel((40, 20)) == colours(2)[1]
    assert image.text["labels"].splitlines()[2] == f"3\t{NAMES[2]}"


def test_the_zip_has_a_mask_for_each_name_and_the_cut_out_is_transparent(files, masks) -> None:
    with zipfile.ZipFile(files["masks.zip"]) as archive:
        assert archive.namelist() == ["1-dog.png", "2-red-circle.png", "3-Ünknown-thing.png", "4-dog.png"]
        read = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in archive.namelist()]
    assert np.array_equal(np.stack(read) > 0, masks)
    cut = np.asarray(Image.open(files["cutout.png"]))
    assert np.array_equal(cut[..., 3] == 255, masks.any(0)) and tuple(cut[6, 11, :3]) == (10, 20, 30)


def test_no_masks_and_wrong_ones(masks, tmp_path) -> None:
    assert json.loads(json.dumps(coco((), masks[:0])))["annotations"] == []
    with pytest.raises(ValueError, match="3 names"):
        write_masks(tmp_path, Image.new("RGB", (50, 30)), NAMES[:3], masks)
    with pytest.raises(ValueError, match="picture of"):
        write_masks(tmp_path, Image.new("RGB", (30, 50)), NAMES, masks)
