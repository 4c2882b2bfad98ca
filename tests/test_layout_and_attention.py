"""An answer's attention becomes maps of its picture, word by word."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import transformers as hf
from PIL import Image

from playground import load
from playground.interpret.metrics.score import mass_inside, pointing_hit
from playground.interpret.painting import attention_map
from playground.interpret.recorder import Recorder, available
from playground.interpret.trace import trace, words_of
from playground.models.attention import plug_in
from playground.models.chat import ChatModel
from playground.models.layout.positions import ImageLayout, NoLayout
from playground.models.messages import GeneratedToken, Message

FAMILIES = ("llava_clip", "llava_words", "smolvlm", "llava_onevision", "internvl", "qwen3_vl")


def ask(*images: Image.Image, text: str = "what is this ?") -> list[Message]:
    return [Message("user", text, images)]


def test_nothing_is_computed_where_nobody_records(checkpoint, picture, monkeypatch):
    model = load(str(checkpoint("llava_clip")))
    assert available(model) is None
    recorded = model.generate(ask(picture), max_new_tokens=5, recorder=Recorder([0]))
    monkeypatch.setattr("playground.models.attention._last_row", None)  # calling it would raise
    assert model.generate(ask(picture), max_new_tokens=5).text == recorded.text


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trace_gives_a_map_of_every_word(checkpoint, picture, family):
    seen = trace(load(str(checkpoint(family))), ask(picture), max_new_tokens=10)
    tokens = sum(len(layout.tokens) for layout in seen.layouts)
    assert seen.attention.codes.dtype == np.uint16 and seen.attention[0].dtype == np.float32
    assert seen.attention.shape == (len(seen.pieces), seen.layers, seen.heads, tokens)
    assert (seen.layers, seen.heads) == (3, 4)
    assert seen.words and seen.answer.statistics.image_tokens >= tokens  # LLaVA's marks of line ends show nothing
    for word in range(len(seen.words)):
        values = attention_map(seen, word)
        assert values.shape == (120, 160) and values.dtype == np.float32
        assert values.min() >= 0 and values.sum() == pytest.approx(1, abs=1e-4)
    by_head = [attention_map(seen, 0, layer=1, head=head) for head in range(4)]
    assert not np.allclose(by_head[0], by_head[1])


def test_a_map_puts_a_tokens_attention_where_the_token_looks(checkpoint):
    picture = Image.new("RGB", (300, 130), "grey")
    seen = trace(load(str(checkpoint("llava_clip"))), ask(picture), max_new_tokens=2)
    layout: ImageLayout = seen.layouts[0]
    shares = np.zeros(seen.attention.shape, np.float32)
    shares[..., 8] = 0.5  # second row, third column of 6 × 6
    values = attention_map(replace(seen, attention=shares), 0)
    x0, y0, x1, y1 = layout.boxes[8]
    inside = np.zeros(values.shape, bool)
    inside[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = True
    assert layout.grid == (6, 6) and 85 < x0 < x1 < 300 - 85  # the crop leaves 85 pixels away on each side
    assert mass_inside(values, inside) == pytest.approx(1)
    assert pointing_hit(values, inside) and not pointing_hit(values, ~inside)
    spread = attention_map(replace(seen, attention=np.ones_like(shares)), 0)
    assert spread[:, :84].sum() == 0 and spread[60, 90] == pytest.approx(spread[20, 200])


def test_words_are_made_of_the_pieces_that_spell_them():
    texts = [" two", " d", "ogs", ",", "", "", " 犬", "猫", " don", "'", "t", ""]
    words = words_of([GeneratedToken(text, 0, 0.5, ()) for text in texts])
    assert [word.text for word in words] == ["two", "dogs", ",", "犬", "猫", "don't"]
    assert [word.pieces for word in words] == [(0,), (1, 2), (3,), (4, 5, 6), (7,), (8, 9, 10)]
    assert words[1].probability == pytest.approx(0.25)
    halves = words_of([GeneratedToken(text, 0, 0.5, ()) for text in ["", "é", "t", "é"]])
    assert [word.pieces for word in halves] == [(0, 1, 2, 3)]


def test_maps_and_masks_of_different_sizes_are_not_compared():
    with pytest.raises(ValueError, match="must be equal"):
        mass_inside(np.ones((4, 4)), np.ones((2, 2), bool))
    assert mass_inside(np.zeros((4, 4)), np.ones((4, 4), bool)) == 0


def test_a_model_without_complete_attention_says_so(checkpoint, picture):
    model = load(str(checkpoint("llava_clip")))
    text = hf.Qwen3NextConfig(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    vision = copy.deepcopy(model.model.config.vision_config)  # a new config changes those it is made of
    config = hf.LlavaConfig(vision_config=vision, text_config=text)
    reason = plug_in(SimpleNamespace(config=config))
    assert "work without attention" in reason
    with pytest.raises(NoLayout, match="work without attention"):
        trace(ChatModel("other", None, model.model, model.processor, reason), ask(picture))
    with pytest.raises(NoLayout, match="no picture"):
        trace(model, ask())
