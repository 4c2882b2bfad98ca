"""Model cards: their code runs as it stands, and their figures are those of the evaluation."""

import json
import re

import pytest
import torch
from safetensors.torch import save_file

from playground.checkpoints.fingerprint import fingerprint
from playground.training import cards, lora
from playground.training.card_texts import CARDS

NAMES = [name for name in CARDS if (cards.MOJI / name).is_dir()]
RESULT = json.loads(cards.EVALUATION.read_text()) if cards.EVALUATION.is_file() else {}


def card(name):
    file = cards.MOJI / name / "README.md"
    assert file.is_file(), "run python -m playground.training.cards"
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_those_that_the_figures_and_stages_make(name):
    assert card(name) == cards.write_card(name, cards.MOJI / name, RESULT), "run python -m playground.training.cards"


@pytest.mark.parametrize("way", ["playground", "plain transformers"])
@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_a_card_runs_and_prints_what_it_says(name, way, monkeypatch, capsys):
    monkeypatch.chdir(cards.ASSETS.parent)
    ours, plain = re.findall(r"```python\n(.*?)```", card(name), re.DOTALL)
    code = ours if way == "playground" else plain
    assert ("playground" in code) == (way == "playground")
    capsys.readouterr()
    exec(compile(code, f"{name}/README.md", "exec"), {})
    assert capsys.readouterr().out.strip() == code.rstrip().rpartition("# ")[2]


@pytest.mark.parametrize("name", NAMES)
def test_cards_tell_licences_and_limits(name):
    text = card(name)
    assert "license: apache-2.0" in text and f"pipeline_tag: {CARDS[name].pipeline_tag}" in text
    assert all(maker in text for maker in ("© Google", "© Twitter", "© Microsoft"))
    assert "never seen a photograph" in text


def test_figures_that_are_there_are_told_and_others_left_out():
    chat = {
        "answers": {"count": {"right": 0.913, "chance": 0.4, "asked": 99}},
        "captions": {
            "exact": 0.871,
            "precision": 0.991,
            "recall": 0.982,
            "f1": 0.987,
            "counts": 0.93,
            "detailed": 0.62,
        },
        "yes_no": {"adversarial": {"accuracy": 0.954, "yes": 0.49}},
        "confidence": {"error": 0.0123},
        "worlds": {},
        "seconds": {"first token": 0.051, "caption": 0.093, "cores": 2},
    }
    chat["answers"]["all"] = chat["answers"]["count"]
    told = cards.figures({"chat": {"moji-vlm": chat}}, "moji-vlm")
    assert all(figure in told for figure in ("91%", "87%", "0.99 / 0.98 / 0.99", "95% / 49%", "0.012", "0.05 / 0.09"))
    assert "98%" in cards.figures({"zero_shot": 0.981}, "moji-clip")
    assert "0.84" in cards.figures({"mask_iou": 0.837}, "moji-clipseg")
    assert "0.93" in cards.figures({"boxes": {"ap50": 0.931, "ap": 0.7}}, "moji-owl")
    for name in CARDS:
        assert cards.figures({}, name) == ""


def weights(folder, value):
    """A folder with one safetensors file."""
    folder.mkdir(exist_ok=True)
    save_file({"weight": torch.full((3,), value)}, folder / "model.safetensors")
    return folder


def test_figures_of_other_weights_are_not_told(tmp_path):
    folder = weights(tmp_path / "moji-clip", 1.0)
    result = {"scenes": 5, "seed": 0, "zero_shot": 0.981, "weights": {"moji-clip": fingerprint(folder)}}
    assert "98%" in cards.write_card("moji-clip", folder, result)
    without = cards.write_card("moji-clip", folder, result | {"weights": {}})
    old = cards.write_card("moji-clip", folder, {"scenes": 5, "seed": 0, "zero_shot": 0.981, "answers": {}})
    other = cards.write_card("moji-clip", weights(folder, 2.0), result)
    assert all("98%" not in text and "Not measured yet" in text for text in (without, old, other))


def test_figures_of_an_adapter_count_for_its_base_alone(tmp_path):
    base, folder = weights(tmp_path / "moji-vlm", 1.0), weights(tmp_path / "moji-vlm-json", 2.0)
    shares = {"scenes": 9, "seed": 0, "valid": 0.987, "right": 0.9, "ordinary": 0.9}
    lora.save_figures(shares, shares, base, folder)
    assert "99% → 99%" in cards.write_card("moji-vlm-json", folder, {})
    weights(base, 3.0)
    assert "99% → 99%" not in cards.write_card("moji-vlm-json", folder, {})
