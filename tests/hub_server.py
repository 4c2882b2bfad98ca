"""As much of the Hugging Face Hub as downloads need, on this machine: real requests of the real client."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest


class Hub(BaseHTTPRequestHandler):
    """Every folder in `models` is the model `own/<its name>`; those of the owner `gated` want a licence accepted.

    asked: every path that was asked for. requested: names of the files that were sent.
    seconds_a_kilobyte: how slowly large files come. counted: the number of weights that it tells, if any.
    """

    models: Path
    licence = "apache-2.0"
    commit = "c0ffee" * 6 + "cafe"
    asked: list[str] = []
    requested: list[str] = []
    seconds_a_kilobyte = 0.0
    counted: int | None = None

    def do_HEAD(self) -> None:  # noqa: N802
        self.do_GET()

    def do_GET(self) -> None:  # noqa: N802
        self.asked.append(self.path)
        parts = urlsplit(self.path).path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        owner, name = (parts[2:4] if api else parts[:2]) if len(parts) > 1 else ("", "")
        folder = self.models / name
        if owner not in ("own", "gated") or not folder.is_dir():
            return self._refuse(401, "RepoNotFound")
        if api and "tree" in parts:
            return self._json(
                [{"type": "file", "path": f.name, "size": f.stat().st_size, "oid": f.name} for f in _files(folder)]
            )
        if api:
            return self._json(self._info(owner, folder))
        if owner == "gated":
            return self._refuse(403, "GatedRepo")
        file = folder / parts[-1]
        if not file.is_file():
            return self._refuse(404, "EntryNotFound")
        if self.command == "GET":
            self.requested.append(file.name)
        return self._send(file.read_bytes(), file.name)

    def _info(self, owner: str, folder: Path) -> dict:
        files = [{"rfilename": file.name, "size": file.stat().st_size} for file in _files(folder)]
        info = {"id": f"{owner}/{folder.name}", "sha": self.commit, "siblings": files}
        counted = {"safetensors": {"parameters": {"F32": self.counted}, "total": self.counted}} if self.counted else {}
        return {**info, **counted, "cardData": {"license": self.licence}}

    def _json(self, answer: object) -> None:
        self._send(json.dumps(answer).encode(), "answer")

    def _send(self, body: bytes, name: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", self.commit)
        self.send_header("ETag", f'"{name}-{len(body)}"')
        self.end_headers()
        if self.command == "HEAD":
            return
        slow = self.seconds_a_kilobyte if name.endswith(".safetensors") else 0.0
        step = 1024 if slow else max(1, len(body))
        try:
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                time.sleep(slow)
        except OSError:  # whoever asked has gone
            self.close_connection = True

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", "Invalid username or password." if status == 401 else code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file())


@contextmanager
def serving(models: Path) -> Iterator[tuple[type[Hub], str]]:
    """A Hub with these models and its address, for as long as the context is open."""
    handler = type("OneHub", (Hub,), {"models": models, "asked": [], "requested": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield handler, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def use(patch: pytest.MonkeyPatch, endpoint: str, cache: Path) -> None:
    """Let this process ask the Hub at `endpoint` and keep what it fetches in `cache`."""
    import huggingface_hub.constants as constants

    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    patch.setattr(constants, "ENDPOINT", endpoint)
    patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
