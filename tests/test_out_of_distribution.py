"""What is unlike a model's world: told from its own features, for its own weights alone."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from playground import load
from playground.checkpoints.catalog import find
from playground.checkpoints.fingerprint import fingerprint
from playground.models import out_of_distribution as ood
from playground.moji.elsewhere import made_elsewhere
from playground.moji.fresh import fresh_scenes
from playground.training import out_of_distribution as recipe
from playground.training.scene_tensors import pixel_values


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A copy of moji-clip with statistics of a few scenes beside it."""
    folder = tmp_path_factory.mktemp("ood") / "clip"
    shutil.copytree(find("moji-clip").source, folder)
    shutil.rmtree(folder / ood.FOLDER, ignore_errors=True)
    features = recipe.features_of(load(str(folder)), 3)
    inside = features(torch.cat([pixel_values(fresh_scenes(60, 1)), recipe.augmented_pixels(60, 1)]))
    found = recipe.fit(inside, features(recipe.elsewhere_pixels(64, 1)), 3, fingerprint(folder))
    found = recipe.settle(found, features(pixel_values(fresh_scenes(40, 2))))
    ood.write(folder, found, {})
    return folder


def test_pictures_from_elsewhere_score_higher_than_scenes(fitted):
    model = load(str(fitted))
    scenes = [model.out_of_distribution_score(scene.image) for scene in fresh_scenes(12, 3)]
    others = [model.out_of_distribution_score(Image.fromarray(pixels)) for pixels in made_elsewhere(16, 4)]
    assert np.median(scenes) < 0.7 < np.median(others)
    assert ood.out_of_distribution_score(model, Image.new("L", (60, 200))) is not None  # any mode, any shape


def test_statistics_count_for_their_own_weights_and_only_where_they_can_be_read(fitted, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(fitted, copy)
    assert ood.read(copy) is not None
    told = json.loads((copy / ood.FOLDER / ood.FIGURES).read_text())
    for broken in ("{", "[]", json.dumps(told | {"weights": "0" * 16}), json.dumps(told | {"edge": told["middle"]})):
        (copy / ood.FOLDER / ood.FIGURES).write_text(broken)
        assert ood.read(copy) is None, broken
    (copy / ood.FOLDER / ood.FIGURES).write_text(json.dumps(told))
    (copy / ood.FOLDER / ood.TENSORS).write_bytes(b"cut off")
    assert ood.read(copy) is None
    assert ood.read(tmp_path) is None and ood.out_of_distribution_score(object(), Image.new("RGB", (9, 9))) is None


def test_made_up_pictures_are_the_same_for_the_same_seed():
    one, same, other = made_elsewhere(8, 0), made_elsewhere(8, 0), made_elsewhere(8, 1)
    assert one.shape == (8, 192, 192, 3) and np.array_equal(one, same) and not np.array_equal(one, other)
