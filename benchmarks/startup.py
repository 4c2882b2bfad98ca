"""How long until the page is there, until the model is loaded, and until its first answer.

    python benchmarks/startup.py

Starts the app in its own process with no model in memory, asks for the page until it comes, waits until the
model was loaded, and sends one picture with one question through the app's own interface. What the operating
system keeps in its file cache makes a second run faster than the first one after a restart of the machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from gradio_client import Client, handle_file

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120
"""Seconds from the start until the benchmark gives up."""
sys.path.insert(0, str(ROOT))

from playground.tasks.examples import examples  # noqa: E402


def main() -> None:
    """Print the three durations in seconds, beside what they should not exceed."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    deadline = threading.Timer(PATIENCE, app.terminate)  # a model that fails to wake says nothing here
    deadline.start()
    try:
        _wait_for_page(url, app)
        page = time.perf_counter() - started
        if not any("is loaded" in line for line in app.stdout):
            raise SystemExit(f"The model was not loaded within {PATIENCE} s; start the app by hand to see why.")
        awake = time.perf_counter() - started
        client = Client(url, verbose=False)
        asked = time.perf_counter()
        client.predict(examples()[0].question, [handle_file(str(examples()[0].path))], api_name="/chat")
        answer = time.perf_counter() - asked
    finally:
        deadline.cancel()
        app.terminate()
        app.wait()
    print(f"machine          {os.cpu_count()} cores")
    print(f"first page       {page:5.1f} s after the start   (at most 5)")
    print(f"model loaded     {awake:5.1f} s after the start")
    print(f"first answer     {answer:5.1f} s after the question (at most 2)")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for_page(url: str, app: subprocess.Popen) -> None:
    while app.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise SystemExit("The app ended at its start; start it by hand to see why.")


if __name__ == "__main__":
    main()
