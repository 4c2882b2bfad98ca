"""The Segment tab's clicks, legend, looks and files; no browser needed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
from PIL import Image

from playground.imaging.drawing import PALETTE
from playground.tasks.examples import examples, truth_of
from playground.ui.components import picture_input
from playground.ui.components.shown_copy import UploadPath
from playground.ui.gradio_patches import get_upload_folder
from playground.ui.tabs.segment import actions as segment_tab
from playground.ui.tabs.segment import export as segment_export
from playground.ui.tabs.segment import view as segment_view
from playground.ui.tabs.segment.view import Segmented

LOOK = (0.5, 0.5, segment_view.STYLES[0], segment_view.VIEWS[0])


def coloured(words: str = examples()[0].phrases, kept: Segmented | None = None, look: tuple = LOOK) -> tuple:
    return segment_tab.respond(str(examples()[0].path), words, "moji-clipseg", kept, *look)


def at(x: int, y: int) -> SimpleNamespace:
    """A click as Gradio tells of it."""
    return SimpleNamespace(index=[x, y])


def test_a_moved_threshold_reuses_what_was_kept() -> None:
    kept, before, *_ = coloured()
    moved, _, legend, *_ = segment_view.draw(kept, 0.8, *LOOK[1:], kept.titles)
    again, *_ = segment_view.draw(kept, *LOOK, kept.titles)
    assert again["value"].tobytes() == before["value"].tobytes() != moved["value"].tobytes()
    (first, _), *others = legend["choices"]
    name, figures = first.split("\n")
    pixels = int(figures.split(" px")[0].replace(",", ""))
    assert name == "dog" and len(others) == 2 and figures.endswith(f"{100 * pixels / 192**2:.1f} %")
    assert pixels == kept.regions[0].mask(0.8, (192, 192)).sum() < kept.regions[0].mask(0.5, (192, 192)).sum()


def test_what_is_unticked_is_hidden_and_the_others_keep_their_colour() -> None:
    kept, *_ = coloured(look=(0.5, 1, segment_view.STYLES[1], segment_view.VIEWS[0]))
    row, column = np.argwhere(kept.regions[1].mask(0.9, kept.shown.size))[0]
    for ticked, colour in ((["cat"], PALETTE[1]), (["dog"], kept.shown.getpixel((int(column), int(row))))):
        overlay, *_ = segment_view.draw(kept, 0.5, 1, segment_view.STYLES[1], segment_view.VIEWS[0], ticked)
        assert overlay["value"].getpixel((int(column), int(row))) == colour
    overlay, slider, *_ = segment_view.draw(kept, *LOOK[:3], segment_view.VIEWS[1], kept.titles)
    assert not overlay["visible"] and slider["visible"]
    cut, *_ = segment_view.draw(kept, *LOOK[:3], segment_view.VIEWS[2], ["cat"])
    assert cut["value"].getpixel((int(column), int(row)))[3] == 255 and cut["value"].getpixel((0, 0))[3] == 0


def test_clicks_add_regions_that_stay_when_words_change_and_go_when_they_are_forgotten() -> None:
    path = str(examples()[0].path)
    fresh, *_ = segment_tab.at_field(None, path, "A new thing", "dog", "moji-clipseg", *LOOK, [], at(85, 120))
    assert fresh.titles == ("dog, clicked",)
    place = at(*(round(share * side) for share, side in zip((0.84, 0.78), fresh.shown.size, strict=True)))
    two, *_ = segment_tab.at_overlay(fresh, "A new thing", "dog", "moji-clipseg", *LOOK, fresh.titles, place)
    assert two.titles == ("dog, clicked", "dog, clicked 2")
    assert not (two.regions[0].mask() & two.regions[1].mask()).any()
    named, *_ = coloured("cat", two)
    assert named.titles == ("cat", "dog, clicked", "dog, clicked 2")
    alone, _, _, legend, *_ = segment_tab.without_clicks(named, *LOOK, named.titles)
    assert alone.titles == ("cat",) and legend["value"] == ["cat"]


def test_clicks_that_cannot_mean_anything_get_one_sentence() -> None:
    path, other = str(examples()[0].path), str(examples()[1].path)
    kept, *_ = coloured()
    for meaning, where, says in (
        ("More of it", at(85, 120), "Nothing was clicked yet"),
        ("A new thing", at(1, 1), "Nothing is found at this place"),
        ("A new thing", at(192, 1), "beside the picture"),
    ):
        *same, note = segment_tab.at_field(kept, path, meaning, "dog", "moji-clipseg", *LOOK, ["dog"], where)
        assert says in note and all(value == gr.skip() for value in same)
    assert "no picture" in segment_tab.at_field(None, None, "A new thing", "", "moji-clipseg", *LOOK, [], at(1, 1))[-1]
    assert "kept for an hour" in segment_tab.at_overlay(None, "A new thing", "", "", *LOOK, [], at(1, 1))[-1]
    bus = np.argwhere(truth_of(Image.open(other)).mask("bus")).mean(0)[::-1]
    moved, *_ = segment_tab.at_field(kept, other, "A new thing", "bus", "moji-clipseg", *LOOK, ["dog"], at(*bus))
    assert moved.titles == ("bus, clicked",)  # what was kept of the other picture is gone


def test_a_model_that_takes_only_clicks_has_the_words_switched_off(checkpoint) -> None:
    name = str(checkpoint("sam2"))
    run, words = segment_tab.able(name)
    assert not run.interactive and "reads no words" in words.info
    kept, *_ = segment_tab.at_field(
        None, str(examples()[0].path), "A new thing", "", name, *LOOK, [], at(85, 120)
    )  # fmt: skip
    less, *_ = segment_tab.at_field(
        kept, str(examples()[0].path), "Not this", "", name, *LOOK, kept.titles, at(20, 20)
    )  # fmt: skip
    assert less.titles == ("thing 1, clicked",) and less.regions[0].outside
    assert segment_tab.able("moji-clipseg")[0].interactive


def test_files_hold_what_is_ticked_at_the_size_of_the_picture(tmp_path: Path) -> None:
    kept, *_ = coloured()
    files, note = segment_export.save(kept, *LOOK[:3], ["cat", "ball"], folder=str(tmp_path))
    written = {Path(path).name: Path(path) for path in files["value"]}
    listed = json.loads(written["masks.coco.json"].read_text())
    assert [category["name"] for category in listed["categories"]] == ["cat", "ball"] and not note
    assert listed["annotations"][0]["area"] == kept.regions[1].mask(0.5, (192, 192)).sum()
    assert Image.open(written["overlay.png"]).size == (192, 192)
    assert "Nothing is ticked" in segment_export.save(kept, *LOOK[:3], [], folder=str(tmp_path))[1]
    assert "Segment the picture again" in segment_export.save(None, *LOOK[:3], [], folder=str(tmp_path))[1]


def test_files_have_the_size_and_the_name_of_the_upload(tmp_path: Path) -> None:
    exif, path = Image.Exif(), Path(get_upload_folder(), "test-upload", "Oma 1.jpg")
    exif[0x0112] = 6
    path.parent.mkdir(parents=True, exist_ok=True)
    lying = Image.open(examples()[0].path).convert("RGB").resize((4000, 3000)).transpose(Image.Transpose.ROTATE_90)
    lying.save(path, exif=exif, quality=90)
    shown, note = picture_input.check(UploadPath.named(str(path), "Oma (1).jpg"))
    assert "scaled down from 4,000 × 3,000" in note and Image.open(shown).size == (2048, 1536)
    assert Path(shown).name.startswith("Oma") and Image.open(shown).format == "PNG"
    kept, *_ = segment_tab.respond(shown, "dog", "moji-clipseg", None, *LOOK)
    files, said = segment_export.save(kept, *LOOK[:3], ["dog"], folder=str(tmp_path))
    written = {Path(file).name: Path(file) for file in files["value"]}
    listed = json.loads(written["masks.coco.json"].read_text())["images"][0]
    assert (listed["file_name"], listed["width"], listed["height"]) == ("Oma (1).jpg", 4000, 3000)
    assert {Image.open(written[f"{name}.png"]).size for name in ("overlay", "cutout", "labels")} == {(4000, 3000)}
    assert not said
    path.unlink()  # once it is gone, what is shown of it still gives files
    assert segment_export.save(kept, *LOOK[:3], ["dog"], folder=str(tmp_path))[0]["visible"]


def test_the_legend_has_the_colours_of_the_masks() -> None:
    style = (Path(segment_tab.__file__).parent / "segment.css").read_text()
    shown = re.findall(r"nth-child\(12n\+(\d+)\) \{ --mask: rgb\((\d+), (\d+), (\d+)\)", style)
    assert [tuple(map(int, found)) for found in shown] == [(i + 1, *colour) for i, colour in enumerate(PALETTE)]


def test_a_place_by_sliders_is_a_click_at_that_place() -> None:
    path = str(examples()[0].path)
    width, height = Image.open(path).size
    clicked, *_ = segment_tab.at_field(
        None, path, "A new thing", "dog", "moji-clipseg", *LOOK, [], at(round(0.46 * width), round(0.62 * height))
    )
    told, *_ = segment_tab.at_place(None, path, 46, 62, "A new thing", "dog", "moji-clipseg", *LOOK, [])
    assert told.titles == clicked.titles == ("dog, clicked",)
    assert np.abs(np.subtract(told.regions[0].points, clicked.regions[0].points)).max() < 0.01
    kept, *_ = coloured("cat")
    more, _, _, legend, _, _ = segment_tab.at_place(
        kept, path, 46, 62, "A new thing", "dog", "moji-clipseg", *LOOK, ["cat"]
    )
    assert more.titles == ("cat", "dog, clicked") and legend["value"] == ["cat", "dog, clicked"]
    for corner in (0, 100, None):
        *_, note = segment_tab.at_place(None, path, corner, corner, "A new thing", "dog", "moji-clipseg", *LOOK, [])
        assert "Nothing is found at this place" in note
    assert "no picture yet" in segment_tab.at_place(None, None, 5, 5, "A new thing", "", "x", *LOOK, [])[-1]
