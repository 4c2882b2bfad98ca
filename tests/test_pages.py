"""What the pages show when something is not as hoped; no browser needed."""

from __future__ import annotations

import pytest

from playground.models.chat import ChatModel
from playground.tasks.examples import examples
from playground.ui import attention_tab, chat_tab, segment_tab, snippets, troubles


def test_attention_is_switched_off_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = ChatModel("blind", None, None, None, attention_reason="Its attention cannot be read.")
    monkeypatch.setattr(attention_tab, "chat_model", lambda name: blind)
    *buttons, note = attention_tab.capability("blind", switches=2)
    assert [button.interactive for button in buttons] == [False, False]
    assert "blind shows no attention maps. Its attention cannot be read." in note


def test_a_message_that_a_model_cannot_read_goes_back_into_the_box() -> None:
    message = {"text": "is there a dog? " * 200, "files": [str(examples()[0].path)]}
    *_, (turns, conversation, box, note) = chat_tab.respond(message, (), "moji-vlm")
    assert (turns, conversation) == ((), [])
    assert box.value["text"] == message["text"] and box.submit_btn and not box.stop_btn
    assert "tokens" in note and "trouble" in note


def test_a_moved_threshold_reuses_what_was_kept() -> None:
    path, words = str(examples()[0].path), examples()[0].phrases
    kept, before, *_ = segment_tab.respond(path, words, "moji-clipseg", 0.5, 0.5)
    moved, _ = segment_tab.draw(kept, 0.8, 0.5)
    again, _ = segment_tab.draw(kept, 0.5, 0.5)
    assert again.tobytes() == before.tobytes() != moved.tobytes()


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
