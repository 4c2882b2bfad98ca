"""Vectors and masks agree with what the official classes compute, at the picture's own size, however they are asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import transformers as hf
from families import CLICKS, ENCODED_ONCE, ENCODER_FAMILIES, FITS, VECTORS, WORDS
from PIL import Image

from playground import load
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.segmentation import SegmentationModel
from playground.tasks import TaskError
from playground.tasks.segment import segment, segment_at

LABELS = ("a red circle", "a dog", "two dogs on the left")


def having(verb: str, *more: str) -> pytest.MarkDecorator:
    """A test of every family that claims the verb, and of checkpoints `more` that no row of the table stands for."""
    families = [key for key, family in ENCODER_FAMILIES.items() if verb in family.verbs]
    return pytest.mark.parametrize(("family", "verb"), [(key, verb) for key in [*families, *more]])


@pytest.fixture
def runs() -> Callable[[torch.nn.Module], list[int]]:
    """runs(part) begins a list that grows by the batch size whenever this part of a model computes."""
    hooks = []

    def watched(part: torch.nn.Module) -> list[int]:
        batches: list[int] = []

        def note(_, given: tuple, named: dict) -> None:
            batches.append(len(given[0] if given else named["pixel_values"]))

        hooks.append(part.register_forward_pre_hook(note, with_kwargs=True))
        return batches

    yield watched
    for hook in hooks:
        hook.remove()


@having(FITS)
def test_a_family_does_rank_labels_as_its_class_does(checkpoint, picture, family, verb):
    model = load(str(checkpoint(family)))
    pictures = model.processor.image_processor(picture, return_tensors="pt")
    padding = dict(padding=True) if family == "clip" else dict(padding="max_length", max_length=64)
    texts = model.processor.tokenizer(list(LABELS), return_tensors="pt", **padding)
    with torch.inference_mode():
        logits = model.model(**pictures, **texts).logits_per_image[0]
    expected = dict(zip(LABELS, (logits.softmax(0) if family == "clip" else logits.sigmoid()).tolist(), strict=True))
    matches = model.match(picture, LABELS)
    assert dict(matches) == pytest.approx(expected, abs=1e-5)
    assert [fit for _, fit in matches] == sorted(expected.values(), reverse=True)
    with pytest.raises(ValueError, match="at least one label"):
        model.match(picture, [])


@having(VECTORS)
def test_a_family_does_give_vectors_of_length_one_in_any_number(checkpoint, picture, family, verb):
    model = load(str(checkpoint(family)))
    turned = [picture.rotate(9 * turn, expand=turn % 2 == 1) for turn in range(20)]  # of many shapes
    many = model.embed_images(turned)
    assert many.shape == (20, 32) and torch.allclose(many.norm(dim=1), torch.ones(20))
    assert torch.allclose(many[17:18], model.embed_images([turned[17]]), atol=1e-5)
    texts = model.embed_texts(["a dog", "a dog " * 200])
    assert texts.shape == (2, 32) and torch.allclose(texts.norm(dim=1), torch.ones(2))
    assert torch.allclose(texts[:1], model.embed_texts(["a dog"]), atol=1e-5)
    with pytest.raises(ValueError, match="nothing to embed"):
        model.embed_images([])


def test_siglip_reads_capitals_as_small_letters(checkpoint):
    model = load(str(checkpoint("siglip2")))
    assert torch.equal(model.embed_texts(["A DOG"]), model.embed_texts(["a dog"]))


def test_pictures_that_were_embedded_are_not_embedded_again(checkpoint, picture, runs):
    model, seen = load(str(checkpoint("clip"))), ImageFeatureCache()
    turned = [picture.rotate(90 * turn) for turn in range(3)]
    fresh, batches = model.embed_images(turned), runs(model.model.vision_model)
    assert torch.equal(model.embed_images(turned[:2], seen=seen), fresh[:2])
    assert torch.allclose(model.embed_images([*turned, turned[2].copy()], seen=seen), fresh[[0, 1, 2, 2]], atol=1e-5)
    assert model.match(picture, LABELS, seen=seen) == model.match(turned[0].convert("RGBA"), LABELS, seen=seen)
    assert batches == [2, 1]
    other = load(str(checkpoint("siglip")))
    assert torch.equal(other.embed_images(turned, seen=seen), other.embed_images(turned))


@having(WORDS, "sam3")
def test_a_family_does_find_words_at_the_pictures_size(checkpoint, picture, family, verb):
    model = load(str(checkpoint(family)))
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


def test_clipseg_encodes_a_picture_once_for_all_phrases_and_later_ones(checkpoint, picture, runs):
    model, seen = load(str(checkpoint("clipseg"))), ImageFeatureCache()
    inputs = model.processor(text=list(LABELS), images=[picture] * 3, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model.model(**inputs).logits[:, None]
    expected = torch.nn.functional.interpolate(logits, size=(120, 160), mode="bilinear")[:, 0].numpy()
    batches = runs(model.model.clip.vision_model)
    assert np.allclose(model.segment(picture, LABELS).logits, expected, atol=1e-5)
    assert batches == [1]
    first = segment(model, picture, "a red circle", seen=seen)
    later = segment(model, picture.copy(), "a dog", seen=seen)
    assert batches == [1, 1]
    assert np.allclose(np.concatenate([first.logits, later.logits]), expected[:2], atol=1e-5)


def test_odd_pictures_are_embedded_and_segmented(checkpoint):
    odd = [Image.new("RGB", (1, 1)), Image.new("L", (3, 70)), Image.new("RGBA", (64, 20))]
    assert load(str(checkpoint("clip"))).embed_images(odd).shape == (3, 32)
    worded, clicked = load(str(checkpoint("clipseg"))), load(str(checkpoint("sam2")))
    for image in odd:
        for found in (worded.segment(image, ["dog"]), clicked.segment_at(image, [(0, 0)])):
            assert found.logits.shape[1:] == (image.height, image.width) and np.isfinite(found.logits).all()


def official_masks(model, picture: Image.Image, several: bool, **prompt) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (masks, height, width) and scores, as the model's documentation computes them."""
    processor = model.processor
    if model.clicker:
        processor = hf.Sam3TrackerProcessor(processor.image_processor)
    inputs = processor(images=picture, return_tensors="pt", **prompt)
    sizes = {"reshaped_input_sizes": inputs.pop("reshaped_input_sizes")} if "reshaped_input_sizes" in inputs else {}
    original = inputs.pop("original_sizes")
    if sizes:  # the first SAM's processor gives 64 bits
        inputs = {name: value.float() if value.is_floating_point() else value for name, value in inputs.items()}
    with torch.inference_mode():
        found = clickable(model)(**inputs, multimask_output=several)
    sizes = {"original_sizes": original, **sizes}
    return processor.post_process_masks(found.pred_masks, **sizes, binarize=False)[0][0], found.iou_scores[0, 0]


@having(CLICKS, "sam2", "sam3_tracker")
def test_a_family_does_give_its_masks_at_a_click_best_first(checkpoint, picture, family, verb):
    model = load(str(checkpoint(family)))
    point = [[[130, 25]]] if family == "sam" else [[[[130, 25]]]]
    logits, scores = official_masks(model, picture, True, input_points=point)
    order = scores.argsort(descending=True)
    found = segment_at(model, picture, [(130, 25)])
    assert found.phrases == ("mask 1", "mask 2", "mask 3") and found.image_size == (160, 120)
    assert found.logits.shape == (3, 120, 160) and found.logits.dtype == np.float32
    assert found.logits.std() > 1e-3 and np.allclose(found.logits, logits[order].numpy(), atol=1e-5)
    assert found.scores == pytest.approx(scores[order].clamp(0, 1).tolist(), abs=1e-5)


@having(CLICKS, "sam2", "sam3_tracker")
def test_a_family_does_give_one_mask_in_a_box_or_at_several_clicks(checkpoint, picture, family, verb):
    model = load(str(checkpoint(family)))
    logits, _ = official_masks(model, picture, False, input_boxes=[[[20, 10, 150, 60]]])
    boxed = segment_at(model, picture, box=(150, 60, 20, 10))  # drawn from the lower right
    assert boxed.logits.shape == (1, 120, 160) and np.allclose(boxed.logits, logits.numpy(), atol=1e-5)
    points = [[130, 25], [10, 100]]
    prompt = dict(input_points=[points], input_labels=[[1, 0]])  # the first SAM's processor nests less deeply
    if family != "sam":
        prompt = {name: [value] for name, value in prompt.items()}
    logits, _ = official_masks(model, picture, False, **prompt)
    clicked = segment_at(model, picture, [points[0]], outside=[points[1]])
    assert clicked.logits.shape == (1, 120, 160) and np.allclose(clicked.logits, logits.numpy(), atol=1e-5)


ASKS = {
    FITS: lambda model, picture, turn, **seen: [fit for _, fit in model.match(picture, LABELS[: turn + 2], **seen)],
    WORDS: lambda model, picture, turn, **seen: model.segment(picture, [LABELS[turn]], **seen).logits,
    CLICKS: lambda model, picture, turn, **seen: model.segment_at(picture, [(130 - 90 * turn, 25)], **seen).logits,
}


@pytest.mark.parametrize(
    ("family", "verb"),
    [(key, ENCODED_ONCE) for key, family in ENCODER_FAMILIES.items() if ASKS.keys() & {*family.verbs}],
)
def test_a_family_does_encode_a_picture_once(checkpoint, picture, family, verb, runs):
    """Other words, labels or clicks on a picture that was seen give what they give without the memory."""
    model = load(str(checkpoint(family)))
    for asked in ASKS.keys() & set(ENCODER_FAMILIES[family].verbs):
        seen, part = ImageFeatureCache(), vision_of(clickable(model) if asked == CLICKS else model.model)
        cold = [ASKS[asked](model, picture, turn) for turn in (0, 1)]
        batches = runs(part)
        warm = [ASKS[asked](model, picture.copy(), turn, seen=seen) for turn in (0, 1)]
        assert batches == [1]
        assert np.allclose(warm[0], cold[0], atol=1e-6) and np.allclose(warm[1], cold[1], atol=1e-6)
        assert not np.array_equal(warm[0], warm[1])


def vision_of(network: torch.nn.Module) -> torch.nn.Module:
    return getattr(network, "vision_encoder", None) or getattr(network, "clip", network).vision_model


def clickable(model: SegmentationModel) -> torch.nn.Module:
    return model.clicker or model.model


@pytest.mark.parametrize("family", ["sam3", "sam3_video"])
def test_sam3_finds_by_words_what_its_own_post_processing_finds(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    official = hf.Sam3Processor(model.processor.image_processor, model.processor.tokenizer)
    found = segment(model, picture, ", ".join(LABELS))
    for index, phrase in enumerate(LABELS):
        with torch.inference_mode():
            outputs = model.model(**official(images=picture, text=phrase, return_tensors="pt"))
        best = official.post_process_instance_segmentation(outputs, threshold=0)[0]["scores"].max().item()
        assert found.scores[index] == pytest.approx(best, abs=1e-5)
        # A pixel of a thing of score s, itself of probability p or more, is as likely as s · p at least.
        instances = official.post_process_instance_segmentation(
            outputs, threshold=0.95 * best, mask_threshold=0.52, target_sizes=[(120, 160)]
        )[0]["masks"]
        inside = instances.bool().any(0).numpy()
        assert inside.any() and found.masks(0.95 * best * 0.52 - 1e-3)[index][inside].mean() > 0.99


def test_a_model_says_which_way_of_asking_it_lacks(checkpoint, picture):
    worded, clicked, both = (load(str(checkpoint(family))) for family in ("clipseg", "sam2", "sam3_video"))
    assert both.words_reason is None and both.click_reason is None
    assert worded.words_reason is None and clicked.click_reason is None
    assert "takes no clicks" in worded.click_reason and "reads no words" in clicked.words_reason
    for error, ask in ((ValueError, type(clicked).segment), (TaskError, segment)):
        with pytest.raises(error, match="reads no words"):
            ask(clicked, picture, "dog" if ask is segment else ["dog"])
    for error, ask in ((ValueError, type(worded).segment_at), (TaskError, segment_at)):
        with pytest.raises(error, match="takes no clicks"):
            ask(worded, picture, [(3, 4)])


def test_clicks_and_boxes_must_be_on_the_picture(checkpoint, picture):
    model = load(str(checkpoint("sam2")))
    with pytest.raises(TaskError, match="Click on a thing"):
        segment_at(model, picture)
    with pytest.raises(TaskError, match="beside the picture of 160 × 120"):
        segment_at(model, picture, [(160, 20)])
    with pytest.raises(TaskError, match="no area"):
        segment_at(model, picture, box=(170, 10, 200, 40))
    beyond = segment_at(model, picture, box=(100, 50, 500, 500)).logits
    assert np.array_equal(beyond, segment_at(model, picture, box=(100, 50, 160, 120)).logits)
