"""The doctor: what works is said in the words of docs/families.md, what fails is a line, and nothing is a traceback."""

from __future__ import annotations

import json
import shutil

import pytest
from families import BOXES, CANDIDATES, CLICKS, ENCODED_ONCE, FITS, GIVEN, LAYOUT, VECTORS, WORDS

from playground.cli import main
from playground.doctor import chat
from playground.doctor.diagnosis import diagnose


@pytest.mark.parametrize("family", ["moji-vlm", "moji-blip", "smolvlm", "gemma3", "qwen3_5", "florence2", "blip_vqa"])
def test_every_check_of_a_sound_chat_model_works_or_says_why_not(checkpoint, family):
    found = {each.what: each for each in diagnose(family if "-" in family else str(checkpoint(family)))}
    assert not [each for each in found.values() if each.ok is False], "\n".join(map(str, found.values()))
    assert all(each.told for each in found.values() if each.ok is None)
    assert {"loads", CANDIDATES, GIVEN, LAYOUT, "memory", "attention = eager attention"} <= set(found)
    if family == "moji-vlm":
        assert (
            found["several turns, continued = anew"].ok
            and "not computed again" in found["several turns, continued = anew"].told
        )


@pytest.mark.parametrize(
    ("family", "verbs"),
    [("clip", {VECTORS, FITS}), ("sam2_video", {CLICKS, ENCODED_ONCE}), ("clipseg", {WORDS}), ("owlvit", {BOXES})],
)
def test_other_kinds_have_checks_of_their_own(checkpoint, family, verbs):
    found = {each.what: each.ok for each in diagnose(str(checkpoint(family)))}
    assert all(found[verb] for verb in verbs) and False not in found.values()


def test_what_breaks_is_a_line_and_stops_no_other_check(checkpoint, tmp_path, monkeypatch, capsys):
    def breaks(*_):
        raise RuntimeError("mat1 and mat2 shapes\ncannot be multiplied")

    monkeypatch.setattr(chat, "_candidates", breaks)
    with pytest.raises(SystemExit) as ended:
        main(["check", "moji-vlm"])
    said = capsys.readouterr().out
    assert ended.value.code == 1 and "RuntimeError: mat1 and mat2 shapes" in said and "Traceback" not in said
    assert "✓ works     how likely given answers are" in said and "1 fails." in said


def test_a_sound_checkpoint_ends_with_nothing_and_a_broken_one_with_its_sentence(checkpoint, tmp_path, capsys):
    main(["check", str(checkpoint("clip"))])
    assert "0 fail." in capsys.readouterr().out
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint("llava_clip"), broken)
    config = json.loads((broken / "config.json").read_text())
    config["text_config"]["hidden_size"] = 48
    (broken / "config.json").write_text(json.dumps(config))
    for name, words in (
        (str(broken), "fit its config"),
        ("nobody-has-this", "no model named"),
        ("http://a:1/v1", "server"),
    ):
        with pytest.raises(SystemExit):
            main(["check", name])
        assert words in capsys.readouterr().out
