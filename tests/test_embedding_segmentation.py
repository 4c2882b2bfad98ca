"""Vectors and masks agree with what the official classes compute, at the picture's own size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from playground import load

LABELS = ("a red circle", "a dog", "two dogs on the left")


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_matches_are_the_models_own_and_ranked(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    padding = "max_length" if family == "siglip" else True
    inputs = model.processor(images=picture, text=list(LABELS), padding=padding, return_tensors="pt")
    with torch.inference_mode():
        logits = model.model(**inputs).logits_per_image[0]
    expected = dict(zip(LABELS, (logits.sigmoid() if family == "siglip" else logits.softmax(0)).tolist(), strict=True))
    matches = model.match(picture, LABELS)
    assert dict(matches) == pytest.approx(expected, abs=1e-5)
    assert [fit for _, fit in matches] == sorted(expected.values(), reverse=True)
    with pytest.raises(ValueError, match="at least one label"):
        model.match(picture, [])


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_vectors_have_length_one_in_any_number(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    many = model.embed_images([picture.rotate(9 * turn) for turn in range(20)])
    assert many.shape == (20, 32) and torch.allclose(many.norm(dim=1), torch.ones(20))
    assert torch.allclose(many[17:18], model.embed_images([picture.rotate(9 * 17)]), atol=1e-5)
    texts = model.embed_texts(["a dog", "a dog " * 200])
    assert texts.shape == (2, 32) and torch.allclose(texts.norm(dim=1), torch.ones(2))
    assert torch.allclose(texts[:1], model.embed_texts(["a dog"]), atol=1e-5)
    with pytest.raises(ValueError, match="nothing to embed"):
        model.embed_images([])


def test_masks_have_the_pictures_size_and_move_with_the_threshold(checkpoint, picture):
    model = load(str(checkpoint("clipseg")))
    found = model.segment(picture, LABELS)
    assert found.phrases == LABELS and found.image_size == (160, 120)
    assert found.logits.shape == (3, 120, 160) and found.logits.dtype == np.float32
    assert np.allclose(model.segment(picture, LABELS[1:2]).logits[0], found.logits[1], atol=1e-5)
    probability = 1 / (1 + np.exp(-found.logits))
    for threshold in (0.3, 0.5, float(np.median(probability))):
        masks = found.masks(threshold)
        assert masks.dtype == bool and (masks == (probability > threshold)).mean() > 0.9999
    assert found.masks(0.0).all() and not found.masks(1.0).any()
    with pytest.raises(ValueError, match="at least one thing"):
        model.segment(picture, [])


def test_odd_pictures_are_embedded_and_segmented(checkpoint):
    odd = [Image.new("RGB", (1, 1)), Image.new("L", (3, 70)), Image.new("RGBA", (64, 20))]
    assert load(str(checkpoint("clip"))).embed_images(odd).shape == (3, 32)
    for image in odd:
        logits = load(str(checkpoint("clipseg"))).segment(image, ["dog"]).logits
        assert logits.shape == (1, image.height, image.width) and np.isfinite(logits).all()
