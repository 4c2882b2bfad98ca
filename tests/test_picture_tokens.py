"""What a picture costs is told before it is read, and can be limited in every family whose pictures grow."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from playground import load
from playground.interpret.painting import attention_map
from playground.interpret.trace import trace
from playground.models.layout.positions import image_layouts, image_positions
from playground.models.loading import LoadError
from playground.models.messages import Message
from playground.models.picture_tokens import Forecast, PictureTokens, duration
from playground.ui.tabs.chat.forecast import forecast_line

GROWING = (
    "qwen2_5_vl",
    "qwen3_vl",
    "smolvlm",
    "idefics3",
    "internvl",
    "cohere2_vision",
    "llava_next",
    "llava_onevision",
)
FIXED = ("llava_clip", "paligemma", "gemma3", "florence2")


def _photo(width: int = 800, height: int = 600) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("family", GROWING)
def test_a_limit_is_kept_and_told_and_everything_else_agrees(checkpoint, family):
    folder, photo = str(checkpoint(family)), _photo()
    asked = [Message("user", "what is this ?", (photo,))]
    free = load(folder, image_tokens=0)
    most = len(image_positions(free.model, free.prepare(asked)))
    lowest = {"llava_onevision": 90, "llava_next": 150}.get(family, 0)
    model = load(folder, image_tokens=max(most // 2, lowest))
    inputs = model.prepare(asked)
    own = len(image_positions(model.model, inputs))
    assert own <= model.image_tokens < most and free.image_tokens is None
    told, whole = model.forecast(asked), free.forecast(asked)
    (cost,) = told.pictures
    assert own <= cost.tokens <= own + 8 + own // 4  # with the marks around its tiles
    assert cost.unlimited == whole.pictures[0].tokens and cost.limited
    assert told.seconds <= told.unlimited_seconds and "limited to" in str(told)
    layouts = image_layouts(model.model, model.processor, inputs, [photo]) if family != "cohere2_vision" else ()
    assert family == "cohere2_vision" or sum(len(layout.tokens) for layout in layouts) <= own
    answer = model.generate(asked, max_new_tokens=3)
    assert answer.statistics.image_tokens == own
    assert len(answer.statistics.limited) == 1 and "800 × 600 → " in answer.statistics.limited[0]
    assert free.generate(asked, max_new_tokens=1).statistics.limited == ()
    small = [Message("user", "what is this ?", (_photo(80, 40), photo))]
    alone = [model.generate(talk, max_new_tokens=3).text.strip() for talk in (asked, small)]
    assert [
        text.strip() for text in model.generate_batch([*map(model.prepare, (asked, small))], max_new_tokens=3)
    ] == alone


@pytest.mark.parametrize("family", FIXED)
def test_where_every_picture_costs_the_same_that_is_said(checkpoint, family):
    model = load(str(checkpoint(family)), image_tokens=5)
    assert model.image_tokens is None and "nothing to limit" in model.notes[-1]
    assert load(str(checkpoint(family))).notes == model.notes[:-1]


def test_a_map_lies_on_the_picture_that_was_limited(checkpoint):
    model = load(str(checkpoint("internvl")), image_tokens=20)
    found = trace(model, [Message("user", "what is this ?", (_photo(),))], max_new_tokens=6)
    assert all(attention_map(found, word).shape == (600, 800) for word in range(len(found.words)))


def test_the_default_follows_the_device_and_the_setting(checkpoint, monkeypatch):
    folder = checkpoint("qwen2_5_vl")
    assert load(str(folder)).image_tokens == 2048
    assert load(str(checkpoint("internvl"))).image_tokens is None  # its tiles are few, whatever is shown
    monkeypatch.setenv("PLAYGROUND_IMAGE_TOKENS", "30")
    assert load(str(folder)).image_tokens == 30
    monkeypatch.setenv("PLAYGROUND_IMAGE_TOKENS", "0")
    assert load(str(folder)).image_tokens is None
    for wrong in (-1, 1.5):
        with pytest.raises(LoadError, match="whole number"):
            load(str(folder), image_tokens=wrong)


def test_a_phone_photo_is_told_in_tokens_and_minutes(checkpoint, tmp_path):
    """The real figures of Qwen2.5-VL: patches of 14 pixels merged 2 × 2, 12.8 million pixels at most."""
    folder = tmp_path / "real"
    source = checkpoint("qwen2_5_vl")
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "processor_config.json").read_text())
    settings["image_processor"] |= {"patch_size": 14, "size": {"shortest_edge": 3136, "longest_edge": 12845056}}
    (folder / "processor_config.json").write_text(json.dumps(settings))
    model = load(str(folder))
    (cost,) = model.forecast([Message("user", "what ?", (_photo(4032, 3024),))]).pictures
    assert str(cost) == "4032 × 3024 → 15,552 tokens, limited to 2,028"
    said = str(Forecast((PictureTokens((4032, 3024), 2028, 15552),), 2040, 70, 540))
    assert said == "4032 × 3024 → 15,552 tokens, about 9 minutes; limited to 2,028 → about 70 seconds."
    assert [duration(seconds) for seconds in (0.2, 1, 100)] == ["under a second", "about 1 second", "about 2 minutes"]


def test_the_page_tells_it_beside_the_box(checkpoint, tmp_path):
    folder = str(checkpoint("qwen2_5_vl"))
    file = tmp_path / "photo.png"
    _photo().save(file)
    load(folder)
    line = forecast_line({"text": "what ?", "files": [str(file)]}, folder)
    assert "800 × 600 → " in line and "tokens" in line
    assert forecast_line({"text": "what ?", "files": []}, folder) == ""
    assert forecast_line({"text": "what ?", "files": [str(tmp_path / "gone.png")]}, folder) == ""
    assert forecast_line({"text": "what ?", "files": [str(file)]}, "moji-vlm") == ""
