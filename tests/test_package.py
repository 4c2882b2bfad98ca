"""The package, built as a wheel and installed somewhere else, has all that the clone has."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_process import ROOT, running_app
from gradio_client import Client, handle_file

from playground import cli
from playground.assets import assets
from playground.tasks.examples import examples

CALM = {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `pip install .` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel alone is installed into; what it needs comes from this environment."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True, capture_output=True)
    return target


@pytest.fixture
def elsewhere(installed: Path, tmp_path: Path) -> Iterator[dict]:
    """Options of a program that is started in another folder, and finds the installed package alone."""
    yield {"cwd": tmp_path, "env": {**os.environ, **CALM, "PYTHONPATH": str(installed)}}


def test_the_wheel_holds_every_asset_and_no_test(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    held = {name.removeprefix("playground/bundled/") for name in names if name.startswith("playground/bundled/")}
    assert held == {str(path.relative_to(assets())) for path in assets().rglob("*") if path.is_file()}
    package = ROOT / "playground"
    wanted = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT)) for path in wanted} <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"playground", "vlm_playground"}


def test_the_command_runs_from_another_folder(installed: Path, elsewhere: dict) -> None:
    shown = subprocess.run(
        [installed / "bin" / "vlm-playground", "models"], capture_output=True, text=True, **elsewhere
    )
    assert shown.returncode == 0, shown.stderr
    assert sum("embedded" in line for line in shown.stdout.splitlines()) >= 5


def test_the_app_runs_from_another_folder_and_answers(elsewhere: dict, tmp_path: Path) -> None:
    program = (sys.executable, "-m", "playground", "app")
    with running_app(tmp_path / "app.log", elsewhere["env"], program, folder=tmp_path) as url:
        scene = examples()[0]
        found = Client(url, verbose=False).predict(handle_file(str(scene.path)), scene.question, api_name="/answer")
    assert found["answer"]
    assert str(ROOT) not in (tmp_path / "app.log").read_text()


def test_the_base_alone_says_what_the_app_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.commands.app.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r'pip install "vlm-playground\[app\]"'):
        cli.main(["app"])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], ["app"]),
        (["--port", "8000"], ["app", "--port", "8000"]),
        (["models", "--json"], ["models", "--json"]),
        (["--help"], ["--help"]),
    ],
)
def test_no_command_opens_the_app(given: list[str], wanted: list[str]) -> None:
    assert cli._completed(given) == wanted


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0 and f"vlm-playground {command}" in shown and "--" in shown
