"""A small real HTTP server on loopback that answers chat requests by a script: to fail in every way there is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[["Visit"], None]


@dataclass
class Scripted:
    """The server's address, and the (path, headers, body) of every request that came."""

    address: str
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


class Visit(BaseHTTPRequestHandler):
    """One request, and what a script may do with it."""

    body: Any

    def log_message(self, *_: Any) -> None:
        pass

    def send(
        self, status: int, body: Any, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        """A whole answer; what is no bytes is sent as JSON. kind: its type, "" for none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**({"Content-Type": kind} if kind else {}), **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """The head of a stream of events, whose end is marked: a connection that just closes is a broken one."""
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def write(self, data: bytes) -> None:
        """A part of the stream, on its way at once. Raises OSError when nobody reads it any more."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, content: str | None = None, **more: Any) -> None:
        """One chunk of an answer."""
        delta = {} if content is None else {"content": content}
        self.write(b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, **more}]}).encode() + b"\n\n")

    def end(self) -> None:
        self.wfile.write(b"0\r\n\r\n")


@contextmanager
def scripted(chat: Script | None = None, *, models: Script | list[str] = ["seer"]) -> Iterator[Scripted]:  # noqa: B006
    """A running server. models: the names that it lists, or what it does when it is asked for them."""

    class Handler(Visit):
        def do_GET(self) -> None:
            seen.requests.append((self.path, {name.title(): value for name, value in self.headers.items()}, None))
            if isinstance(models, list):
                self.send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in models]})
            else:
                models(self)

        def do_POST(self) -> None:
            self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.requests.append((self.path, {name.title(): value for name, value in self.headers.items()}, self.body))
            chat(self)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Scripted(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()


def says(*words: str, finish: str | None = "stop") -> Script:
    """A script: a chunk for each of the words, and a proper end."""

    def answer(visit: Visit) -> None:
        visit.begin()
        for word in words:
            visit.event(word)
        visit.event(finish_reason=finish)
        visit.end()

    return answer


def sends(recorded: str) -> Script:
    """A script: a stream as another server sent it, byte for byte, in parts that end anywhere."""

    def answer(visit: Visit) -> None:
        visit.begin()
        data = recorded.encode()
        for start in range(0, len(data), 97):
            visit.write(data[start : start + 97])
        visit.end()

    return answer


def refuses(status: int, body: Any, kind: str = "application/json") -> Script:
    """A script: an answer with this status."""
    return lambda visit: visit.send(status, body, kind)
