"""The Attention tab: words, maps and what is kept of them; no browser needed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from playground import load
from playground.interpret.trace_file import save_trace
from playground.models.chat import ChatModel
from playground.tasks.examples import examples
from playground.tasks.maps import View
from playground.ui.components.fields import Turn, Why
from playground.ui.tabs.attention import (
    actions as attention_actions,
)
from playground.ui.tabs.attention import (
    animation,
    answers,
    events,
)
from playground.ui.tabs.attention import (
    layout as attention_tab,
)
from playground.ui.tabs.attention import (
    picture as attention_picture,
)
from playground.ui.tabs.attention import (
    view as attention_view,
)
from playground.ui.tabs.attention.view import CONTROLS


def test_attention_is_switched_off_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = ChatModel("blind", None, None, None, attention_reason="Its attention cannot be read.")
    monkeypatch.setattr(attention_tab, "chat_model", lambda name: blind)
    *buttons, note = attention_tab.capability("blind", switches=2)
    assert [button.interactive for button in buttons] == [False, False]
    assert "blind shows no attention maps. Its attention cannot be read." in note


def asked(question: str, name: str = "moji-vlm") -> dict:
    """What the Attention tab shows at the end of an answer about the first scene, by the names of its parts."""
    return whole(answers.ask(str(examples()[0].path), question, name))


def whole(steps: Iterator[dict]) -> dict:
    """What an action shows at its end."""
    parts: dict = {}
    for step in steps:
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


def test_a_word_that_names_no_thing_is_scored_against_none_until_one_is_chosen() -> None:
    parts = asked("what is in the picture?")
    word = [word.text for word in parts["kept"].trace.words].index("and")
    shown = attention_actions.another_word(parts["kept"], *set_to(parts, word=word))
    assert shown["against"] is None and "lay on the true" not in shown["verdict"]
    assert "<table" not in shown["score"] and "Choose one above" in shown["score"]
    chosen = attention_actions.redraw(parts["kept"], *set_to(parts, word=word, against="cat"))
    assert "Against the true cat" in chosen["score"] and "hits in" in chosen["score"]


def test_a_map_that_runs_the_model_is_drawn_once_and_then_at_hand() -> None:
    parts = asked("what is in the picture?")
    kept, values = parts["kept"], set_to(parts, word=4, method="relevance")
    first = attention_actions.another_word(kept, *values)
    assert "heat" not in first and "runs the model again" in first["verdict"]
    values = set_to(parts, word=4, method="relevance", against=first["against"])
    drawn = whole(attention_actions.run_wanted(kept, first["wanted"], *values))
    again = attention_actions.another_word(kept, *values)
    assert again["heat"].tobytes() == drawn["heat"].tobytes() and "wanted" not in again


def test_every_word_of_a_fresh_answer_shows_its_map_without_another_run() -> None:
    parts = asked("what is in the picture?")
    assert parts["method"].value == "patches"
    for word in range(len(parts["kept"].trace.words)):
        assert "heat" in attention_actions.another_word(parts["kept"], *set_to(parts, word=word))


def test_a_map_is_downloaded_under_the_name_of_what_it_shows() -> None:
    parts = asked("what is in the picture?")
    field = attention_picture.map_field(label="map")
    file = field.postprocess(parts["heat"])
    assert file.orig_name == Path(file.path).name == "moji-vlm-ball-patches.png"
    assert field.postprocess(None) is None
    assert attention_picture.slug("../a b/ü?") == "a-b-ü"


def test_the_question_stands_beside_its_answer() -> None:
    label = asked("what is in the picture?")["word"].label
    assert label == "The answer to “what is in the picture?”: choose a word"
    assert len(attention_view.shortened("why " * 100)) <= 90


def test_settings_of_an_earlier_answer_get_one_sentence() -> None:
    parts = asked(examples()[0].question)
    for wrong in ({"word": 99}, {"word": -1}, {"layer": 99}, {"head": 99}, {"which": 1}, {"method": "magic"}):
        shown = attention_actions.another_map(parts["kept"], *set_to(parts, **{"method": "attention"} | wrong))
        assert "heat" not in shown and "Ask again" in shown["verdict"]
    assert "Ask again" in attention_actions.redraw(None, *set_to(parts))["verdict"]


def test_why_shows_the_very_answer_that_was_given() -> None:
    turn = Turn("user", "how many dogs are there?", (str(examples()[0].path),))
    parts = whole(answers.look_into(Why((turn,), "three", "moji-vlm")))
    assert [word.text for word in parts["kept"].trace.words] == ["three"]
    assert "two" in parts["sure"]  # what it would rather have said
    parts = whole(answers.look_into(Why((turn,), "", "moji-vlm")))
    assert "cannot be spelled" in parts["note"]


def test_a_saved_trace_is_looked_at_without_its_model(tmp_path: Path) -> None:
    parts = asked("what is in the picture?")
    file = answers.save_file(parts["kept"])["saved"].value["path"]
    *_, opened = answers.open_file(file)
    assert opened["colours"] == parts["colours"] and "leans on the picture" in opened["colours"]
    assert opened["about"].count("Not here") == 1 and "Attention rollout, Gradient × attention" in opened["about"]
    assert [name for _, name in opened["method"].choices] == ["attention", "sinks"]
    assert "moji-vlm" in opened["note"] and not opened["check"].visible
    before, after = (
        attention_actions.another_map(each["kept"], *set_to(each, method="attention", layer=2))
        for each in (parts, opened)
    )
    assert before["heat"].tobytes() == after["heat"].tobytes()
    older = str(save_trace(replace(parts["kept"].trace, leans=()), tmp_path / "older.safetensors"))
    *_, opened = answers.open_file(older)
    assert "leans on the words" not in opened["colours"] and "not known here" in opened["colours"]
    assert "dotted" in opened["colours"]
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no trace")
    *_, refused = answers.open_file(str(broken))
    assert "broken.safetensors is no trace" in refused["note"]


def test_a_fault_of_our_own_is_not_told_as_an_earlier_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only settings that this answer does not have are an earlier answer's; whatever else breaks says so itself."""
    parts = asked("what is in the picture?")
    for error in (IndexError("of our own"), TypeError("of our own")):

        def broken(*_: object, error: Exception = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(attention_actions, "draw", broken)
        said = attention_actions.redraw(parts["kept"], *set_to(parts))["verdict"]
        assert f"Something broke on our side ({type(error).__name__})" in said and "earlier answer" not in said
        monkeypatch.setattr(attention_actions, "drawn_map", broken)
        wanted = View("gradcam", 1), 0.0
        shown = whole(attention_actions.run_wanted(parts["kept"], wanted, *set_to(parts, method="gradcam")))
        assert "Something broke on our side" in shown["verdict"] and not shown["halt"].interactive
    stale = View("gradcam", 99), 0.0  # of an answer with more words, which another one has followed
    shown = whole(attention_actions.run_wanted(parts["kept"], stale, *set_to(parts)))
    assert "verdict" not in shown


def test_what_runs_can_be_stopped_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = asked("what is in the picture?")
    kept, values = parts["kept"], set_to(parts, word=1, method="occlusion")
    acts = {
        attention_actions.run_wanted: (kept, (View("occlusion", 1), 0.0), *values),
        attention_actions.check_map: (kept, *values),
        attention_actions.read_place: (kept, *set_to(parts, place=3)),
    }
    model, tokens = load("moji-vlm"), []
    monkeypatch.setattr(model.model, "forward", lambda *_, **__: tokens.append(1) or time.sleep(0.05) or 1 / 0)
    for act, arguments in acts.items():
        steps = act(*arguments)
        assert next(steps)["stop"].interactive
        while not tokens:
            next(steps)
        steps.close()  # what Gradio does when Stop is pressed, and when the page is closed
        assert len(tokens) == 1 and model.lock.acquire(blocking=False)
        model.lock.release()
        tokens.clear()
    shown = events.stopped()
    assert not shown["stop"].interactive and not shown["halt"].interactive and "Stopped" in shown["verdict"]


def test_a_play_of_layers_gives_the_method_back() -> None:
    parts = asked("what is in the picture?")
    kept = parts["kept"]
    assert "Not by this method" in parts["layer"].info and not parts["layer"].interactive
    begun = animation.play("layer", kept, "", "", *set_to(parts))
    assert begun["method"].value == "attention" and begun["before"] == "patches" and begun["layer"].interactive
    playing = parts | begun
    paused = animation.play("layer", kept, "layer", "patches", *set_to(playing, layer=1))
    assert paused["method"].value == "patches" and paused["before"] == paused["playing"] == "" and "heat" in paused
    last = animation.step(kept, "layer", "patches", *set_to(playing, layer=kept.trace.layers))
    assert last["method"].value == "patches" and last["playing"] == "" and last["layer"].value == 0
    own = animation.step(kept, "layer", "patches", *set_to(playing, method="rollout", layer=kept.trace.layers))
    assert "method" not in own  # chosen meanwhile: it stays
    plain = animation.play("layer", kept, "", "", *set_to(parts, method="attention"))
    assert plain.get("before", "") == "" and "method" not in plain


def test_several_things_of_a_name_are_told_as_several() -> None:
    parts = asked("what is in the picture?")
    several = next(noun for noun in kept_nouns(parts) if kept_nouns(parts).count(noun) > 1)
    shown = attention_actions.redraw(parts["kept"], *set_to(parts, against=several))
    assert f"the true {several}s, which cover " in shown["verdict"] and f"the true {several}s," in shown["score"]


def kept_nouns(parts: dict) -> tuple[str, ...]:
    return parts["kept"].truths[0].nouns
