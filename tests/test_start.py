"""The app and the commands start, or say in a sentence why not, whatever environment they find."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from playground import network

ROOT = Path(__file__).resolve().parents[1]
APP, MODELS = [str(ROOT / "app.py")], ["-m", "playground", "models"]
ASCII = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LATIN = {"PYTHONIOENCODING": "latin-1", "LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NO_WAY_OUT = {
    "ALL_PROXY": "socks5://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://host:port",
    "NO_PROXY": "[::1]", "SSL_CERT_FILE": "/nowhere.pem",
}  # fmt: skip
NO_FOLDERS = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "HF_HOME": "/proc/nowhere", "TMPDIR": "/proc"}
ODD = {
    "GRADIO_DEBUG": "false", "GRADIO_NUM_WORKERS": "", "PLAYGROUND_PUBLIC": "no", "PLAYGROUND_QUEU": "3",
    "GRADIO_SHARE": "off", "PYTHONPATH": str(ROOT),
}  # fmt: skip


def _environment(changed: Mapping[str, str]) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if name not in (*network.PROXIES, "no_proxy")}
    return {**bare, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **changed}


def _run(arguments: list[str], changed: Mapping[str, str], cwd: str = "/") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=_environment(changed), cwd=cwd, capture_output=True, timeout=120)


@contextmanager
def _started(log: Path, changed: Mapping[str, str], *options: str) -> Iterator[str]:
    """The address of an app in such an environment and a folder that nobody can write to."""
    with log.open("wb") as output:
        command = [sys.executable, *APP, "--port", "0", *options]
        process = subprocess.Popen(command, env=_environment(changed), cwd="/proc", stdout=output, stderr=output)
        try:
            end = time.monotonic() + 120
            while not (found := re.search(rb"local URL: +(http\S+)", log.read_bytes())):
                assert process.poll() is None and time.monotonic() < end, log.read_bytes().decode(errors="replace")
                time.sleep(0.1)
            yield found[1].decode()
        finally:
            process.terminate()
            process.wait(timeout=20)


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(("host", "around"), [
    ("0.0.0.0", {**NO_WAY_OUT, **ODD, **ASCII, **NO_FOLDERS}),
    ("::1", {"all_proxy": "http://127.0.0.1:9", "GRADIO_SERVER_NAME": "192.0.2.1", **LATIN}),
])  # fmt: skip
def test_the_app_starts_in_an_odd_environment(tmp_path: Path, host: str, around: dict[str, str]) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    log = tmp_path / "app.log"
    with _started(log, around, "--host", host) as url:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(url.replace("0.0.0.0", "127.0.0.1"), timeout=60) as page:
            assert b"VLM Playground" in page.read()
    said = log.read_bytes().decode("latin-1")
    assert "Traceback" not in said and "Error" not in said
    if around.get("ALL_PROXY"):
        for told in ("PLAYGROUND_QUEU;", 'ALL_PROXY is "socks5:', 'HTTPS_PROXY is "http://host:port"', "SSL_CERT_FILE"):
            assert told in said


@pytest.mark.parametrize(("options", "around", "says"), [
    (["--port", "99999"], ASCII, '--port is "99999". Accepted is a whole number'),
    (["--host", "192.0.2.1"], {}, "no address of this machine"),
    ([], {"GRADIO_SERVER_PORT": "http", "PLAYGROUND_QUEUE": "0"}, "PLAYGROUND_QUEUE is “0”. Accepted is"),
    ([], {"GRADIO_TEMP_DIR": "/proc/nowhere"}, "GRADIO_TEMP_DIR is “/proc/nowhere”"),
])  # fmt: skip
def test_what_cannot_be_started_ends_with_a_sentence(options: list[str], around: dict[str, str], says: str) -> None:
    ended = _run([*APP, *options], {"GRADIO_SERVER_PORT": "0", **around})
    assert ended.returncode not in (0, None) and not ended.stdout
    said = ended.stderr.decode()
    assert says in said and "Traceback" not in said
    assert all(line.endswith(".") for line in said.strip().splitlines())


def test_a_command_speaks_to_any_terminal() -> None:
    for around in (ASCII, LATIN, {**ASCII, **NO_FOLDERS, **NO_WAY_OUT}):
        ended = _run(MODELS, around, cwd="/proc")
        assert (ended.returncode, ended.stderr) == (0, b"") and b"moji-vlm" in ended.stdout
    listed = _run([*MODELS, "--json"], ASCII)
    assert listed.returncode == 0 and json.loads(listed.stdout.decode("ascii"))[0]["name"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
def test_an_output_that_is_closed_or_full_ends_in_no_traceback() -> None:
    for how, status, said in ((">&-", 0, b""), (">/dev/full", 1, b"Nothing more can be written: no space left")):
        command = ["sh", "-c", f'exec "$@" {how}', "sh", sys.executable, *MODELS]
        ended = subprocess.run(command, env=_environment({}), stderr=subprocess.PIPE, check=False)
        assert ended.returncode == status and ended.stderr.startswith(said) and b"Traceback" not in ended.stderr


def test_a_reader_who_leaves_ends_a_command_quietly() -> None:
    command = [sys.executable, *MODELS]
    for unbuffered in ("1", ""):
        around = _environment({"PYTHONUNBUFFERED": unbuffered})
        process = subprocess.Popen(command, env=around, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)
        process.stderr.close()
