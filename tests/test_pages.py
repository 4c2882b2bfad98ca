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
from playground.models.messages import Candidate, Likelihood, Statistics
from playground.tasks import TaskError
from playground.tasks.answer import Answered
from playground.tasks.choose import Choice, Chosen
from playground.tasks.examples import examples
from playground.tasks.table import Cell
from playground.ui import (
    answer_html,
    attention_actions,
    attention_tab,
    chat_camera,
    chat_files,
    chat_kept,
    chat_settings,
    chat_talk,
    chat_why,
    picture_input,
    segment_export,
    segment_tab,
    segment_view,
    session,
    troubles,
)
from playground.ui.attention_view import CONTROLS
from playground.ui.chat_talk import Talk
from playground.ui.chat_view import view
from playground.ui.segment_view import Segmented
from playground.ui.turn import Turn, Why


def test_attention_is_switched_off_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = ChatModel("blind", None, None, None, attention_reason="Its attention cannot be read.")
    monkeypatch.setattr(attention_tab, "chat_model", lambda name: blind)
    *buttons, note = attention_tab.capability("blind", switches=2)
    assert [button.interactive for button in buttons] == [False, False]
    assert "blind shows no attention maps. Its attention cannot be read." in note


def said(text: str, *files: str) -> dict:
    """A message as the box holds it."""
    return {"text": text, "files": list(files)}


def asked(text: str, *files: str, talk: Talk = Talk(), visitor: str = "ann", name: str = "moji-vlm", **wish) -> Talk:  # noqa: B008
    """The talk after one more question and its answer."""
    talk, *_ = chat_talk.send(said(text, *files), talk)
    *_, (talk, *_) = chat_talk.respond(talk, name, **wish, request=SimpleNamespace(session_hash=visitor))
    return talk


def held(box: gr.MultimodalTextbox) -> tuple[str, list[str]]:
    """The words in a box, and the names of its pictures, which Gradio has copied."""
    return box.value["text"], [Path(file["path"]).name for file in box.value["files"]]


PICTURE = str(examples()[0].path)
NAME = examples()[0].path.name


def test_a_message_that_a_model_cannot_read_goes_back_into_the_box_before_what_was_typed_meanwhile() -> None:
    talk, *_ = chat_talk.send(said("is there a dog? " * 200, PICTURE), Talk())
    *_, (talk, conversation, box, note, _) = chat_talk.respond(talk, "moji-vlm")
    assert (talk.turns, conversation) == ((), []) and box.submit_btn and not box.stop_btn
    assert "tokens" in note and "trouble" in note
    after, box = chat_talk.give_back(said("and then?"), talk)
    assert held(box) == (("is there a dog? " * 200).strip() + "\nand then?", [NAME])
    assert chat_talk.give_back(said("x"), after) == (gr.skip(), gr.skip())


def test_a_message_waits_in_sight_and_a_second_one_waits_in_the_box() -> None:
    talk, shown, box, *_ = chat_talk.send(said("what is this?", PICTURE), Talk())
    assert [turn["role"] for turn in shown] == ["user", "assistant"] and box.value["text"] == ""
    for step in (
        chat_talk.send(said("and this?"), talk),
        chat_talk.regenerate(talk, 0),
        chat_talk.undo(said(""), talk),
        chat_talk.change(said(""), talk, 0),
    ):
        kept, _, box, note, _ = step
        assert kept == box == gr.skip() and "still being answered" in note


def test_seventeen_pictures_are_refused_with_the_limit() -> None:
    *_, note, _ = chat_talk.send(said("which is best?", *[PICTURE] * 17), Talk())
    assert "up to 16 pictures" in note


def test_only_the_pictures_that_the_model_gets_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = (str(scene.path) for scene in examples()[:2])
    turns = (
        Turn("user", "what is this?", (older,)),
        Turn("assistant", "a dog", footer="Moji"),
        Turn("user", "what is in the picture?", (newer,)),
    )
    opened: list[str] = []
    monkeypatch.setattr(chat_talk, "open_picture", lambda path: opened.append(path) or open_picture(path))
    *_, (talk, _, _, note, _) = chat_talk.respond(Talk(turns), "moji-vlm")
    assert opened == [newer] and talk.turns[-1].footer
    assert "one picture at a time" in note


def test_a_talk_is_continued_for_its_visitor_alone_and_forgotten_when_the_page_is_closed() -> None:
    first = asked("is there a dog?", PICTURE)
    second = asked("where is it?", talk=first)
    assert "reused" not in first.turns[-1].footer and "reused" in second.turns[-1].footer
    other = asked("is there a dog?", PICTURE, visitor="bob")
    assert "reused" not in other.turns[-1].footer
    session.end(SimpleNamespace(session_hash="ann"))
    again = asked("where is it?", talk=first)
    assert "reused" not in again.turns[-1].footer and again.turns[-1].text == second.turns[-1].text
    session.end(SimpleNamespace(session_hash="ann"))
    session.end(SimpleNamespace(session_hash="bob"))


LOOK = (0.5, 0.5, segment_view.STYLES[0], segment_view.VIEWS[0])


def coloured(words: str = examples()[0].phrases, kept: Segmented | None = None, look: tuple = LOOK) -> tuple:
    return segment_tab.respond(str(examples()[0].path), words, "moji-clipseg", kept, *look)


def at(x: int, y: int) -> SimpleNamespace:
    """A click as Gradio tells of it."""
    return SimpleNamespace(index=[x, y])


def test_another_model_goes_on_with_the_talk_and_each_answers_as_if_it_had_read_it_alone() -> None:
    first = asked("is there a dog?", PICTURE)
    mixed = asked("how many dogs?", talk=asked("where is it?", talk=first, name="moji-blip"))
    alone = asked("how many dogs?", talk=Talk(mixed.turns[:4]), visitor="cold")
    assert [turn.model for turn in mixed.turns[1::2]] == ["moji-vlm", "moji-blip", "moji-vlm"]
    assert mixed.turns[-1].text == alone.turns[-1].text and mixed.turns[-1].text
    pictures = Talk((*first.turns, Turn("user", "and this?", (str(examples()[1].path),)), first.turns[1]))
    note = chat_settings.switched(pictures, "answer in one word", "moji-blip")
    assert "one picture at a time" in note and "system prompt" in note
    assert chat_settings.switched(Talk(), "", "moji-blip") == gr.skip()
    for visitor in ("ann", "cold"):
        session.end(SimpleNamespace(session_hash=visitor))


def test_a_changed_question_drops_what_came_after_it_and_what_was_typed_comes_back() -> None:
    talk = asked("where is it?", talk=asked("is there a dog?", PICTURE))
    talk, _, box, _, banner = chat_talk.change(said("a draft"), talk, 0)
    assert held(box) == ("is there a dog?", [NAME]) and banner.visible
    left, _, box, _, banner = chat_talk.leave_unchanged(talk)
    assert len(left.turns) == 4 and held(box) == ("a draft", []) and not banner.visible
    sent, _, box, *_ = chat_talk.send(said("is there a cat?", PICTURE), talk)
    assert [turn.text for turn in sent.turns] == ["is there a cat?"] and held(box) == ("a draft", [])
    long, *_ = chat_talk.send(said("is there a dog? " * 200, PICTURE), talk)
    *_, (failed, _, _, note, banner) = chat_talk.respond(long, "moji-vlm")
    assert failed.turns == talk.turns and failed.changing == 0 and banner.visible and "tokens" in note
    assert chat_talk.give_back(said("a draft"), failed)[1].value["text"].startswith("is there a dog?")
    for text, files in (("", ()), ("why " * 1_100, (PICTURE,)), ("x", (PICTURE,) * 17), ("x", (__file__,))):
        kept, _, box, note, _ = chat_talk.send(said(text, *files), talk)
        assert kept == box == gr.skip() and "trouble" in note


def test_an_answer_is_written_anew_or_taken_back() -> None:
    first = asked("is there a dog?", PICTURE)
    waiting, shown, _, note, _ = chat_talk.regenerate(first, 0)
    assert shown[-1]["content"] == ["…"] and "raise it" in note
    *_, (again, *_) = chat_talk.respond(waiting, "moji-vlm", length=1)
    assert len(again.turns) == 2 and "1 new token" in again.turns[-1].footer
    *_, (failed, _, _, note, _) = chat_talk.respond(waiting, "no-such-model")
    assert failed == first and "trouble" in note  # the old answer is still there
    empty, _, box, *_ = chat_talk.undo(said(""), first)
    assert empty.turns == () and held(box) == ("is there a dog?", [NAME])
    assert chat_talk.undo(said("typed"), first)[2] == gr.skip()
    assert chat_talk.undo(said(""), Talk())[0] == gr.skip()


def test_why_is_asked_of_the_model_that_answered_or_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = asked("where is it?", talk=asked("is there a dog?", PICTURE))
    why = chat_why.asked_why(talk.turns, 3, "", "moji-blip")
    assert (why.turns, why.answer, why.model) == (talk.turns[:3], talk.turns[3].text, "moji-vlm")
    with pytest.raises(TaskError, match="not on this machine"):
        chat_why.asked_why((Turn("user", "x"), Turn("assistant", "y", (), "f", "owner/unknown")), 1, "", "moji-vlm")
    blind = ChatModel("blind", None, None, None, attention_reason="Its attention cannot be read.")
    monkeypatch.setattr(chat_why, "chat_model", lambda name: blind)
    pressed = SimpleNamespace(index=3, liked="Why?")
    *_, note, _, opened = chat_why.react(said(""), talk, "", "moji-vlm", pressed)
    assert "Its attention cannot be read." in note and opened == gr.skip()


def test_what_the_chosen_model_cannot_do_is_off_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    system, chatbot, reason = chat_settings.capability("moji-vlm")
    assert not system.interactive and "Moji takes none" in system.info
    assert chatbot.feedback_options == ["Edit", "Why?"] and reason == ""
    blind = SimpleNamespace(attention_reason="It runs on a server.")
    monkeypatch.setattr(chat_settings, "chat_model", lambda name: blind)
    system, chatbot, reason = chat_settings.capability("far")
    assert system.interactive and chatbot.feedback_options == ["Edit"] and "It runs on a server." in reason


def test_a_browser_gives_a_talk_back_and_no_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    upload, secret = tmp_path / "uploads" / "a.png", tmp_path / "secret.png"
    upload.parent.mkdir()
    for file in (upload, secret):
        file.write_bytes(Path(PICTURE).read_bytes())
    (tmp_path / "uploads" / "link.png").symlink_to(secret)
    talk = Talk((Turn("user", "what?", (PICTURE, str(upload))), Turn("assistant", "two", (), "Moji", "moji-vlm")))
    stored = json.loads(json.dumps(chat_kept.kept(talk, "be brief", 0.5, 64)))
    assert str(Path(PICTURE).parent) not in json.dumps(stored)
    back, shown, note, *settings = chat_kept.restored(stored)
    assert back == talk and len(shown) == 2 and note == "" and settings == ["be brief", 0.5, 64]
    forged = [str(secret), str(upload.parent / ".." / "secret.png"), str(upload.parent / "link.png"), "/etc/passwd"]
    stored["turns"][0]["images"] = [*forged, "example:../../app.py", "a\0b", str(upload.parent), str(upload)]
    back, _, note, *_ = chat_kept.restored(stored)
    assert back.turns[0].images == (str(upload),) and "no longer kept" in note
    waiting = {"turns": stored["turns"][:1]}
    assert chat_kept.restored(waiting)[0].turns[-1] == Turn("assistant", "", footer="stopped")
    for broken in (None, 3, {}, {"turns": [3]}, {"turns": [{"role": "assistant", "images": []}]}, {"length": 1e9}):
        assert chat_kept.restored(broken) == (gr.skip(),) * 6


def test_a_talk_goes_into_a_file_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    talk = Talk((Turn("user", "what?", (PICTURE,)), Turn("assistant", "two", (), "Moji", "moji-vlm")))
    file, note = chat_files.save_json(talk, "be brief", 0.0, 64, "moji-vlm")
    back, shown, _, _, _, system = chat_files.open_talk(file, Talk())
    assert [turn.text for turn in back.turns] == ["what?", "two"] and len(shown) == 2 and system == "be brief"
    assert open_picture(back.turns[0].images[0]).image.tobytes() == open_picture(PICTURE).image.tobytes()
    gone = Talk((Turn("user", "what?", ("gone.png",)), talk.turns[1]))
    file, note = chat_files.save_markdown(gone, "")
    assert file and "no longer kept" in note
    assert chat_files.save_markdown(Talk(), "")[0] is None
    (tmp_path / "half.json").write_text('[{"role": "user", "content": "and?"}]')
    _, _, box, *_ = chat_files.open_talk(str(tmp_path / "half.json"), talk)
    assert box.value["text"] == "and?"
    (tmp_path / "twice.json").write_text('[{"role": "assistant", "content": "hello"}]')
    kept, _, _, note, *_ = chat_files.open_talk(str(tmp_path / "twice.json"), talk)
    assert kept == gr.skip() and "by turns" in note


def test_what_the_camera_took_goes_beside_what_the_message_holds() -> None:
    camera, box, _ = chat_camera.add_capture(str(examples()[1].path), said("what is this?", PICTURE))
    assert camera is None and held(box) == ("what is this?", [NAME, examples()[1].path.name])


def test_a_moved_threshold_reuses_what_was_kept() -> None:
    kept, before, *_ = coloured()
    moved, _, legend, *_ = segment_view.draw(kept, 0.8, *LOOK[1:], kept.titles)
    again, _, earlier, *_ = segment_view.draw(kept, *LOOK, kept.titles)
    assert again.value.tobytes() == before.value.tobytes() != moved.value.tobytes()
    (first, _), *others = legend.choices
    name, figures = first.split("\n")
    pixels = int(figures.split(" px")[0].replace(",", ""))
    assert name == "dog" and len(others) == 2 and figures.endswith(f"{100 * pixels / 192**2:.1f} %")
    assert pixels == kept.regions[0].mask(0.8, (192, 192)).sum() < kept.regions[0].mask(0.5, (192, 192)).sum()


def test_what_is_unticked_is_hidden_and_the_others_keep_their_colour() -> None:
    kept, *_ = coloured(look=(0.5, 1, segment_view.STYLES[1], segment_view.VIEWS[0]))
    row, column = np.argwhere(kept.regions[1].mask(0.9, kept.shown.size))[0]
    for ticked, colour in ((["cat"], PALETTE[1]), (["dog"], kept.shown.getpixel((int(column), int(row))))):
        overlay, *_ = segment_view.draw(kept, 0.5, 1, segment_view.STYLES[1], segment_view.VIEWS[0], ticked)
        assert overlay.value.getpixel((int(column), int(row))) == colour
    overlay, slider, *_ = segment_view.draw(kept, *LOOK[:3], segment_view.VIEWS[1], kept.titles)
    assert not overlay.visible and slider.visible
    cut, *_ = segment_view.draw(kept, *LOOK[:3], segment_view.VIEWS[2], ["cat"])
    assert cut.value.getpixel((int(column), int(row)))[3] == 255 and cut.value.getpixel((0, 0))[3] == 0


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
    assert alone.titles == ("cat",) and legend.value == ["cat"]


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
    moved, *_ = segment_tab.at_field(kept, other, "A new thing", "bus", "moji-clipseg", *LOOK, ["dog"], at(150, 60))
    assert moved is kept or "dog" not in getattr(moved, "titles", ())


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
    written = {Path(path).name: Path(path) for path in files.value}
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


def asked(question: str, name: str = "moji-vlm") -> dict:
    """What the Attention tab shows at the end of an answer about the first scene, by the names of its parts."""
    parts: dict = {}
    for step in attention_actions.ask(str(examples()[0].path), question, name):
        parts |= step
    return parts


def set_to(parts: dict, **changed: object) -> list:
    """The settings as the browser would send them after an answer, but for what is changed."""
    values = {name: getattr(parts.get(name), "value", parts.get(name)) for name in CONTROLS} | {"opacity": 0.75}
    return list((values | changed).values())


def test_the_words_of_an_answer_say_how_far_they_lean_and_the_believed_map_comes_first() -> None:
    parts = asked("what is in the picture?")
    kept = parts["kept"]
    little = {
        word.text for word in kept.trace.words if f"map of “{word.text}” means little" in verdict(parts, word.text)
    }
    assert {"a", "and", ".", ","} <= little and not {"ball", "dogs", "cat"} & little
    assert parts["method"].value == "patches" and "lay on the true ball" in parts["verdict"]
    assert not parts["layer"].interactive and "hit" in parts["score"] and "random" in parts["score"]
    assert "98" in parts["sure"] and "balls" in parts["sure"]  # the likeliest word, and what came next


def verdict(parts: dict, text: str) -> str:
    word = [word.text for word in parts["kept"].trace.words].index(text)
    return attention_actions.another_word(parts["kept"], *set_to(parts, word=word, method="attention"))["verdict"]


def test_a_map_that_runs_the_model_is_drawn_once_and_then_at_hand() -> None:
    parts = asked("what is in the picture?")
    kept, values = parts["kept"], set_to(parts, word=4)
    first = attention_actions.another_word(kept, *values)
    assert "heat" not in first and "runs the model again" in first["verdict"]
    values = set_to(parts, word=4, against=first["against"])
    drawn = attention_actions.run_wanted(kept, first["wanted"], *values)
    again = attention_actions.another_word(kept, *values)
    assert again["heat"].tobytes() == drawn["heat"].tobytes() and "wanted" not in again


def test_settings_of_an_earlier_answer_get_one_sentence() -> None:
    parts = asked(examples()[0].question)
    for wrong in ({"word": 99}, {"word": -1}, {"layer": 99}, {"head": 99}, {"which": 1}, {"method": "magic"}):
        shown = attention_actions.another_map(parts["kept"], *set_to(parts, **{"method": "attention"} | wrong))
        assert "heat" not in shown and "Ask again" in shown["verdict"]
    assert "Ask again" in attention_actions.redraw(None, *set_to(parts))["verdict"]
    assert "again" in segment_view.draw(None, *LOOK, [])[-1]


def test_why_shows_the_very_answer_that_was_given() -> None:
    turn = Turn("user", "how many dogs are there?", (str(examples()[0].path),))
    *_, parts = attention_actions.look_into(Why((turn,), "three", "moji-vlm"))
    assert [word.text for word in parts["kept"].trace.words] == ["three"]
    assert "two" in parts["sure"]  # what it would rather have said
    *_, parts = attention_actions.look_into(Why((turn,), "", "moji-vlm"))
    assert "cannot be spelled" in parts["note"]


def test_a_saved_trace_is_looked_at_without_its_model(tmp_path: Path) -> None:
    parts = asked("what is in the picture?")
    file = attention_actions.save_file(parts["kept"])["saved"].value["path"]
    *_, opened = attention_actions.open_file(file)
    assert [name for _, name in opened["method"].choices] == ["attention", "sinks"]
    assert "moji-vlm" in opened["note"] and not opened["check"].visible
    before, after = (
        attention_actions.another_map(each["kept"], *set_to(each, method="attention", layer=2))
        for each in (parts, opened)
    )
    assert before["heat"].tobytes() == after["heat"].tobytes()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no trace")
    *_, refused = attention_actions.open_file(str(broken))
    assert "broken.safetensors is no trace" in refused["note"]


def test_a_picture_that_breaks_the_decoder_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(path: str) -> None:
        raise MemoryError

    monkeypatch.setattr(picture_input, "open_picture", exhausted)
    assert "not enough memory" in picture_input.check("huge.png")[1]


def test_the_words_of_strangers_are_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    figures = Statistics(0, 1, 1, 0.1, 0.1, 0.0, False)
    answered = Answered(evil, 0.5, (Candidate(evil, 0.1),), figures)
    chosen = Chosen((Choice(Likelihood(evil, -1.0, 2), 1.0),), "sum", 0.4, evil, figures)
    table = [Cell(evil, evil, evil), Cell(evil, evil, error=evil)]
    for html in (
        answer_html.answer_card(answered, evil),
        answer_html.choice_card(chosen, evil),
        answer_html.answers_table(table, [evil], {}),
        answer_html.progress(1, 2, evil),
    ):
        assert "<img" not in html and "&lt;img" in html
    shown = view((Turn("user", "<script>"), Turn("assistant", "![x](http://example.com/x.png)", footer="<b>")))
    assert shown[0]["content"] == ["&lt;script&gt;"]
    assert "![" not in shown[1]["content"][0] and "<b>" not in shown[1]["content"][1]


def test_an_unexpected_error_is_one_sentence_without_its_details() -> None:
    sentence = troubles.sentence(RuntimeError("/secret/path exploded"))
    assert "RuntimeError" in sentence and "secret" not in sentence


def test_a_stopped_turn_leaves_a_conversation_that_goes_on() -> None:
    talk, shown, box, *_ = chat_talk.stop(Talk((Turn("user", "what is this?"),)))
    assert [turn.role for turn in talk.turns] == ["user", "assistant"] and talk.turns[-1].footer == "stopped"
    assert len(shown) == 2 and box.submit_btn and not box.stop_btn
    assert chat_talk.stop(talk)[0] == talk
    assert chat_talk.stop(Talk())[0] == Talk()
