"""One OpenAI-compatible server: requests that can be dropped at any moment, and sentences for whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import queue
import re
import threading
from collections.abc import AsyncIterator, Generator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from playground.models.messages import PromptTooLong

_SECONDS_TO_CONNECT = 10.0
_starting = threading.Lock()  # two first requests at once start one loop
_TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|longer than the model", re.IGNORECASE)


class ServerError(ValueError):
    """A server cannot be reached, refuses, fails or breaks off; the message is a sentence that says which.

    status: the HTTP status where the server refused or failed before it sent anything else, otherwise None.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Server:
    """Where a server is, what it is told to let us in, and how many seconds it may stay silent."""

    address: str
    key: str = field(repr=False)
    patience: float

    @classmethod
    def at(cls, address: str, key: str, patience: float) -> Server:
        """The server at an address that somebody typed. Raises ServerError where it, or the key, cannot be one."""
        try:
            url = httpx.URL(address.removesuffix("/chat/completions").rstrip("/"))
        except (httpx.InvalidURL, UnicodeError):
            url = httpx.URL("")
        if not url.host or url.userinfo or url.query:
            raise ServerError(
                "This is no address of a server. Accepted is one like http://host:8000/v1, without a password or a "
                "question mark in it; a key goes into load(…, key=…) or PLAYGROUND_SERVER_KEY."
            )
        if not re.fullmatch(r"[!-~]*", key.strip()):
            raise ServerError("The key for the server has characters that no key has. Copy it once more.")
        return cls(str(url if url.path not in ("", "/") else url.copy_with(path="/v1")), key.strip(), patience)

    def models(self, *, may_fail: bool = False) -> list[str]:
        """The names of the models that it lists. With may_fail, a failure of its own gives an empty list.

        Raises ServerError: nobody there, a refused key, or no OpenAI-compatible server.
        """
        try:
            (listing,) = self.ask("models", None, threading.Event())
            return [str(model["id"]) for model in listing["data"]]
        except (KeyError, TypeError, ValueError) as error:
            if not isinstance(error, ServerError):
                raise ServerError(self._strange()) from None
            if may_fail and (error.status or 0) >= 500:  # transformers serve without a cache folder
                return []
            raise

    def ask(
        self, path: str, body: dict[str, Any] | None, stop: threading.Event
    ) -> Generator[dict[str, Any], None, None]:
        """Send `body` (None: only look) and yield the events of the answer, or its one JSON object.

        Ends when `stop` is set. However it ends, the connection is closed. Raises ServerError and PromptTooLong.
        """
        arrived: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        with _starting:
            loop = _loop()
        request = asyncio.run_coroutine_threadsafe(self._read(path, body, arrived), loop)
        request.add_done_callback(lambda _: arrived.put(None))
        try:
            while not stop.is_set():
                try:
                    event = arrived.get(timeout=0.05)
                except queue.Empty:
                    continue
                if event is None:
                    request.result()
                    return
                yield event
        except httpx.HTTPError as error:
            raise ServerError(self._broken(error)) from error
        finally:
            request.cancel()

    async def _read(self, path: str, body: dict[str, Any] | None, arrived: queue.SimpleQueue) -> None:
        """Put what the server sends into the queue, until it ends."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        request = _client().build_request(
            "GET" if body is None else "POST",
            f"{self.address}/{path}",
            json=body,
            headers=headers,
            timeout=httpx.Timeout(self.patience, connect=min(_SECONDS_TO_CONNECT, self.patience)),
        )
        response = await _client().send(request, stream=True)
        try:
            if response.status_code != 200:
                raise self._refusal(response.status_code, self._words(await response.aread()), path)
            if "event-stream" not in response.headers.get("content-type", ""):
                arrived.put(self._parsed(await response.aread()))
                return
            async for data in _events(response.aiter_bytes()):
                if data == b"[DONE]":
                    arrived.put({"choices": [{"finish_reason": "stop"}]})
                    return
                arrived.put(self._parsed(data))
        finally:
            await response.aclose()

    def _parsed(self, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError:
            event = {"error": data.decode(errors="replace")} if data.startswith(b'{"error"') else None
        if not isinstance(event, dict):
            raise ServerError(self._strange())
        if event.get("error"):
            words = self._words(data)
            sentence = f"The server at {self.address} failed: {words}"
            raise PromptTooLong(sentence) if _TOO_LONG.search(words) else ServerError(sentence)
        return event

    def _refusal(self, status: int, words: str, path: str) -> ServerError | PromptTooLong:
        """What to raise for an HTTP status other than 200."""
        where = f"The server at {self.address}"
        if status in (401, 403):
            wants = "It wants one: load(…, key=…), or PLAYGROUND_SERVER with its address and PLAYGROUND_SERVER_KEY"
            hint = "Check it" if self.key else wants
            sentence = f"{where} refuses the key (HTTP {status}). {hint}."
        elif 300 <= status < 400:
            sentence = f"{where} sends on to another address (HTTP {status}): give that one."
        elif _TOO_LONG.search(words):
            return PromptTooLong(f"{where} refuses the request (HTTP {status}): {words}")
        elif path == "models" and status < 500:
            sentence = self._strange()
        elif status == 404:
            sentence = f"{where} does not have this model, or does not chat (HTTP 404): {words}"
        elif status == 429:
            sentence = f"{where} has too many requests just now (HTTP 429): {words} Try again later."
        elif status >= 500:
            sentence = f"{where} failed (HTTP {status}): {words} Its log may say more."
        else:
            sentence = f"{where} refuses the request (HTTP {status}): {words}"
        return ServerError(sentence, status)

    def _strange(self) -> str:
        return (
            f"What answers at {self.address} is no OpenAI-compatible server. Is the address complete? Most end in /v1."
        )

    def _broken(self, error: httpx.HTTPError) -> str:
        where = f"The server at {self.address}"
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return f"No server answers at {self.address}. Is it running, and is the address right?"
        if isinstance(error, httpx.TimeoutException):
            return (
                f"{where} said nothing for {self.patience:g} seconds. It may be overloaded, or still loading its "
                "model: try again later."
            )
        return f"{where} broke the connection off. Is it still running? Ask again."

    def _words(self, body: bytes) -> str:
        """What an error's body says, in one line without the key, at most 300 characters; ends with a full stop."""
        said: Any = body.decode(errors="replace")
        try:
            said = json.loads(said)
        except ValueError:
            said = "" if said.lstrip().startswith("<") else said  # a web page
        for name in ("error", "message", "detail"):
            said = said.get(name) or said if isinstance(said, dict) else said
        words = " ".join((said if isinstance(said, str) else json.dumps(said)).split())
        words = words.replace(self.key, "…") if self.key else words
        return f"{words[:300].rstrip('.') or 'it does not say why'}."


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """All requests run in one thread's event loop, where every wait can be cancelled at once."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="servers", daemon=True).start()
    return loop


@cache
def _client() -> httpx.AsyncClient:
    """One client, since each would read the certificates anew; no connection outlives its request."""
    return httpx.AsyncClient(limits=httpx.Limits(max_connections=None, max_keepalive_connections=0))


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of server-sent events. Lines end at newlines alone: JSON may hold what Python calls a line's end.

    Comments (`: ping`), other fields and empty lines are passed over; no such server sends data of several lines.
    """
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()
