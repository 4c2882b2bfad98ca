"""How the patches of a picture attend to each other, in encoders and in the vision towers of chat models."""

from __future__ import annotations

import numpy as np
import pytest
import transformers as hf

from playground import load
from playground.interpret.encoder_attention import encoder_attention
from playground.interpret.painting import paint
from playground.interpret.trace import trace_picture
from playground.models.generation import image_inputs as vision
from playground.models.layout.positions import NoLayout
from playground.models.messages import Message

ENCODERS = {"clip": hf.CLIPModel, "siglip": hf.SiglipModel, "siglip2_naflex": hf.Siglip2Model}
TOWERS = ("llava_clip", "smolvlm", "internvl", "gemma3", "llava_onevision")


def check(found, size=(160, 120)) -> None:
    (layout,) = found.layouts
    np.testing.assert_allclose(found.attention.sum(axis=-1), 1, atol=1e-4)
    assert len(layout.tokens) == len(layout.boxes) == layout.grid[0] * layout.grid[1]
    shown = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in layout.boxes)
    assert shown > 0.5 * size[0] * size[1] and found.image_sizes == (size,)
    values = paint(found.attention[0, 0, layout.tokens[0]][list(layout.tokens)], found)
    assert values.shape == size[::-1] and values.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("family", ENCODERS)
def test_an_encoders_squares_are_those_of_eager_attention(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    before = model.embed_images([picture])
    found = encoder_attention(model, picture)
    check(found)
    eager = ENCODERS[family].from_pretrained(checkpoint(family), attn_implementation="eager").eval()
    inputs = model.processor.image_processor(images=[picture], return_tensors="pt")
    squares = [
        layer[0].detach().numpy() for layer in eager.get_image_features(**inputs, output_attentions=True).attentions
    ]
    tokens = found.attention.shape[-1]
    np.testing.assert_allclose(found.attention, np.stack(squares)[..., :tokens, :tokens], atol=1e-5)
    np.testing.assert_allclose(model.embed_images([picture]), before, atol=1e-5)


@pytest.mark.parametrize("family", TOWERS)
def test_a_towers_squares_are_those_of_eager_attention(checkpoint, picture, family):
    model = load(str(checkpoint(family)))
    found = encoder_attention(model, picture)
    check(found)
    inputs = model.prepare([Message("user", "", (picture,))])
    place = -1 if family in ("smolvlm", "internvl") else 0
    taken = vision.parts(model.model, inputs)[place].inputs
    eager = hf.AutoModelForImageTextToText.from_pretrained(checkpoint(family), attn_implementation="eager").eval()
    squares = []
    for module in eager.get_encoder("image").modules():
        if type(module).__name__.endswith("Attention"):
            module.register_forward_hook(lambda module, arguments, output: squares.append(output[1][0].detach()))
    eager.base_model.get_image_features(**taken)
    np.testing.assert_allclose(found.attention, np.stack(squares), atol=1e-5)


def test_a_window_of_qwen_is_a_rectangle_of_the_picture(checkpoint, picture):
    """Its patches are read window by window and two by two: here they stand row by row again."""
    model = load(str(checkpoint("qwen2_5_vl")))
    found = encoder_attention(model, picture)
    check(found)
    rows, columns = found.layouts[0].grid
    windowed, whole = found.attention.reshape(2, -1, rows, columns, rows, columns)
    assert whole.min() > 0
    for row, column in ((0, 0), (rows - 1, 3), (2, columns - 1)):
        seen = windowed[0, row, column] > 0
        down, across = seen.any(axis=1).nonzero()[0], seen.any(axis=0).nonzero()[0]
        assert row in down and column in across and seen.sum() == len(down) * len(across)
        assert len(down) == np.ptp(down) + 1 <= 4 and len(across) == np.ptp(across) + 1 <= 4


@pytest.mark.parametrize("family", ["blip_chat", "paligemma", "qwen3_vl", "siglip2", "llava_next"])
def test_other_towers_show_theirs_too(checkpoint, picture, family):
    check(encoder_attention(load(str(checkpoint(family))), picture))


def test_a_tower_without_patches_that_see_each_other_says_so(checkpoint, picture):
    with pytest.raises(NoLayout, match="does not attend from patch to patch"):
        encoder_attention(load(str(checkpoint("florence2"))), picture)
    with pytest.raises(NoLayout, match=r"vipllava .*\.$"):
        encoder_attention(load(str(checkpoint("vip_llava"))), picture)


def test_answers_are_the_same_after_a_look_into_the_tower(checkpoint, picture):
    model = load(str(checkpoint("qwen3_vl")))
    before = trace_picture(model, picture, "what is this ?", max_new_tokens=4)
    encoder_attention(model, picture)
    after = trace_picture(model, picture, "what is this ?", max_new_tokens=4)
    assert after.answer.text == before.answer.text
    np.testing.assert_allclose(after.attention, before.attention, atol=2e-5)
