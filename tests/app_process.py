"""Start the app as its own process, as a person would, and wait for its page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SLOW_APP = (sys.executable, str(ROOT / "tests" / "slow_app.py"))


@contextmanager
def running_app(
    log: Path,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = (sys.executable, str(ROOT / "app.py")),
    folder: Path = ROOT,
) -> Iterator[str]:
    """The address of a fresh app, started in `folder`; it is stopped at the end. Its output goes to `log`."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*program, "--port", str(port)]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(url, process, log)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, process: subprocess.Popen, log: Path, patience: float = 240) -> None:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"The app ended at its start:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"The app did not answer within {patience:.0f} s:\n{log.read_text()}")
