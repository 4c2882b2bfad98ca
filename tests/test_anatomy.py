"""A picture's way through a model: every stage has the shape, lengths and weights that the model has there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scripted_server import says, scripted

from playground import load
from playground.interpret.anatomy.anatomy import NoAnatomy, anatomy
from playground.interpret.anatomy.principal_components import as_colours, principal
from playground.interpret.anatomy.stages import ENCODER, LANGUAGE, NEXT, PATCHES, PIXELS, PROJECTOR, TOKENS, VISION
from playground.models.messages import Message, asked
from playground.tasks.examples import examples

QUESTION = "how many dogs are there?"
FAMILIES = ("llava_clip", "llava_next", "smolvlm", "qwen2_5_vl", "qwen3_vl", "paligemma", "florence2", "blip_vqa")


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return Image.open(examples()[0].path)


def lengths(states: torch.Tensor) -> np.ndarray:
    return states.norm(dim=-1).float().numpy()


def close(layer, states: torch.Tensor) -> None:
    np.testing.assert_allclose(layer.norms, lengths(states), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_moji_vlm_is_shown_as_it_computes(scene):
    model = load("moji-vlm")
    found = anatomy(model, scene, QUESTION)
    config, inner = model.model.config, model.model.model
    assert [stage.name for stage in found.stages] == [
        PIXELS, PATCHES, VISION, PROJECTOR, TOKENS, LANGUAGE, NEXT,
    ]  # fmt: skip
    pixels, patches, vision, projector, tokens, language, word = found.stages
    side = config.vision_config.image_size
    assert pixels.shape == (3, side, side)
    assert np.abs(found.views[0].astype(int) - np.asarray(scene.convert("RGB"))).max() <= 1
    count = (side // config.vision_config.patch_size) ** 2
    assert patches.shape == vision.shape == (count + 1, config.vision_config.hidden_size)
    assert projector.shape == (count, config.text_config.hidden_size)
    assert tokens.shape == language.shape == (len(found.tokens), config.text_config.hidden_size)
    assert word.shape == found.probabilities.shape == (config.text_config.vocab_size,)
    assert len(vision.layers) == config.vision_config.num_hidden_layers
    assert len(language.layers) == config.text_config.num_hidden_layers
    assert sum(token.picture for token in found.tokens) == count and not found.beside
    assert "".join(token.text for token in found.tokens if not token.picture).count("dogs") == 1

    inputs = model.prepare([Message("user", QUESTION, (scene,))])
    tower = inner.vision_tower(inputs["pixel_values"], output_hidden_states=True).hidden_states
    whole = model.model(**inputs, output_hidden_states=True)
    close(patches.layers[0], tower[0][0])
    for layer, states in zip(vision.layers, tower[1:], strict=True):
        close(layer, states[0])
    grown = (tower[2] - tower[1])[0].norm(dim=-1).mean() / tower[1][0].norm(dim=-1).mean()
    assert vision.layers[1].added == pytest.approx(float(grown), rel=1e-4)
    projected = model.model.get_image_features(pixel_values=inputs["pixel_values"]).pooler_output
    close(projector.layers[0], torch.cat(tuple(projected)))  # one tensor, or a list with one of each picture
    close(tokens.layers[0], whole.hidden_states[0][0])
    for layer, states in zip(language.layers[:-1], whole.hidden_states[1:-1], strict=True):
        close(layer, states[0])
    np.testing.assert_allclose(found.probabilities, whole.logits[0, -1].softmax(-1).numpy(), atol=1e-5)
    after_two = model.model.lm_head(inner.language_model.norm(whole.hidden_states[2][0, -1])).softmax(-1).max()
    assert language.layers[1].likely[0][1] == pytest.approx(float(after_two), abs=1e-5)


@torch.inference_mode()
def test_moji_blip_keeps_its_picture_beside_the_words(scene):
    model = load("moji-blip")
    found = anatomy(model, scene, QUESTION)
    projector, language = found.stage(PROJECTOR), found.stage(LANGUAGE)
    assert projector.shape == () and projector.layers == () and "none" in projector.text
    assert found.stage(ENCODER) is None
    assert found.beside == 145 and not any(token.picture for token in found.tokens)
    tower = model.model.vision_model(
        model.prepare([Message("user", QUESTION, (scene,))])["pixel_values"], output_hidden_states=True
    ).hidden_states
    for layer, states in zip(found.stage(VISION).layers, tower[1:], strict=True):
        close(layer, states[0])
    assert [word for word, _ in language.layers[-1].likely] == [word for word, _ in found.likely[:5]]


@pytest.mark.parametrize("name", ["moji-vlm", "moji-blip", *FAMILIES])
def test_every_family_has_its_way(checkpoint, picture, scene, name):
    moji = name.startswith("moji")
    model = load(name if moji else str(checkpoint(name)))
    found = anatomy(model, scene if moji else picture, QUESTION)
    assert sum(stage.parameters for stage in found.stages) == model.model.num_parameters()
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-5)
    later = name == "florence2"  # its first token is always the same one
    said = model.generate(asked(QUESTION, scene if moji else picture), max_new_tokens=1 + later).pieces[later]
    assert found.probabilities.max() == pytest.approx(said.probability, abs=1e-5)
    assert found.likely[0][1] == pytest.approx(said.probability, abs=1e-5)
    last = found.stage(LANGUAGE).layers[-1]  # what would be said after the last layer is what is said
    assert [value for _, value in last.likely] == pytest.approx([value for _, value in found.likely[:5]], abs=1e-5)
    for stage in found.stages:
        assert len(stage.shape) == len(stage.axes)
        for layer in stage.layers:
            assert np.isfinite(layer.norms).all()
            assert layer.grid is None or layer.colours.shape == (*layer.grid, 3)
    if name in ("florence2", "blip_vqa"):
        assert found.stage(ENCODER).shape[0] == len(found.tokens)


@torch.inference_mode()
def test_lengths_are_where_the_patches_are(checkpoint, picture):
    """Tiles, merged patches and windows: the vision encoder of each, asked directly."""
    smolvlm = load(str(checkpoint("smolvlm")))
    found = anatomy(smolvlm, picture, QUESTION)
    inputs = smolvlm.prepare([Message("user", QUESTION, (picture,))])
    tower = smolvlm.model.model.vision_model(inputs["pixel_values"][0], output_hidden_states=True).hidden_states
    assert found.stage(VISION).shape == tuple(tower[-1].shape) == (5, 64, 32)
    close(found.stage(VISION).layers[0], tower[1][-1])  # the view of the whole stands last
    assert found.shown == 4 and found.stage(PROJECTOR).layers[0].grid == (4, 4)

    qwen = load(str(checkpoint("qwen2_5_vl")))
    found = anatomy(qwen, picture, QUESTION)
    inputs = qwen.prepare([Message("user", QUESTION, (picture,))])
    rows, columns = inputs["image_grid_thw"][0, 1:].tolist()
    patches, (merged,) = found.stage(PATCHES).layers[0], found.stage(PROJECTOR).layers
    assert patches.grid == (rows, columns) and merged.grid == (rows // 2, columns // 2)
    features = qwen.model.model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"]).pooler_output
    close(merged, torch.cat(tuple(features)))
    shown = picture.resize((columns * 7, rows * 7), Image.Resampling.BICUBIC)
    assert np.abs(found.views[0].astype(int) - np.asarray(shown)).mean() < 2
    # Each patch's vector, row by row, is what the encoder makes of these pixels of the picture.
    pixels = torch.tensor(found.views[0] / np.float32(255)).permute(2, 0, 1)
    means, stds = (torch.tensor(getattr(qwen.processor.image_processor, f"image_{key}")) for key in ("mean", "std"))
    scaled = (pixels - means[:, None, None]) / stds[:, None, None]
    cut = scaled.reshape(3, rows, 7, columns, 7).permute(1, 3, 0, 2, 4).reshape(rows * columns, 3, 1, 7, 7)
    made = qwen.model.model.visual.patch_embed(cut.expand(-1, -1, 2, -1, -1).reshape(rows * columns, -1))
    np.testing.assert_allclose(patches.norms, lengths(made), rtol=0.02)


def test_alike_vectors_have_alike_colours():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(36, 8)) * np.arange(1, 9)
    components = principal(vectors)
    centred = vectors - vectors.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(components), np.abs(left[:, :3] * values[:3]), rtol=1e-4, atol=1e-4)
    turned = principal(vectors @ np.linalg.qr(rng.normal(size=(8, 8)))[0], components)
    np.testing.assert_allclose(turned, components, atol=1e-3)
    assert as_colours(components, (6, 6)).shape == (6, 6, 3)
    assert principal(vectors[:, :2]).shape == (36, 3)


def test_a_server_shows_nothing_of_itself(picture):
    with scripted(says("two")) as server, pytest.raises(NoAnatomy, match="runs on a server"):
        anatomy(load(server.address), picture, QUESTION)
