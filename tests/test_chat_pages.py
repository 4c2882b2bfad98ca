"""The Chat tab when something is not as hoped, and what it keeps; no browser needed."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.imaging.opening import open_picture
from playground.models.chat import ChatModel
from playground.tasks import TaskError
from playground.tasks.examples import examples
from playground.ui import session
from playground.ui.components.fields import Turn
from playground.ui.tabs.chat import (
    actions as chat_talk,
)
from playground.ui.tabs.chat import (
    browser_storage as chat_kept,
)
from playground.ui.tabs.chat import (
    camera as chat_camera,
)
from playground.ui.tabs.chat import (
    files as chat_files,
)
from playground.ui.tabs.chat import (
    settings as chat_settings,
)
from playground.ui.tabs.chat import (
    why as chat_why,
)
from playground.ui.tabs.chat.actions import ChatState


def said(text: str, *files: str) -> dict:
    """A message as the box holds it."""
    return {"text": text, "files": list(files)}


def asked(text: str, *files: str, talk=ChatState(), visitor: str = "ann", name: str = "moji-vlm", **wish) -> ChatState:  # noqa: B008
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
    talk, *_ = chat_talk.send(said("is there a dog? " * 200, PICTURE), ChatState())
    *_, (talk, conversation, box, note, _) = chat_talk.respond(talk, "moji-vlm")
    assert (talk.turns, conversation) == ((), []) and box.submit_btn and not box.stop_btn
    assert "tokens" in note and "trouble" in note
    after, box, back = chat_talk.give_back(said("and then?"), talk)
    assert box == gr.skip() and back == said(("is there a dog? " * 200).strip(), PICTURE)
    assert chat_talk.give_back(said("x"), after) == (gr.skip(),) * 3


def test_a_message_waits_in_sight_and_a_second_one_waits_in_the_box() -> None:
    talk, shown, box, *_, back = chat_talk.send(said("what is this?", PICTURE), ChatState())
    assert [turn["role"] for turn in shown] == ["user", "assistant"] and back == said("")
    assert box.stop_btn and "value" not in box.constructor_args  # more may have been typed there meanwhile
    assert chat_talk.send(said("and this?"), talk)[-1] == said("and this?")
    for step in (
        chat_talk.send(said("and this?"), talk)[:-1],
        chat_talk.regenerate(talk, 0),
        chat_talk.undo(said(""), talk),
        chat_talk.change(said(""), talk, 0),
    ):
        kept, _, box, note, _ = step
        assert kept == box == gr.skip() and "still being answered" in note


def test_seventeen_pictures_are_refused_with_the_limit() -> None:
    *_, note, _, _ = chat_talk.send(said("which is best?", *[PICTURE] * 17), ChatState())
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
    *_, (talk, _, _, note, _) = chat_talk.respond(ChatState(turns), "moji-vlm")
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


def test_another_model_goes_on_with_the_talk_and_each_answers_as_if_it_had_read_it_alone() -> None:
    first = asked("is there a dog?", PICTURE)
    mixed = asked("how many dogs?", talk=asked("where is it?", talk=first, name="moji-blip"))
    alone = asked("how many dogs?", talk=ChatState(mixed.turns[:4]), visitor="cold")
    assert [turn.model for turn in mixed.turns[1::2]] == ["moji-vlm", "moji-blip", "moji-vlm"]
    assert [turn.footer.split(" · ")[0] for turn in mixed.turns[1::2]] == ["moji-vlm", "moji-blip", "moji-vlm"]
    assert mixed.turns[-1].text == alone.turns[-1].text and mixed.turns[-1].text
    pictures = ChatState((*first.turns, Turn("user", "and this?", (str(examples()[1].path),)), first.turns[1]))
    note = chat_settings.switched(pictures, "answer in one word", "moji-blip")
    assert "one picture at a time" in note and "system prompt" in note
    assert chat_settings.switched(ChatState(), "", "moji-blip") == gr.skip()
    for visitor in ("ann", "cold"):
        session.end(SimpleNamespace(session_hash=visitor))


def test_a_changed_question_drops_what_came_after_it_and_what_was_typed_comes_back() -> None:
    talk = asked("where is it?", talk=asked("is there a dog?", PICTURE))
    talk, _, box, _, banner = chat_talk.change(said("a draft"), talk, 0)
    assert held(box) == ("is there a dog?", [NAME]) and banner.visible
    left, _, box, _, banner = chat_talk.leave_unchanged(talk)
    assert len(left.turns) == 4 and held(box) == ("a draft", []) and not banner.visible
    sent, *_, back = chat_talk.send(said("is there a cat?", PICTURE), talk)
    assert [turn.text for turn in sent.turns] == ["is there a cat?"] and back == said("a draft")
    long, *_ = chat_talk.send(said("is there a dog? " * 200, PICTURE), talk)
    *_, (failed, _, _, note, banner) = chat_talk.respond(long, "moji-vlm")
    assert failed.turns == talk.turns and failed.changing == 0 and banner.visible and "tokens" in note
    assert chat_talk.give_back(said("a draft"), failed)[1].value["text"].startswith("is there a dog?")
    for text, files in (("", ()), ("why " * 1_100, (PICTURE,)), ("x", (PICTURE,) * 17), ("x", (__file__,))):
        kept, _, box, note, _, back = chat_talk.send(said(text, *files), talk)
        assert kept == box == gr.skip() and "trouble" in note and back == said(text, *files)


def test_a_message_that_is_turned_away_leaves_the_talk_as_it_was() -> None:
    first = asked("is there a dog?", PICTURE)
    sent, *_ = chat_talk.send(said("where is it?"), first)
    talk, _, box, note, banner, back = chat_talk.turned_away(sent)
    assert talk == first and box.submit_btn and not banner.visible and "trouble" in note
    assert back == said("where is it?")
    changed, *_ = chat_talk.send(said("how many?"), chat_talk.change(said("a draft"), first, 0)[0])
    talk, *_, banner, back = chat_talk.turned_away(changed)
    assert talk.turns == first.turns and talk.changing == 0 and banner.visible and back == said("how many?")
    again, *_ = chat_talk.regenerate(first, 0)
    assert chat_talk.turned_away(again)[0] == first and chat_talk.turned_away(again)[-1] == said("")
    assert chat_talk.turned_away(first) == (gr.skip(),) * 6


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
    assert chat_talk.undo(said(""), ChatState())[0] == gr.skip()


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
    assert not system.interactive and "moji-vlm takes none" in system.info
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
    talk = ChatState((Turn("user", "what?", (PICTURE, str(upload))), Turn("assistant", "two", (), "Moji", "moji-vlm")))
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
    talk = ChatState((Turn("user", "what?", (PICTURE,)), Turn("assistant", "two", (), "Moji", "moji-vlm")))
    file, note = chat_files.save_json(talk, "be brief", 0.0, 64, "moji-vlm")
    back, shown, _, _, _, system = chat_files.open_talk(file, ChatState())
    assert [turn.text for turn in back.turns] == ["what?", "two"] and len(shown) == 2 and system == "be brief"
    assert open_picture(back.turns[0].images[0]).image.tobytes() == open_picture(PICTURE).image.tobytes()
    archive, _ = chat_files.save_markdown(talk, "")
    assert "## moji-vlm" in zipfile.ZipFile(archive).read("talk.md").decode()
    gone = ChatState((Turn("user", "what?", ("gone.png",)), talk.turns[1]))
    file, note = chat_files.save_markdown(gone, "")
    assert file and "no longer kept" in note
    assert chat_files.save_markdown(ChatState(), "")[0] is None
    (tmp_path / "half.json").write_text('[{"role": "user", "content": "and?"}]')
    _, _, box, *_ = chat_files.open_talk(str(tmp_path / "half.json"), talk)
    assert box.value["text"] == "and?"
    (tmp_path / "twice.json").write_text('[{"role": "assistant", "content": "hello"}]')
    kept, _, _, note, *_ = chat_files.open_talk(str(tmp_path / "twice.json"), talk)
    assert kept == gr.skip() and "by turns" in note


def test_what_the_camera_took_goes_beside_what_the_message_holds() -> None:
    camera, added, _ = chat_camera.add_capture(str(examples()[1].path))
    assert camera is None and added == said("", str(examples()[1].path))


def test_a_stopped_turn_leaves_a_conversation_that_goes_on() -> None:
    talk, shown, box, *_ = chat_talk.stop(ChatState((Turn("user", "what is this?"),)))
    assert [turn.role for turn in talk.turns] == ["user", "assistant"] and talk.turns[-1].footer == "stopped"
    assert len(shown) == 2 and box.submit_btn and not box.stop_btn
    assert chat_talk.stop(talk)[0] == talk
    assert chat_talk.stop(ChatState())[0] == ChatState()
