"""With Moji, no request leaves the machine: not at the start, not in any tab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_process import ROOT, running_app
from gradio_client import Client, handle_file

from playground.tasks.examples import examples

GUARD = Path(__file__).with_name("guard")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guard writes down who was to be contacted."""
    return tmp_path_factory.mktemp("offline") / "contacted.txt"


@pytest.fixture(scope="module")
def guarded(report: Path) -> dict[str, str]:
    """An environment in which every connection out is refused and written down, and nobody was told so."""
    return {
        "PYTHONPATH": os.pathsep.join((str(GUARD), str(ROOT))),
        "PLAYGROUND_GUARD_REPORT": str(report),
        "HF_HUB_OFFLINE": "0",
        "GRADIO_ANALYTICS_ENABLED": "True",
    }


@pytest.fixture(scope="module")
def client(guarded: dict[str, str], report: Path) -> Iterator[Client]:
    with running_app(report.with_name("app.log"), guarded) as url:
        yield Client(url, verbose=False)


def test_the_guard_sees_a_way_out(guarded: dict[str, str], tmp_path: Path) -> None:
    attempt = "import urllib.request as r\ntry: r.urlopen('https://example.com', timeout=5)\nexcept OSError: pass"
    seen = tmp_path / "seen.txt"
    environment = {**os.environ, **guarded, "PLAYGROUND_GUARD_REPORT": str(seen)}
    subprocess.run([sys.executable, "-c", attempt], env=environment, check=True)
    assert "example.com" in seen.read_text()


def test_every_tab_answers_and_nobody_is_contacted(client: Client, report: Path) -> None:
    scene = examples()[0]
    picture = handle_file(str(scene.path))
    client.predict({"text": scene.question, "files": [picture]}, api_name="/send")
    conversation, *_ = client.predict(api_name="/chat")
    assert [turn["role"] for turn in conversation] == ["user", "assistant"]
    card, trouble = client.predict(picture, scene.question, api_name="/ask")
    assert "answer-text" in card and not trouble
    caption, *_ = client.predict(picture, "short", api_name="/caption")
    assert caption
    overlay, legend, trouble = client.predict(picture, scene.phrases, 0.5, 0.5, api_name="/segment")
    assert overlay and "legend" in legend and not trouble
    *_, heat, verdict, _ = client.predict(picture, scene.question, api_name="/attend")
    assert heat and "of its attention" in verdict
    assert not report.exists(), f"contacted: {report.read_text()}"
