"""Image tokens show the part of the picture that their boxes say: a painted spot changes these and no others."""

from __future__ import annotations

import copy
import re

import pytest
import torch
import transformers as hf
from PIL import Image, ImageDraw

from playground import load
from playground.models.chat import ChatModel
from playground.models.layout.positions import NoLayout, image_layouts, image_positions, unknown_layout
from playground.models.messages import CannotRead, Message

SEVERAL = (
    *("llava_clip", "llava_siglip", "llava_words", "smolvlm", "idefics3", "qwen2_5_vl", "qwen3_vl"),
    *("llava_next", "llava_onevision", "internvl", "gemma3", "paligemma"),
)
ONE = ("llava_next", "llava_onevision", "florence2", "blip", "blip_chat")
SIZES = {"wide": (300, 130), "tall": (190, 310), "square": (200, 190)}

# How far beyond its box a token sees before attention mixes: by the blur of resizing; by convolutions that overlap;
# by features that are blended.
REACH = {"florence2": 36, "llava_onevision": 32}
_MIXES = re.compile(r"out_proj|attn\.proj|projection_layer|self_attn\.projection|blocks.*\.conv[12]\.")


def without_mixing(model: ChatModel) -> ChatModel:
    """A copy in which vision attention adds nothing, so that each feature depends on its own patch alone."""
    twin = type(model.model)(model.model.config).eval()
    twin.load_state_dict(model.model.state_dict())
    for name, weight in twin.named_parameters():
        if ("vision" in name or "visual" in name) and _MIXES.search(name):
            weight.data.zero_()
    return ChatModel(model.name, None, twin, copy.copy(model.processor))


def ask(images: list[Image.Image]) -> list[Message]:
    return [Message("user", "what is this ?", tuple(images))]


def features(model: ChatModel, images: list[Image.Image]) -> torch.Tensor:
    """What the decoder gets to see of the pictures: (image positions, dimensions)."""
    inputs = model.prepare(ask(images))
    with torch.inference_mode():
        if model.model.config.model_type == "blip":
            return model.model.vision_model(inputs["pixel_values"]).last_hidden_state[0]
        keys = ("pixel_values", "pixel_attention_mask", "image_grid_thw", "image_sizes", "batch_num_images")
        found = model.model.get_image_features(**{key: inputs[key] for key in keys if key in inputs}).pooler_output
    return torch.cat([part.reshape(-1, part.shape[-1]) for part in found])


def check(model: ChatModel, images: list[Image.Image], reach: float = 9) -> list[tuple[float, ...]]:
    """Paint spots on the last picture: of each view, the token whose box it is in must change most, far ones hardly."""
    inputs = model.prepare(ask(images))
    places = {place: row for row, place in enumerate(image_positions(model.model, inputs))}
    layouts = image_layouts(model.model, model.processor, inputs, images)
    views = [[(*box, x.image, places[token]) for token, box in zip(x.tokens, x.boxes, strict=True)] for x in layouts]
    boxes = [box for view in views for box in view]
    plain = features(model, images)
    assert len(plain) == len(places)
    assert len({box[5] for box in boxes}) == len(boxes)
    last = len(images) - 1
    own = [box for box in boxes if box[4] == last and box[0] < box[2] and box[1] < box[3]]
    for left, top, right, bottom, *_ in own[len(own) // 9 :: max(1, len(own) // 5)]:
        x, y = (left + right) / 2, (top + bottom) / 2
        painted = images[-1].copy()
        ImageDraw.Draw(painted).rectangle((x - 3, y - 3, x + 3, y + 3), fill="red")
        change = (features(model, [*images[:-1], painted]) - plain).norm(dim=1)
        shows = [row for *box, image, row in boxes if image == last and _near(box, x, y, 0)]
        far = [row for *box, image, row in boxes if image != last or not _near(box, x, y, reach)]
        assert change[shows].min() > 5 * change[far].max()
        for rows in ([box[5] for box in view] for view in views):
            assert not set(rows) & set(shows) or rows[int(change[rows].argmax())] in shows
    return boxes


def _near(box: list[float], x: float, y: float, margin: float) -> bool:
    return box[0] - margin < x < box[2] + margin and box[1] - margin < y < box[3] + margin


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("family", SEVERAL)
def test_a_painted_spot_changes_only_the_tokens_that_show_it(checkpoint, family, size):
    model = without_mixing(load(str(checkpoint(family))))
    check(model, [Image.new("RGB", (120, 120), "grey"), Image.new("RGB", size, "grey")], REACH.get(family, 9))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("family", ONE)
def test_a_painted_spot_on_the_only_picture(checkpoint, family, size):
    model = without_mixing(load(str(checkpoint(family))))
    check(model, [Image.new("RGB", size, "grey")], REACH.get(family, 9))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_crops_of_a_long_picture(checkpoint, size):
    model = without_mixing(load(str(checkpoint("gemma3"))))
    model.processor.images_kwargs = {
        **model.processor.images_kwargs,
        **{"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 16},
    }
    boxes = check(model, [Image.new("RGB", (120, 120), "grey"), Image.new("RGB", size, "grey")])
    crops = 0 if size == SIZES["square"] else 2  # only a long picture is cut
    assert len(boxes) == 16 * (2 + crops)


def test_a_picture_that_is_padded_to_a_square(checkpoint):
    model = without_mixing(load(str(checkpoint("llava_clip"))))
    side = {"height": 48, "width": 48}
    model.processor.image_processor = hf.LlavaImageProcessor(size={"shortest_edge": 48}, crop_size=side, do_pad=True)
    boxes = check(model, [Image.new("RGB", SIZES["wide"], "grey")])
    assert boxes[0][1] == boxes[0][3] == 0  # the first row of tokens lies in the padding
    assert max(box[2] for box in boxes) == 300 and max(box[3] for box in boxes) == 130


def test_rows_of_padding_and_marks_are_no_part_of_a_layout(checkpoint):
    model = load(str(checkpoint("llava_next")))
    images = [Image.new("RGB", (400, 100), "grey")]
    inputs = model.prepare(ask(images))
    overview, tiles = image_layouts(model.model, model.processor, inputs, images)
    assert overview.grid == (6, 6) and tiles.grid[1] == 18  # three tiles of six columns
    assert tiles.grid[0] < 6  # one row of tiles, with padding above and below
    positions = image_positions(model.model, inputs)
    marks = set(positions) - set(overview.tokens) - set(tiles.tokens)
    assert len(marks) == tiles.grid[0]
    assert all(mark - 1 in tiles.tokens for mark in marks)
    assert all(0 <= y0 < y1 <= 100 for _, y0, _, y1 in tiles.boxes)


@pytest.mark.parametrize("family", ["smolvlm", "llava_next", "llava_onevision", "internvl", "gemma3", "qwen3_vl"])
def test_layouts_add_up_whatever_the_shape(checkpoint, family):
    model = load(str(checkpoint(family)))
    for size in [(1, 1), (30, 90), (61, 60), (333, 87), (640, 479), (1200, 25), (9, 500)]:
        images = [Image.new("RGB", size)]
        try:
            inputs = model.prepare(ask(images))
        except CannotRead as error:  # Qwen-VL and SmolVLM refuse extremes
            assert min(size) < 30, error
            continue
        layouts = image_layouts(model.model, model.processor, inputs, images)
        assert max(box[2] for x in layouts for box in x.boxes) == pytest.approx(size[0], rel=0.05)
        assert max(box[3] for x in layouts for box in x.boxes) == pytest.approx(size[1], rel=0.05)


def test_a_family_that_nobody_knows_answers_without_maps(checkpoint, picture):
    model = load(str(checkpoint("vip_llava")))
    assert len(model.generate(ask([picture]), max_new_tokens=3).pieces) == 3
    assert model.attention_reason == "How models of the type vipllava lay out a picture is not known here."
    with pytest.raises(NoLayout, match="vipllava"):
        image_layouts(model.model, model.processor, model.prepare(ask([picture])), [picture])


def test_what_a_tile_cannot_see_is_in_no_box(checkpoint):
    """LLaVA-OneVision's SigLIP reads 48 of a tile's 50 pixels: the rest of every tile is nowhere."""
    model = load(str(checkpoint("llava_onevision")))
    images = [Image.new("RGB", (100, 50), "grey")]
    inputs = model.prepare(ask(images))
    overview, tiles = image_layouts(model.model, model.processor, inputs, images)
    assert tiles.grid == (6, 12)
    assert max(box[2] for box in overview.boxes) == pytest.approx(96)
    across = [box[::2] for box in tiles.boxes[:12]]
    assert across[5] == pytest.approx((40, 48)) and across[6] == pytest.approx((50, 58))


def test_where_blip_looks_is_counted_in_its_vision_tower(checkpoint, picture):
    model = load(str(checkpoint("blip")))
    (layout,) = image_layouts(model.model, model.processor, model.prepare(ask([picture])), [picture])
    assert layout.sequence == "encoder" and layout.tokens == tuple(range(1, 37))  # 0 is the class token
    prompted = load(str(checkpoint("llava_clip")))
    inputs = prompted.prepare(ask([picture]))
    assert {x.sequence for x in image_layouts(prompted.model, prompted.processor, inputs, [picture])} == {"prompt"}


def test_a_layout_that_is_not_known_is_refused_with_a_reason(checkpoint, picture):
    answers = load(str(checkpoint("blip_vqa")))
    assert "reading of the question" in unknown_layout(answers.model)
    with pytest.raises(NoLayout, match="reading of the question"):
        image_layouts(answers.model, answers.processor, answers.prepare(ask([picture])), [picture])
    other = copy.copy(load(str(checkpoint("llava_clip"))).model)
    other.config = copy.deepcopy(other.config)
    other.config.vision_config.model_type = "pixtral"
    assert "llava" in unknown_layout(other) and "pixtral" in unknown_layout(other)
    other.config.model_type = "molmo2"
    assert "molmo2" in unknown_layout(other)
