"""One OpenAI-compatible server: requests that can be dropped at any moment, and waits where it asks to wait.

The `openai` client carries the protocol. Three things around it are ours:

- The client runs in an event loop of one thread, where every wait can be cancelled at once. Its blocking twin would
  hold Stop until the server says something.
- Which failures are worth a second try. The client also repeats what timed out or failed in the server, which takes
  minutes and helps nobody; here only a server that is busy (429, 503) is asked again, when it wants to be.
- What servers send that is nearly right: `playground.models.server.event_stream`, a hook of the client's HTTP client.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import random
import re
import threading
import time
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playground.models.server import errors as sentences
from playground.models.server.address import canonical, other_addresses, taken_apart
from playground.models.server.client import client_for, headers_for, patience_of, running_loop
from playground.models.server.errors import ServerError
from playground.network import PROXIES, is_loopback, spare_this_machine, unusable_proxies

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openai

__all__ = ["Server", "ServerError", "found"]

_SECONDS_TO_LIST = 10.0
_quiet_until: dict[str, float] = {}  # by address: what one request is told to wait, all wait


@dataclass(frozen=True)
class Server:
    """Where a server is, what it is told to let us in, and how many seconds it may stay silent."""

    address: str
    key: str = field(repr=False)
    patience: float

    @classmethod
    def at(cls, address: str, key: str, patience: float) -> Server:
        """The server at an address that somebody typed. Raises ServerError where it, or the key, cannot be one."""
        parts = taken_apart(address)
        if parts is None or parts.username is not None or parts.query:
            raise ServerError(
                "This is no address of a server. Accepted is one like http://host:8000/v1, without a password or a "
                "question mark in it; a key goes into load(…, key=…) or PLAYGROUND_SERVER_KEY."
            )
        if not re.fullmatch(r"[!-~]*", key.strip()):
            raise ServerError("The key for the server has characters that no key has. Copy it once more.")
        if not is_loopback(parts.hostname or ""):
            _check_proxies()
        return cls(canonical(parts), key.strip(), patience)

    def models(self) -> tuple[str, ...] | None:
        """The names of the models that it lists, or None where what answers is no list of models.

        Raises ServerError: nobody there, or a refusal, with its status.
        """
        text = "".join(self._results(self._list(), threading.Event()))
        try:
            listing = json.loads(text)
        except ValueError:
            return None
        if isinstance(listing, dict):
            if "data" not in listing and "models" not in listing:
                return None
            listing = listing.get("data") or listing.get("models") or []
        if not isinstance(listing, list):
            return None
        names = [_name_of(entry) for entry in listing]
        return tuple(name for name in names if name) if any(names) or not names else None

    def ask(
        self, body: Mapping[str, Any], stop: threading.Event, wait: float | None = None
    ) -> Generator[dict[str, Any], None, None]:
        """Ask for a chat completion and yield the chunks of the answer, or its one JSON object.

        wait: the seconds that a busy server may make us wait, all together; default: as long as it may stay silent.
        Ends when `stop` is set. However it ends, the connection is closed. Raises ServerError and PromptTooLong.
        """
        budget = self.patience if wait is None else wait
        return self._results(lambda arrived: self._chat(dict(body), budget, arrived), stop)

    def _results(self, work: Any, stop: threading.Event) -> Generator[Any, None, None]:
        """What a coroutine of the loop puts into its queue, as it comes."""
        arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
        request = asyncio.run_coroutine_threadsafe(work(arrived), running_loop())
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
        finally:
            request.cancel()

    def _list(self) -> Any:
        async def work(arrived: queue.SimpleQueue[str]) -> None:
            async def once() -> None:
                timeout = patience_of(min(self.patience, _SECONDS_TO_LIST))
                response = await client_for(self.address, self.key).models.with_raw_response.list(
                    timeout=timeout, extra_headers=headers_for(self.key)
                )
                arrived.put(response.http_response.text or " ")

            await self._patiently(once, min(self.patience, _SECONDS_TO_LIST))

        return work

    async def _chat(self, body: dict[str, Any], budget: float, arrived: queue.SimpleQueue[dict[str, Any]]) -> None:
        from playground.models.server.event_stream import HEADERS

        async def once() -> None:
            told = {"timeout": patience_of(self.patience), "extra_headers": headers_for(self.key)}
            if not body.get("stream"):
                arrived.put(
                    self._checked(await client_for(self.address, self.key).chat.completions.create(**body, **told))
                )
                return
            told["extra_headers"] |= HEADERS
            stream = await client_for(self.address, self.key).chat.completions.create(**body, **told)
            async with stream:
                async for chunk in stream:
                    arrived.put(self._checked(chunk))

        await self._patiently(once, budget)

    async def _patiently(self, once: Any, budget: float) -> None:
        """Do it, again where a busy server asks for that; what goes wrong becomes a sentence."""
        import openai

        from playground.models.server.event_stream import Unreadable

        waited, tries = 0.0, 0
        while True:
            pause = _quiet_until.get(self.address, 0.0) - time.monotonic()
            if pause > 0 and waited + pause <= budget:  # another request was told to wait
                waited += pause
                await asyncio.sleep(pause)
            try:
                return await once()
            except openai.APIStatusError as error:
                pause = _pause(error, tries)
                if pause is None or waited + pause > budget:
                    raise self._refusal(error) from None
            except openai.APIConnectionError as error:
                raise self._lost(error) from None
            except openai.APIError as error:  # an error in the midst of a stream
                raise sentences.failed(self.address, error.body or error.message, self.key) from None
            except Unreadable as error:
                raise (sentences.unreadable if error.began else sentences.strange)(self.address) from None
            _quiet_until[self.address] = time.monotonic() + pause
            pause *= random.uniform(1.0, 1.25)  # those that wait together do not all come at the same moment
            waited, tries = waited + pause, tries + 1
            await asyncio.sleep(pause)

    def _checked(self, answer: Any) -> dict[str, Any]:
        """A chunk or an answer as plain data. Raises where it stands for an error, or is no answer at all."""
        event = answer.to_dict(warnings=False) if hasattr(answer, "to_dict") else answer
        if not isinstance(event, dict):
            raise sentences.strange(self.address)
        is_error = event.get("object") == "error" or (
            "choices" not in event and ("detail" in event or isinstance(event.get("message"), str))
        )
        if event.get("error") or is_error:
            raise sentences.failed(self.address, event, self.key)
        return event

    def _lost(self, error: openai.APIConnectionError) -> ServerError:
        """What to raise where there is no connection, or no more."""
        import openai

        cause, told = type(error.__cause__).__name__, str(error.__cause__ or error)
        if "CERTIFICATE" in told or "WRONG_VERSION" in told or "RECORD_LAYER" in told:
            return sentences.unsafe(self.address, "CERTIFICATE" in told)
        if cause in ("ConnectError", "ConnectTimeout", "ProxyError"):
            elsewhere = not is_loopback(urlsplit(self.address).hostname or "")
            return sentences.absent(self.address, [name for name in PROXIES if elsewhere and os.environ.get(name)])
        if isinstance(error, openai.APITimeoutError):
            return sentences.silent(self.address, self.patience)
        return sentences.broken(self.address)

    def _refusal(self, error: openai.APIStatusError) -> ValueError:
        response = error.response
        return sentences.refused(
            self.address, error.status_code, response.text, self.key, str(response.headers.get("location", ""))
        )


def found(server: Server, is_named: bool) -> tuple[Server, tuple[str, ...]]:
    """The server where its API is, and the models that it lists.

    is_named: whether the model is known; then a server that keeps its list to itself will do.
    Raises ServerError: nobody there, a refused key, or no OpenAI-compatible server.
    """
    try:
        listed, refusal = server.models(), None
    except ServerError as error:
        if error.status is None or error.status == 401 or 300 <= error.status < 400:
            raise
        listed, refusal = None, error
    if listed is not None:
        return server, listed
    status = refusal.status if refusal else 200
    if status in (200, 404, 405):
        for address in other_addresses(server.address):
            other = replace(server, address=address)
            with suppress(ServerError):
                if (listed := other.models()) is not None:
                    return other, listed
    if is_named and status != 200:
        return server, ()
    if refusal and status not in (404, 405):
        raise refusal
    raise ServerError(
        f"What answers at {server.address} lists no models, so it is no OpenAI-compatible server, or keeps its list to "
        f"itself. Is the address complete? Most end in /v1. If it is right, name a model: {server.address}#name."
    )


def _check_proxies() -> None:
    """Raise ServerError where the environment names proxies that no client can use."""
    if wrong := unusable_proxies(os.environ):
        raise ServerError(" ".join([*wrong.values(), "Set it right, or unset it."]))
    spare_this_machine(os.environ)


def _name_of(entry: Any) -> str:
    """A model's name in a list, whichever way it stands there."""
    if isinstance(entry, dict):
        entry = entry.get("id") or entry.get("name") or entry.get("model")
    return entry if isinstance(entry, str) else ""


def _pause(error: openai.APIStatusError, tries: int) -> float | None:
    """The seconds after which a busy server wants to be asked again; None where asking again does not help."""
    if error.status_code not in (429, 503) or getattr(error, "code", None) == "insufficient_quota":
        return None
    growing = min(8.0, 0.5 * 2**tries)
    headers = error.response.headers
    told = headers.get("retry-after", "").strip()
    try:
        if milliseconds := headers.get("retry-after-ms", ""):
            return max(0.0, float(milliseconds) / 1000)
        if re.fullmatch(r"[\d.]+", told):
            return max(float(told), growing if tries else 0.0)
        if told:
            return max(parsedate_to_datetime(told).timestamp() - time.time(), growing)
    except (ValueError, TypeError, OverflowError):
        pass
    return growing
