"""With Moji, no request leaves the machine: not at the start, not in any task."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gradio_client import Client, handle_file

from playground.tasks.examples import examples


def test_the_guard_sees_a_way_out(guarded: dict[str, str], tmp_path: Path) -> None:
    attempt = "import urllib.request as r\ntry: r.urlopen('https://example.com', timeout=5)\nexcept OSError: pass"
    seen = tmp_path / "seen.txt"
    environment = {**os.environ, **guarded, "PLAYGROUND_GUARD_REPORT": str(seen)}
    subprocess.run([sys.executable, "-c", attempt], env=environment, check=True)
    assert "example.com" in seen.read_text()


def test_every_task_answers_and_nobody_is_contacted(guarded_app: str, contacted: Path) -> None:
    client, scene = Client(guarded_app, verbose=False), examples()[0]
    picture = handle_file(str(scene.path))
    assert client.predict(scene.question, [picture], api_name="/chat")["text"]
    assert client.predict(picture, scene.question, api_name="/answer")["answer"]
    assert client.predict(picture, "short", api_name="/caption")["text"]
    assert client.predict(picture, scene.phrases, api_name="/segment")[0]["masks"][0]["area"]
    assert client.predict(picture, scene.phrases, api_name="/detect")[0]["boxes"]
    assert client.predict(picture, scene.phrases, api_name="/match")["fits"]
    assert client.predict(picture, scene.question, api_name="/attend")[0]["score"]
    assert not contacted.exists(), f"contacted: {contacted.read_text()}"
