"""moji-owl's recipe: fresh heads learn on the encoders of a CLIP, and the official processor finds boxes with them."""

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from playground.checkpoints.catalog import find
from playground.moji.scenes import make_scene
from playground.training import detection, encoder
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import Budget, Run
from playground.training.stages import STAGES, part_of


def clip_tokenizer():
    return encoder.make_tokenizer(bos=True, eos=True, max_length=encoder.TEXT_LENGTH)


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(0)
    return encoder.make_clip("tiny").eval()


def test_phrases_and_patches_mean_what_they_meant_to_the_clip(clip):
    owl, tokenizer = detection.make_owl(clip).eval(), detection.owl_tokenizer(clip_tokenizer())
    phrases = ["dog", "the red circle", "two helicoptres"]
    ours = tokenizer(phrases, padding="max_length", return_tensors="pt")
    theirs = clip_tokenizer()(phrases, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = owl.owlvit.get_text_features(ours.input_ids, ours.attention_mask).pooler_output
        wanted = clip.get_text_features(theirs.input_ids, theirs.attention_mask).pooler_output
        pixels = torch.rand(1, 3, 192, 192)
        seen = owl.owlvit.vision_model(pixels).last_hidden_state
    assert torch.allclose(found, wanted, atol=1e-5)
    assert torch.allclose(seen, clip.vision_model(pixels).last_hidden_state, atol=1e-5)


def test_the_patch_at_a_things_centre_has_to_answer_to_its_names():
    tokenizer = detection.owl_tokenizer(clip_tokenizer())
    rng = np.random.default_rng(3)
    batch = detection.batch_maker(tokenizer)(rng, 3, 0.0)
    phrases = tokenizer.batch_decode(batch["ids"], skip_special_tokens=True)
    scenes, patches, columns = batch["found"].nonzero(as_tuple=True)
    assert {*scenes.tolist()} == {0, 1, 2}
    left, top, right, bottom = batch["boxes"][scenes, patches].mul(192).T
    assert torch.equal(patches, ((top + bottom) / 2 // 16 * 12 + (left + right) / 2 // 16).long())
    assert all(batch["things"][scenes, patches])
    assert not batch["found"][..., phrases.index("")].any(), "what fills short lists of phrases must find nothing"
    absent = batch["found"].flatten(0, 1).any(0).logical_not()
    assert len(phrases) // 6 < absent.sum() < len(phrases)


def test_the_recipe_learns_what_its_stage_says_and_its_checkpoint_finds_boxes(clip, tmp_path, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(detection, "training_scene", lambda rng, count, share: make_scene(rng, count))
    monkeypatch.setattr(
        detection, "share_at", lambda fraction: 0.0
    )  # in plain looks, what is learnt shows in few steps
    owl, tokenizer = detection.make_owl(clip), detection.owl_tokenizer(clip_tokenizer())
    before = {name: value.detach().clone() for name, value in owl.named_parameters()}
    losses = detection.detect(Run(tmp_path / "run", Budget(steps=16), batch=4), owl, tokenizer)
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4])
    moved = {part_of(name) for name, value in owl.named_parameters() if not torch.equal(before[name], value)}
    assert moved == set(STAGES["detection"].learns)

    save_checkpoint(owl, detection.make_processor(tokenizer), tmp_path)
    model, info = AutoModelForZeroShotObjectDetection.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    processor = AutoProcessor.from_pretrained(tmp_path)
    image = make_scene(np.random.default_rng(0), 2).image.resize((320, 160))
    inputs = processor(text=[["dog", "a red circle"]], images=image, return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    result = processor.post_process_grounded_object_detection(
        output, threshold=0.0, target_sizes=[(160, 320)], text_labels=[["dog", "a red circle"]]
    )[0]
    assert result["boxes"].shape == (144, 4) and {*result["text_labels"]} <= {"dog", "a red circle"}
    assert result["boxes"][:, ::2].max() > 160, "boxes are in pixels of the picture that was given"


def test_the_shipped_detector_boxes_what_is_named_through_the_official_processor():
    names = [("dog", "", "noto"), ("bus", "", "noto"), ("circle", "red", "")]
    scene = make_scene(np.random.default_rng(3), 3, names=names)
    folder, phrases = find("moji-owl").source, ["a dog", "the bus", "red circle", "banana", "two cats"]
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(folder)
    wide = scene.image.resize((384, 192))
    with torch.no_grad():
        output = model(**processor(text=[phrases], images=wide, return_tensors="pt"))
    found = processor.post_process_grounded_object_detection(
        output, threshold=0.1, target_sizes=[(192, 384)], text_labels=[phrases]
    )[0]
    assert {*found["text_labels"]} == {*phrases[:3]}
    for phrase, name in zip(phrases, ("dog", "bus", "red circle"), strict=False):
        own = [i for i, label in enumerate(found["text_labels"]) if label == phrase]
        surest = max(own, key=lambda i: found["scores"][i])
        box = next(thing.box for thing in scene.things if thing.name == name)
        truth = torch.tensor([[2 * box[0], box[1], 2 * box[2], box[3]]], dtype=torch.float)
        assert box_iou(truth, found["boxes"][surest][None]) > 0.5, phrase
