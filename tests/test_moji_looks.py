"""How training draws the world: other styles, other light, other frames. What a scene says of itself stays true."""

import numpy as np
import pytest
import torch

from playground.moji.looks import changed
from playground.moji.scenes import PLAIN, WIDE, Variety, make_scene
from playground.moji.sprites import DRAWN, SPRITES, shade, sprite, style_of
from playground.moji.world import ALL_COLOURS, ALL_SHAPES, ALL_STYLES, EMOJI_NOUNS, MORE_STYLES, all_names
from playground.training import augment
from playground.training.drawing import batches
from playground.training.scene_tensors import NAME_INDEX, pixel_values, training_pixels, training_scene


def wide_scenes(count=40):
    return [training_scene(np.random.default_rng(index)) for index in range(count)]


@pytest.mark.parametrize("style", MORE_STYLES)
def test_each_style_draws_most_nouns_and_another_stands_in_for_the_rest(style):
    drawn = [word for word in EMOJI_NOUNS if (SPRITES / style / f"{word}.png").exists()]
    assert len(drawn) > 0.6 * len(EMOJI_NOUNS)
    for word in EMOJI_NOUNS:
        assert (style_of(style, word) == style) == (word in drawn)
        assert sprite(word, style, "", 40)[..., 3].max() > 245


def test_a_noun_that_nobody_draws_is_told():
    with pytest.raises(FileNotFoundError, match="unicorn"):
        style_of("noto", "unicorn")


def test_shapes_are_drawn_in_every_way_and_shade_in_their_own_colour():
    for shape in ALL_SHAPES:
        for drawn in DRAWN:
            for number in range(4):
                pixels = sprite(shape, drawn, "teal", 60, shaded=number)
                seen = pixels[..., :3][pixels[..., 3] > 200].astype(int)
                right = (np.abs(seen - shade("teal", number)) <= 12).all(-1)
                assert max(pixels.shape) == 60 and right.mean() > (0.3 if drawn == "rimmed" else 0.7)
    assert len(all_names()) == len(set(all_names())) and set(all_names()) <= set(NAME_INDEX)


def test_a_change_keeps_a_named_colour_and_the_room_there_is():
    red = sprite("square", "", "red", 50)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        after = changed(rng, red, 1.0, colours=False, lines=False, most=60)
        middle = after[after.shape[0] // 2, after.shape[1] // 2]
        assert max(after.shape[:2]) <= 60 and np.abs(middle[:3].astype(int) - red[25, 25, :3]).max() <= 2


def test_boxes_and_masks_of_changed_scenes_still_fit():
    for scene in wide_scenes():
        assert scene.things and scene.labels.max() == len(scene.things)
        for index, thing in enumerate(scene.things):
            rows, columns = np.nonzero(scene.mask(index))
            left, top, right, bottom = thing.box
            assert 0 <= left < right <= 192 and 0 <= top < bottom <= 192
            assert columns.min() >= left - 1 and columns.max() < right + 1
            assert rows.min() >= top - 1 and rows.max() < bottom + 1


def test_light_leaves_named_colours_their_hue_and_the_strength_of_nothing_changes_nothing():
    scenes = [
        make_scene(np.random.default_rng(0), 1, names=[("circle", "red", "")]),
        make_scene(np.random.default_rng(1)),
    ]
    pixels = (pixel_values(scenes) + 1) / 2
    named = augment.named_colours(scenes)
    assert named[0].any() and torch.equal(augment.relit(pixels, named, np.random.default_rng(0), 0.0), pixels)
    changes = 0
    for seed in range(40):
        after = augment.relit(pixels, named, np.random.default_rng(seed))
        assert after.min() >= 0 and after.max() <= 1
        red, green, blue = after[0].permute(1, 2, 0)[named[0, 0]].mean(0)
        assert red > green + 0.1 and red > blue + 0.1
        changes += not torch.equal(after, pixels)
    assert changes > 30


@pytest.mark.parametrize(
    ("name", "still"), [("brightness", 1), ("contrast", 1), ("saturation", 1), ("hue", 0), ("gamma", 1)]
)
def test_each_change_of_light_has_a_strength_that_changes_nothing_and_one_a_picture(name, still):
    pixels = torch.rand(3, 3, 16, 16)
    change = augment.LIGHT[name]
    assert torch.allclose(change(pixels, float(still)), pixels, atol=1e-4)
    mixed = change(pixels, torch.tensor([still, still + 0.5, still]))
    assert torch.allclose(mixed[0], pixels[0], atol=1e-4) and not torch.allclose(mixed[1], pixels[1], atol=1e-3)


def test_frame_changes_move_the_truth_along():
    scene = make_scene(np.random.default_rng(4), 3)
    framed = augment.bordered(scene, 32, (0, 0, 0))
    assert (framed.pixels[:32] == 0).all() and (framed.labels[:32] == 0).all()
    for before, after in zip(scene.things, framed.things, strict=True):
        assert after.box == pytest.approx([32 + edge * 128 / 192 for edge in before.box], abs=1)
    left, top, right, bottom = scene.things[0].box
    assert augment.cut_out(scene, scene.things[0].box, (0, 0, 0)) is scene  # it would hide the thing
    part = augment.cut_out(scene, (left, top, left + 4, top + 4), (9, 9, 9))
    assert (part.pixels[top : top + 4, left : left + 4] == 9).all() and not part.labels[
        top : top + 4, left : left + 4
    ].any()


def test_a_style_can_be_left_out():
    styles = tuple(style for style in ALL_STYLES if style != "noto-v1")
    scenes = [training_scene(np.random.default_rng(index), styles=styles) for index in range(30)]
    assert "noto-v1" not in {thing.style for scene in scenes for thing in scene.things}
    assert Variety() == PLAIN and set(WIDE.styles) == set(ALL_STYLES) and set(ALL_COLOURS) >= {"gray", "white"}


def drawn_by(workers, first=0):
    def make_batch(rng, size, fraction):
        scenes = [training_scene(rng) for _ in range(size)]
        return {"pixels": training_pixels(scenes, rng), "fraction": torch.tensor(fraction)}

    ordered = batches(make_batch, 2, 7, 0, first, lambda step: step / 10, workers)
    return [next(ordered) for _ in range(4 - first)]


def test_scenes_do_not_depend_on_how_many_workers_draw_nor_on_where_a_run_began():
    alone, one, two, later = drawn_by(0), drawn_by(1), drawn_by(2), drawn_by(2, first=2)
    for others in (one, two, [*alone[:2], *later]):
        for batch, other in zip(alone, others, strict=True):
            assert torch.equal(batch["pixels"], other["pixels"]) and batch["fraction"] == other["fraction"]
    assert not torch.equal(alone[0]["pixels"], alone[1]["pixels"])
