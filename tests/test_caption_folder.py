"""The command that captions a folder: it can be killed at any moment and goes on from there."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from app_process import ROOT

from playground import load
from playground.cli import main
from playground.tasks import TaskError
from playground.tasks.bulk.caption_folder import caption_folder, errors_of, files_in
from playground.tasks.examples import examples
from playground.tasks.exports.captions import Captioned, CaptionsLog, as_csv, as_json, as_jsonl
from playground.ui.tabs.caption.job import Upload, placed

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


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Six pictures."""
    place = tmp_path / "scenes"
    place.mkdir()
    for scene in examples()[:6]:
        shutil.copy(scene.path, place)
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
    process.send_signal(signal.SIGSTOP)  # it is still there, and does nothing
    with pytest.raises(SystemExit, match="Another run is writing to"):
        main(command)
    process.kill()
    process.wait()
    before = lines(output)
    assert 3 <= len(before) < COPIES
    with output.open("ab") as file:
        file.write(b'{"file_name": "cut o')  # what a crash in the middle of a line leaves
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 1  # two files were left behind
    after, said = lines(output), capsys.readouterr()
    assert after[: len(before)] == before
    assert sorted(row["file_name"] for row in after) == [name for name in files_in(folder) if name.endswith(".png")]
    assert f"{len(before)} of {COPIES + 2} are done already" in said.err and f"{COPIES} of {COPIES + 2}" in said.out
    texts = {row["file_name"].split()[0]: row["text"] for row in after}
    assert texts["more/1"] == texts["more/7"] == "a taxi, a bus and a bicycle."
    assert "2 files have no caption" in said.err and "  notes.txt: The file is not a picture" in said.err
    errors = {row["file_name"]: row["error"] for row in lines(errors_of(output))}
    assert "empty" in errors.pop("empty.jpg") and "not a picture" in errors.pop("notes.txt") and not errors
    for name in ("notes.txt", "empty.jpg"):
        (folder / name).unlink()
    main(command)  # nothing is left to do, and nothing is done twice
    assert lines(output) == after and not errors_of(output).exists()


@pytest.fixture
def heard() -> Iterator[None]:
    """Signals as in a terminal: whoever runs the tests may ignore some, as `nohup` and jobs in the background do."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in signals}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_cleanly(scenes, tmp_path, monkeypatch, capsys, number) -> None:
    output, append, before = tmp_path / "captions.jsonl", CaptionsLog.append, signal.getsignal(number)

    def signalled(log: CaptionsLog, row: Captioned) -> None:
        append(log, row)
        if len(lines(output)) == 3:
            signal.raise_signal(number)

    monkeypatch.setattr(CaptionsLog, "append", signalled)
    command = ["caption", str(scenes), "--output", str(output), "--at-once", "2"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 128 + number and "the same command goes on" in capsys.readouterr().err
    assert 3 <= len(lines(output)) < 6 and signal.getsignal(number) is before
    main(command)
    assert sorted(row["file_name"] for row in lines(output)) == list(files_in(scenes))


def test_what_changes_while_a_run_goes_on_is_told(scenes, tmp_path, capsys) -> None:
    model, output = load("moji-vlm"), scenes / "captions"  # an output among the pictures is none of them
    gone, *others = files_in(scenes)
    with caption_folder(model, scenes, output) as run:
        (scenes / gone).unlink()
        shutil.copy(examples()[0].path, scenes / "late.png")
        rows = {row.file_name: row.error for row in run}
    assert "There is no file" in rows.pop(gone) and rows == dict.fromkeys(others)
    with caption_folder(model, scenes, output) as run:
        assert (run.files, run.done) == ((*sorted(("late.png", *others)),), set(others))
        shutil.rmtree(scenes)
        with pytest.raises(TaskError, match="is not there any more"):
            list(run)


def test_a_folder_that_cannot_be_read_counts_as_left_behind(scenes, tmp_path, monkeypatch, capsys) -> None:
    walk = os.walk

    def denied(top, onerror, **options):
        onerror(PermissionError(errno.EACCES, "Permission denied", str(scenes / "private")))
        yield from walk(top, **options)

    monkeypatch.setattr(os, "walk", denied)
    with pytest.raises(SystemExit) as ended:
        main(["caption", str(scenes), "--output", str(tmp_path / "captions.jsonl")])
    assert ended.value.code == 1
    assert "private/: This folder cannot be read: this is not allowed here." in capsys.readouterr().err


def test_a_model_that_writes_nothing_leaves_the_file_behind(scenes, tmp_path, monkeypatch) -> None:
    model = load("moji-vlm")
    monkeypatch.setattr(type(model), "generate_batch", lambda model, prepared, **options: [" "] * len(prepared))
    with caption_folder(model, scenes, tmp_path / "captions.jsonl") as run:
        assert {row.error for row in run} == {"moji-vlm ended its answer at once, without a word."}
    assert not lines(tmp_path / "captions.jsonl")


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
        ((folder, "--output", folder), "cannot be written: this is a folder"),
        ((folder, "--output", other / "a.jsonl"), "a part of this path is a file"),
        ((folder, "--output", tmp_path / ("a" * 300)), "the name is too long"),
        ((folder, "--model", "moji-clip"), "cannot describe pictures"),
        ((folder, "--model", "moji-vml"), "Did you mean"),
    ):
        with pytest.raises(SystemExit) as refused:
            main(["caption", *map(str, arguments)])
        assert says in str(refused.value)
    assert lines(other) == [{"file_name": "a.png", "text": "a dog.", "model": "moji-vlm", "style": "short"}]


@contextmanager
def longest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes, as if the disk were full then."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_on_a_full_disk_a_line_is_there_wholly_or_not_at_all(tmp_path, monkeypatch) -> None:
    path = tmp_path / "captions.jsonl"
    log = CaptionsLog(path, "moji-vlm", "short")
    log.append(Captioned("a.png", "a dog."))
    whole = path.read_bytes()
    with longest_file(len(whole) + 20), pytest.raises(TaskError, match="may not grow any larger.*What is done is kept"):
        log.append(Captioned("b.png", "a cat."))
    assert path.read_bytes() == whole

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(TaskError, match="the disk is full.*Make room"):
        patch.setattr(os, "fsync", full)
        log.append(Captioned("b.png", "a cat."))
    assert path.read_bytes() == whole
    log.append(Captioned("b.png", "a cat."))  # there is room again
    log.close()
    again = CaptionsLog(path, "moji-vlm", "short")
    again.close()
    assert again.done == {"a.png", "b.png"} and path.read_bytes().startswith(whole)
    if os.path.exists("/dev/full"):
        with pytest.raises(TaskError, match="no ordinary file"):
            CaptionsLog(Path("/dev/full"), "moji-vlm", "short")


_LINE = b'{"file_name": "a.png", "text": "a dog.", "model": "moji-vlm", "style": "short"}'


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b"", b""),
        (_LINE + b'\n{"file_na', _LINE + b"\n"),
        (_LINE + b"\n{", _LINE + b"\n"),
        (_LINE + b"\n" + _LINE[:40].replace(b"a.png", b"b.png"), _LINE + b"\n"),
        (_LINE + b"\n\0\0\0\0", _LINE + b"\n"),  # a machine that lost its power
        (_LINE, _LINE + b"\n"),  # only its end of line is missing
        (b"\0\0", b""),
        (b"dear sirs", None),  # what no run wrote stays as it is
        (b'[{"file_name": 1}]', None),
        (_LINE[:-1] + b"\ndear sirs\n", None),
        (_LINE + b"\n\n", None),
        (b'{"file_name": "a.png", "text": "mine"}', None),
        (b'{"file_name": 3, "text": "", "model": "moji-vlm", "style": "short"}\n', None),
    ],
)
def test_what_a_crash_leaves_is_mended_and_nothing_else(tmp_path, left, kept) -> None:
    path = tmp_path / "captions.jsonl"
    path.write_bytes(left)
    if kept is None:
        with pytest.raises(TaskError, match="is not one that this command wrote"):
            CaptionsLog(path, "moji-vlm", "short")
        assert path.read_bytes() == left
        return
    log = CaptionsLog(path, "moji-vlm", "short")
    assert path.read_bytes() == kept and log.done == ({"a.png"} if kept else set())
    log.append(Captioned("z.png", "a cat."))
    log.close()
    assert len(lines(path)) == len(log.done) + 1


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
    assert as_csv(rows).startswith("\ufefffile_name,text,error")  # a spreadsheet knows UTF-8 by its mark
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"):  # a spreadsheet would compute these
        cells = next(csv.reader(io.StringIO(as_csv([Captioned(text, text)]).partition("\r\n")[2])))
        assert cells == [f"'{text}", f"'{text}", ""]
    assert as_csv(rows).splitlines()[1].startswith('"a ""dog"", <b>.png","a dog,')
    assert json.loads(as_json(rows, "moji-vlm", "short"))["files"][1]["error"] == "The file is empty."
    assert [json.loads(line) for line in as_jsonl(rows).splitlines()] == [
        {"file_name": 'a "dog", <b>.png', "text": "a dog,\na cat."}
    ]


def test_linked_folders_are_followed_once_and_said(scenes, tmp_path, capsys) -> None:
    elsewhere, inside = tmp_path / "elsewhere", scenes / "inside"
    (elsewhere / "deep").mkdir(parents=True)
    inside.mkdir()
    for folder in (elsewhere, elsewhere / "deep", inside):
        shutil.copy(examples()[0].path, folder / "a.png")
    (scenes / "link").symlink_to(elsewhere)
    (scenes / "second").symlink_to(elsewhere / "deep")
    (scenes / "to-inside").symlink_to(inside)
    (elsewhere / "back").symlink_to(scenes)
    (elsewhere / "itself").symlink_to(elsewhere)
    names = [name for name in files_in(scenes) if "/" in name]
    assert names == ["inside/a.png", "link/a.png", "second/a.png"]
    main(["caption", str(scenes), "--output", str(tmp_path / "captions.jsonl")])
    said = capsys.readouterr().err
    assert "The link 'link' was followed" in said and "'link/deep' leads to is read under another name" in said
    assert "'to-inside' leads to a folder of this one" in said and "'link/back' leads" in said


def test_uploads_of_a_folder_keep_their_places() -> None:
    sent = [Upload("/1", "holiday∕beach∕a.png"), Upload("/2", "holiday∕a.png")]
    assert [upload.name for upload in placed(sent)] == ["beach/a.png", "a.png"]
    assert [upload.name for upload in placed([Upload("/1", "a.png")])] == ["a.png"]
    assert placed(()) == ()
