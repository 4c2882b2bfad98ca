"""Answers that are nearly an event stream, put right just before the `openai` client reads them.

The client decodes server-sent events by the letter of the standard: it passes over a plain JSON body, drops a last
event with no empty line behind it, joins events that no empty line parts, and ends in a raw error over a keep-alive
that is no JSON. Servers do all of that. `mend` is a hook of the client's own HTTP client, which hands it each answer;
reading the events, their errors and their end stays with the client. The end mark comes as an event too, since the
client ends there without a word, as it does where a connection is closed in the middle.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2

from playground.models.server.protocol import DONE

HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
"""What marks a request whose answer `mend` looks at."""


class Unreadable(ValueError):
    """What came is no answer of an OpenAI-compatible server; began says whether a part of one came before."""

    def __init__(self, began: bool) -> None:
        super().__init__("no events")
        self.began = began


async def mend(response: httpx2.Response) -> None:
    """Let an answer to a request for a stream arrive as the events that it means."""
    wanted = response.request.headers.get("Accept") == HEADERS["Accept"]
    if wanted and response.status_code == 200 and "Content-Encoding" not in response.headers:
        response.stream = _Mended(response.stream)


class _Mended(httpx2.AsyncByteStream):
    """A body as proper events; it can be asked again and goes on where it was."""

    def __init__(self, body: Any) -> None:
        self._body, self._events = body, _framed(body)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._events

    async def aclose(self) -> None:
        await self._body.aclose()


async def _framed(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    reader = _Reader()
    async for line in _lines(body):
        for event in reader.read(line):
            yield b"data: " + json.dumps(event).encode() + b"\n\n"
        if reader.ended:
            break
    else:
        for event in reader.rest():
            yield b"data: " + json.dumps(event).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """The lines of a body. They end where the standard says and nowhere else: JSON may hold other line ends."""
    rest = b""
    async for chunk in body:
        parts = (rest + chunk).splitlines(keepends=True)
        rest = parts.pop() if parts and not parts[-1].endswith(b"\n") else b""
        for part in parts:
            yield part.rstrip(b"\r\n").decode(errors="replace")
    if rest:
        yield rest.rstrip(b"\r\n").decode(errors="replace")


class _Reader:
    """Lines to events, each as soon as it is whole.

    What is JSON without `data:` before it is an event too: a whole answer in one piece, or a line for each event.
    """

    def __init__(self) -> None:
        self.ended, self._plain = False, False
        self._events, self._name, self._data = 0, "", ""

    def read(self, line: str) -> Iterator[dict[str, Any]]:
        """The events that this line makes whole."""
        line = line.removeprefix("\ufeff")
        field, colon, value = line.partition(":")
        if self._plain or (not self._data and line.lstrip().startswith(("{", "["))):
            self._plain = True
            yield from self._more(line)
        elif colon and field == "data":
            yield from self._more(value.removeprefix(" "))
        elif colon and field == "event":
            self._name = value.strip()
        elif not line.strip():
            yield from self._given_up()

    def rest(self) -> Iterator[dict[str, Any]]:
        """What is left to say when the body has ended. Raises Unreadable where nothing in it was an answer."""
        if self._plain and self._events == 1 and not self._data:
            yield {DONE: True}  # all of the answer came in one piece, whether it names its end or not
        cut_off = self._plain and self._data.lstrip().startswith("{")
        yield from self._given_up()
        if not self._events and not cut_off:
            raise Unreadable(False)

    def _more(self, data: str) -> Iterator[dict[str, Any]]:
        self._data = f"{self._data}\n{data}" if self._data else data
        if self._data.strip() == "[DONE]":
            self.ended, self._data = True, ""
            yield {DONE: True}
            return
        try:
            event = json.loads(self._data, strict=False)
        except ValueError:
            return  # it goes on in the next line
        name, self._data, self._name = self._name, "", ""
        if isinstance(event, dict):
            self._events += 1
            yield {"error": event} if name == "error" and not event.get("error") else event

    def _given_up(self) -> Iterator[dict[str, Any]]:
        """Leave data that is no JSON: a sign of life is passed over, an error is said, all else is no answer."""
        name, data, self._data, self._name = self._name, self._data.strip(), "", ""
        if data and (name == "error" or data.startswith('{"error"')):
            self._events += 1
            yield {"error": data}
        elif data.startswith(("{", "<")) and not self._plain:
            raise Unreadable(self._events > 0)
