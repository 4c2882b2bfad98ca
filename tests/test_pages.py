"""What the pages show when something is not as hoped; no browser needed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.media import open_picture
from playground.models.chat import ChatModel
from playground.tasks.examples import examples
from playground.ui import (
    attention_actions,
    attention_tab,
    chat_tab,
    picture_input,
    segment_tab,
    session,
    snippets,
    troubles,
)
from playground.ui.attention_view import CONTROLS
from playground.ui.turn import Why


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


def test_a_moved_threshold_reuses_what_was_kept() -> None:
    path, words = str(examples()[0].path), examples()[0].phrases
    kept, before, *_ = segment_tab.respond(path, words, "moji-clipseg", 0.5, 0.5)
    moved, _ = segment_tab.draw(kept, 0.8, 0.5)
    again, _ = segment_tab.draw(kept, 0.5, 0.5)
    assert again.tobytes() == before.tobytes() != moved.tobytes()


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
    assert "again" in segment_tab.draw(None, 0.5, 0.5)[1]


def test_why_shows_the_very_answer_that_was_given() -> None:
    turn = chat_tab.Turn("user", "how many dogs are there?", (str(examples()[0].path),))
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
