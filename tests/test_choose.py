"""Choices by likelihood, calibrated probabilities and tables of answers, with the shipped models and real files."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from playground.checkpoints import calibration
from playground.checkpoints.calibration import FILE, Calibration, read
from playground.models.chat import ChatModel
from playground.models.loading import load
from playground.models.messages import Message
from playground.tasks import TaskError
from playground.tasks.answer import answer
from playground.tasks.bulk.answer_table import answer_table, as_csv, as_json, check_size
from playground.tasks.choose import checked_choices, choose, spelt_as
from playground.tasks.examples import examples
from playground.tasks.lines import distinct_lines
from playground.tasks.preview_map import preview_map


@pytest.fixture(scope="module")
def moji() -> ChatModel:
    return load("moji-vlm")


@pytest.fixture(scope="module")
def dogs() -> Image.Image:
    """A ball, two dogs and a cat."""
    return Image.open(examples()[0].path).convert("RGB")


def test_its_own_answer_is_as_likely_as_when_it_gave_it(moji: ChatModel, dogs: Image.Image) -> None:
    messages = [Message("user", "what is in the picture?", (dogs,))]
    said = moji.generate(messages)
    others = [f"{number} dogs" for number in range(20)]  # more than go together
    own, *rest = moji.likelihoods(messages, [said.text, *others])
    assert own.log_probability == pytest.approx(sum(math.log(piece.probability) for piece in said.pieces), abs=1e-3)
    assert own.tokens == len(said.pieces) and [item.text for item in rest] == others
    assert all(item.log_probability < own.log_probability for item in rest)


def test_choices_are_compared_whole_or_by_the_token(moji: ChatModel, dogs: Image.Image) -> None:
    question, choices = "how many dogs are there?", ("one", "two", "there are very many dogs")
    whole, mean = (choose(moji, dogs, question, choices, measure=measure) for measure in ("sum", "mean"))
    assert whole.best.text == mean.best.text == whole.said.rstrip(".").lower() == "two"
    for found in (whole, mean):
        assert [choice.text for choice in found.choices] == list(choices)
        assert sum(choice.share for choice in found.choices) == pytest.approx(1)
    assert 0.5 < whole.covered <= 1
    assert mean.choices[2].share > whole.choices[2].share  # its length alone counts no more
    assert choose(moji, dogs, "is there a dog?").best.text == "yes"
    assert choose(moji, dogs, "is there a piano?").best.text == "no"
    assert choose(moji, dogs, question, ("blue", "a piano")).covered < 0.01


@pytest.mark.parametrize(
    ("said", "choice", "compared"),
    [
        ("No.", "yes", "Yes."),
        ("no", "yes", "yes"),
        ("Two", "three", "Three"),
        ("two.", "a dog!", "a dog!"),
        ("", "yes", "yes"),
        ("Ja.", "Ärger", "Ärger."),
        ("2.", "3", "3."),
    ],
)
def test_choices_are_compared_in_the_spelling_of_the_models_own_answer(said: str, choice: str, compared: str) -> None:
    assert spelt_as(said, choice) == compared


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ((), "no choice"),
        (("a dog",), "1 choice"),
        (("a dog", "A dog "), "there twice"),
        (("a dog", " "), "empty"),
        (("a dog", "x" * 500), "500 characters"),
        ([str(number) for number in range(1000)], "1000 choices"),
    ],
)
def test_choices_that_cannot_be_compared_get_a_sentence(choices: tuple[str, ...], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        checked_choices(choices)


def test_lists_are_read_line_by_line_and_what_is_left_out_is_told() -> None:
    lines = distinct_lines("\n a dog \n\nA DOG\na cat\n", "choices", 5, 80)
    assert lines.items == ("a dog", "a cat")
    assert lines.notes == (
        "1 empty line among the choices was left out.",
        "1 of the choices stood there already and was left out.",
    )
    assert distinct_lines(None, "choices", 5, 80).items == ()
    for text, says in (("\n".join(map(str, range(1000))), "1,000 questions; up to 50"), ("ok\n" + "x" * 99, "Line 2 ")):
        with pytest.raises(TaskError, match=says):
            distinct_lines(text, "questions", 50, 80)


def test_a_table_has_an_answer_or_a_sentence_in_every_cell(moji: ChatModel, dogs: Image.Image, tmp_path: Path) -> None:
    broken, strip = tmp_path / "broken.png", tmp_path / "strip.png"
    broken.write_bytes(b"no picture")
    Image.new("RGB", (3000, 2)).save(strip)
    questions = ("how many dogs are there?", "is there a cat?", "why " * 900)
    cells = list(answer_table(moji, [broken, examples()[0].path, strip], questions))
    assert [cell.picture for cell in cells] == ["broken.png"] * 3 + ["two-dogs.png"] * 3 + ["strip.png"] * 3
    assert all("not a picture" in cell.error for cell in cells[:3]) and "too thin a strip" in cells[6].error
    alone = answer(moji, dogs, questions[1])
    assert (cells[4].answer, cells[4].error) == (alone.text, None)
    assert cells[4].probability == pytest.approx(alone.probability, abs=1e-4)
    assert cells[5].answer is None and "tokens" in cells[5].error
    rows = list(csv.DictReader(io.StringIO(as_csv(cells).removeprefix("\ufeff"))))
    assert rows[3]["answer"] == cells[3].answer and rows[0]["error"] == cells[0].error
    assert float(rows[3]["probability"]) == cells[3].probability
    told = json.loads(as_json(cells, "Moji"))
    assert told["answers"][3] == asdict(cells[3]) and told["model"] == "Moji"
    with closing(answer_table(moji, [examples()[0].path] * 200, questions[:2])) as begun:
        next(begun)  # and the rest is never computed


@pytest.mark.parametrize(("size", "says"), [((0, 1), "no picture"), ((1, 0), "no question"), ((200, 50), "10,000 ans")])
def test_a_table_that_is_empty_or_endless_gets_a_sentence(size: tuple[int, int], says: str) -> None:
    with pytest.raises(TaskError, match=says):
        check_size(*size)


def test_a_preview_shows_the_most_telling_word_of_any_answer(moji: ChatModel, dogs: Image.Image) -> None:
    found = preview_map(moji, dogs, "what is at the top right?", "a cat")
    assert found.word == "cat" and found.values.shape == (192, 192)
    assert found.values.sum() == pytest.approx(1, abs=1e-4)
    x0, y0, x1, y1 = 102, 31, 165, 95
    area = (x1 - x0) * (y1 - y0) / dogs.width / dogs.height
    assert found.values[y0:y1, x0:x1].sum() > 2 * area


def test_a_calibration_counts_for_its_weights_alone_and_only_if_it_helps(tmp_path: Path) -> None:
    assert read(tmp_path)[0] is None and read(tmp_path)[1].startswith("Not calibrated: nobody has measured")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    good = Calibration(calibration.fingerprint(tmp_path), 2.0, 0.5, 900, 900, 0.05, 0.02, (0.01, 0.04))

    def told(written: str) -> tuple[Calibration | None, str]:
        (tmp_path / FILE).write_text(written)
        return read(tmp_path)

    found, sentence = told(json.dumps(asdict(good)))
    assert found.slope == 2.0 and "0.050 before, 0.020 after" in sentence and "chance" not in sentence
    assert "may be chance" in told(json.dumps(asdict(replace(good, interval=(-0.01, 0.04)))))[1]
    assert 0 < found(0) < found(0.3) < found(0.6) < found(1) < 1
    for wrong, says in (
        (replace(good, weights="0123456789abcdef"), "other weights"),
        (replace(good, after=0.06), "did not help"),
        (replace(good, slope=-1.0), "cannot be read"),
    ):
        assert told(json.dumps(asdict(wrong)))[0] is None and says in read(tmp_path)[1]
    assert told("{")[0] is None and "cannot be read" in read(tmp_path)[1]


def test_a_fit_finds_how_far_a_model_is_too_sure() -> None:
    from playground.training.calibration import calibrate

    rng = np.random.default_rng(5)

    def answers(count: int = 4000) -> tuple[list[float], list[bool]]:
        truly = 1 / (1 + np.exp(-rng.normal(1, 2, count)))
        logits = np.log(truly / (1 - truly))
        return list(1 / (1 + np.exp(-2 * logits))), list(rng.random(count) < truly)  # says it with twice the logit

    found = calibrate("0123456789abcdef", answers(), answers())
    assert found.slope == pytest.approx(0.5, abs=0.05) and found.shift == pytest.approx(0, abs=0.1)
    assert found.after < 0.02 < found.before and found.interval[0] > 0


@pytest.mark.parametrize("name", ["moji-vlm", "moji-blip"])
def test_the_shipped_models_carry_a_calibration_of_these_very_weights(name: str, dogs: Image.Image) -> None:
    model = load(name)
    found = answer(model, dogs, "how many dogs are there?", runners_up=0)
    told = json.loads((Path(model.entry.source) / FILE).read_text())
    assert told["weights"] == calibration.fingerprint(Path(model.entry.source))
    if told["after"] < told["before"]:
        assert 0 < found.calibrated < 1 and found.calibration.startswith("Calibrated on ")
    else:
        assert found.calibrated is None and "did not help" in found.calibration


def test_other_weights_are_not_called_calibrated(dogs: Image.Image, tmp_path: Path) -> None:
    source = Path(load("moji-vlm").entry.source)
    copy = shutil.copytree(source, tmp_path / "mine")
    (copy / "extra.safetensors").write_bytes(b"as if they had been trained on")
    assert read(source)[0] is not None and read(copy)[0] is None
