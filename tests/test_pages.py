"""What the pages show when something is not as hoped; no browser needed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from playground.drawing import PALETTE
from playground.media import open_picture
from playground.models.chat import ChatModel
from playground.tasks.examples import examples, truth_of
from playground.ui import (
    attention_tab,
    chat_tab,
    picture_input,
    segment_export,
    segment_tab,
    segment_view,
    session,
    snippets,
    troubles,
)
from playground.ui.segment_view import Segmented


def test_attention_is_switched_off_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = ChatModel("blind", None, None, None, attention_reason="Its attention cannot be read.")
    monkeypatch.setattr(attention_tab, "chat_model", lambda name: blind)
    *buttons, note = attention_tab.capability("blind", switches=2)
    assert [button.interactive for button in buttons] == [False, False]
    assert "blind shows no attention maps. Its attention cannot be read." in note


def test_a_message_that_a_model_cannot_read_goes_back_into_the_box() -> None:
    message = {"text": "is there a dog? " * 200, "files": [str(examples()[0].path)]}
    turns, *_ = chat_tab.send(message, ())
    *_, (turns, conversation, box, note) = chat_tab.respond(turns, "moji-vlm")
    assert (turns, conversation) == ((), [])
    assert box.value["text"] == message["text"].strip() and box.submit_btn and not box.stop_btn
    assert "tokens" in note and "trouble" in note


def test_a_message_waits_in_sight_and_a_second_one_waits_in_the_box() -> None:
    message = {"text": "what is this?", "files": [str(examples()[0].path)]}
    turns, shown, box, _ = chat_tab.send(message, ())
    assert [turn["role"] for turn in shown] == ["user", "assistant"] and box.value["text"] == ""
    kept, _, box, note = chat_tab.send({"text": "and this?"}, turns)
    assert "value" not in box and "still being answered" in note
    assert kept == gr.skip()


def test_seventeen_pictures_are_refused_with_the_limit() -> None:
    *_, note = chat_tab.send({"text": "which is best?", "files": [str(examples()[0].path)] * 17}, ())
    assert "up to 16 pictures" in note


def test_only_the_pictures_that_the_model_gets_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = (str(scene.path) for scene in examples()[:2])
    talk = (
        chat_tab.Turn("user", "what is this?", (older,)),
        chat_tab.Turn("assistant", "a dog", footer="Moji"),
        chat_tab.Turn("user", "what is in the picture?", (newer,)),
    )
    opened: list[str] = []
    monkeypatch.setattr(chat_tab, "open_picture", lambda path: opened.append(path) or open_picture(path))
    *_, (turns, _, _, note) = chat_tab.respond(talk, "moji-vlm")
    assert opened == [newer] and turns[-1].footer
    assert "one picture at a time" in note


def test_a_talk_is_continued_for_its_visitor_alone_and_forgotten_when_the_page_is_closed() -> None:
    def asks(question: str, turns: tuple = (), files: tuple = (), visitor: str = "ann") -> tuple:
        turns, *_ = chat_tab.send({"text": question, "files": list(files)}, turns)
        *_, (turns, _, _, _) = chat_tab.respond(turns, "moji-vlm", SimpleNamespace(session_hash=visitor))
        return turns

    picture = (str(examples()[0].path),)
    first = asks("is there a dog?", files=picture)
    second = asks("where is it?", first)
    assert "reused" not in first[-1].footer and "reused" in second[-1].footer
    other = asks("is there a dog?", files=picture, visitor="bob")
    assert "reused" not in other[-1].footer
    session.end(SimpleNamespace(session_hash="ann"))
    again = asks("where is it?", first)
    assert "reused" not in again[-1].footer and again[-1].text == second[-1].text
    session.end(SimpleNamespace(session_hash="ann"))
    session.end(SimpleNamespace(session_hash="bob"))


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
    assert "Colour the picture again" in segment_export.save(None, *LOOK[:3], [], folder=str(tmp_path))[1]


def test_the_legend_has_the_colours_of_the_masks() -> None:
    style = (Path(segment_tab.__file__).parent / "segment_tab.css").read_text()
    shown = re.findall(r"nth-child\(12n\+(\d+)\) \{ --mask: rgb\((\d+), (\d+), (\d+)\)", style)
    assert [tuple(map(int, found)) for found in shown] == [(i + 1, *colour) for i, colour in enumerate(PALETTE)]


def test_settings_of_an_earlier_answer_get_one_sentence() -> None:
    scene = examples()[0]
    kept, *_ = attention_tab.respond(str(scene.path), scene.question, "moji-vlm")
    for word, layer, head in ((99, 0, 0), (-1, 0, 0), (0, 99, 0), (0, 0, 99)):
        unchanged, sentence = attention_tab.redraw(kept, word, layer, head, 0.75, None)
        assert unchanged == gr.skip() and "Ask again" in sentence
    assert "Ask again" in attention_tab.redraw(None, 0, 0, 0, 0.75, None)[1]
    assert "again" in segment_view.draw(None, *LOOK, [])[-1]


def test_a_picture_that_breaks_the_decoder_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(path: str) -> None:
        raise MemoryError

    monkeypatch.setattr(picture_input, "open_picture", exhausted)
    assert "not enough memory" in picture_input.check("huge.png")[1]


def test_the_words_of_strangers_are_escaped() -> None:
    card = snippets.answer_card("<img src=x onerror=alert(1)>", 0.5, (), "")
    assert "<img" not in card and "&lt;img" in card
    shown = chat_tab._view((chat_tab.Turn("user", "<script>"),))
    assert shown[0]["content"] == ["&lt;script&gt;"]
    fetched = chat_tab._view((chat_tab.Turn("assistant", "![x](http://example.com/x.png)"),))
    assert "![" not in fetched[0]["content"][0]


def test_an_unexpected_error_is_one_sentence_without_its_details() -> None:
    sentence = troubles.sentence(RuntimeError("/secret/path exploded"))
    assert "RuntimeError" in sentence and "secret" not in sentence


def test_a_stopped_turn_leaves_a_conversation_that_goes_on() -> None:
    turns, shown, box = chat_tab._stopped((chat_tab.Turn("user", "what is this?"),))
    assert [turn.role for turn in turns] == ["user", "assistant"] and turns[-1].footer == "stopped"
    assert len(shown) == 2 and box.submit_btn and not box.stop_btn
    assert chat_tab._stopped(turns)[0] == turns
    assert chat_tab._stopped(())[0] == ()
