"""What the pages show when something is not as hoped; no browser needed."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr
import pytest

from playground.media import open_picture
from playground.models.chat import ChatModel
from playground.models.messages import Candidate, Likelihood, Statistics
from playground.tasks.answer import Answered
from playground.tasks.choose import Choice, Chosen
from playground.tasks.examples import examples
from playground.tasks.table import Cell
from playground.ui import answer_html, attention_tab, chat_tab, picture_input, segment_tab, session, troubles


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


def test_settings_of_an_earlier_answer_get_one_sentence() -> None:
    scene = examples()[0]
    kept, *_ = attention_tab.respond(str(scene.path), scene.question, "moji-vlm")
    for word, layer, head in ((99, 0, 0), (-1, 0, 0), (0, 99, 0), (0, 0, 99)):
        unchanged, sentence = attention_tab.redraw(kept, word, layer, head, 0.75, None)
        assert unchanged == gr.skip() and "Ask again" in sentence
    assert "Ask again" in attention_tab.redraw(None, 0, 0, 0, 0.75, None)[1]
    assert "again" in segment_tab.draw(None, 0.5, 0.5)[1]


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
