"""The command that captions a folder: it can be killed at any moment and goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from app_process import ROOT

from playground.cli import main
from playground.tasks.bulk.caption_folder import files_in
from playground.tasks.examples import examples
from playground.tasks.exports.captions import Captioned, CaptionsLog, as_csv, as_json, as_jsonl

COPIES = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in folders, and what else lies about in such a folder."""
    place = tmp_path_factory.mktemp("pictures")
    (place / "more" / ".hidden").mkdir(parents=True)
    for copy in range(COPIES):
        shutil.copy(examples()[copy % 6].path, place / ("more" if copy % 2 else "") / f"{copy} <b>.png")
    shutil.copy(examples()[0].path, place / "more" / ".hidden" / "unseen.png")
    (place / "notes.txt").write_text("dear sirs")
    (place / "empty.jpg").write_bytes(b"")
    return place


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_killed_run_goes_on_where_it_ended(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "new" / "captions.jsonl"
    command = ["caption", str(folder), "--output", str(output), "--at-once", "4"]
    process = subprocess.Popen([sys.executable, "-m", "playground", *command], cwd=ROOT, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 90
    while not (output.is_file() and output.read_bytes().count(b"\n") >= 3):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = lines(output)
    assert 3 <= len(before) < COPIES
    with output.open("ab") as file:
        file.write(b'{"file_name": "cut o')  # what a crash in the middle of a line leaves
    main(command)
    after, said = lines(output), capsys.readouterr()
    assert after[: len(before)] == before
    assert sorted(row["file_name"] for row in after) == [name for name in files_in(folder) if name.endswith(".png")]
    assert f"{len(before)} of {COPIES + 2} are done already" in said.err and f"{COPIES} of {COPIES + 2}" in said.out
    texts = {row["file_name"].split()[0]: row["text"] for row in after}
    assert texts["more/1"] == texts["more/7"] == "a taxi, a bus and a bicycle."
    errors = {row["file_name"]: row["error"] for row in lines(output.with_suffix(".errors.jsonl"))}
    assert "empty" in errors.pop("empty.jpg") and "not a picture" in errors.pop("notes.txt") and not errors
    main(command)  # nothing is left to do, and nothing is done twice
    assert lines(output) == after


def test_a_run_that_cannot_be_is_refused_with_a_sentence(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "captions.jsonl"
    log = CaptionsLog(other, "moji-vlm", "short")
    log.append(Captioned("a.png", "a dog."))
    log.close()
    (tmp_path / "bare").mkdir()
    (tmp_path / "strange.jsonl").write_text("dear sirs\n")
    for arguments, says in (
        ((tmp_path / "missing",), "There is no folder"),
        ((tmp_path / "bare",), "There is no picture"),
        ((folder, "--output", other, "--style", "blind"), "holds captions by moji-vlm, short"),
        ((folder, "--output", tmp_path / "strange.jsonl"), "Line 1 of"),
        ((folder, "--output", folder), "cannot be written"),
        ((folder, "--model", "moji-clip"), "cannot describe pictures"),
        ((folder, "--model", "moji-vml"), "Did you mean"),
    ):
        with pytest.raises(SystemExit) as refused:
            main(["caption", *map(str, arguments)])
        assert says in str(refused.value)
    assert lines(other) == [{"file_name": "a.png", "text": "a dog.", "model": "moji-vlm", "style": "short"}]


def test_names_that_are_no_text_survive(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xe2\x82\xac.png")
    log = CaptionsLog(tmp_path / "captions.jsonl", "moji-vlm", "short")
    log.append(Captioned(name, "ein Hund €"))
    log.close()
    assert lines(tmp_path / "captions.jsonl")[0]["file_name"] == name
    again = CaptionsLog(tmp_path / "captions.jsonl", "moji-vlm", "short")
    again.close()
    assert again.done == {name}


def test_captions_are_taken_away_in_three_forms() -> None:
    rows = [Captioned('a "dog", <b>.png', "a dog,\na cat."), Captioned("b.png", error="The file is empty.")]
    assert as_csv(rows).splitlines()[1].startswith('"a ""dog"", <b>.png","a dog,')
    assert json.loads(as_json(rows, "moji-vlm", "short"))["files"][1]["error"] == "The file is empty."
    assert [json.loads(line) for line in as_jsonl(rows).splitlines()] == [
        {"file_name": 'a "dog", <b>.png', "text": "a dog,\na cat."}
    ]
