"""The `openai` client as servers of all makes are asked with it, and the loop that it runs in.

All imports of it are made when a server is first asked: they take a second.
"""

from __future__ import annotations

import asyncio
import os
import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playground.network import is_loopback

if TYPE_CHECKING:
    import httpx2
    import openai

_SECONDS_TO_CONNECT = 10.0
_starting = threading.Lock()  # two first requests at once start one loop


def running_loop() -> asyncio.AbstractEventLoop:
    """The loop of one thread in which all requests run, where every wait can be cancelled at once."""
    with _starting:
        return _loop(os.getpid())  # a process that was forked has no part in its parent's threads


def client_for(address: str, key: str) -> openai.AsyncOpenAI:
    """The client for a server."""
    return _client(address, key, os.getpid())


def headers_for(key: str) -> dict[str, Any]:
    """What each request has to say: the client sends a key unless it is told each time that there is none."""
    from openai import omit

    return {} if key else {"Authorization": omit}


def patience_of(seconds: float) -> httpx2.Timeout:
    """How long a server may stay silent; whether somebody is there shows sooner."""
    import httpx2

    return httpx2.Timeout(seconds, connect=min(_SECONDS_TO_CONNECT, seconds))


@cache
def _loop(process: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="servers", daemon=True).start()
    return loop


@lru_cache(maxsize=32)
def _client(address: str, key: str, process: int) -> openai.AsyncOpenAI:
    """A client that is told all it may say: what the environment has for OpenAI is for OpenAI alone."""
    from openai import AsyncOpenAI, omit

    said: dict[str, Any] = {"OpenAI-Organization": omit, "OpenAI-Project": omit}
    return AsyncOpenAI(
        base_url=address,
        api_key=key or "none",
        organization="",
        project="",
        max_retries=0,
        default_headers=said,
        http_client=_http_client(is_loopback(urlsplit(address).hostname or ""), process),
    )


@cache
def _http_client(loopback: bool, process: int) -> httpx2.AsyncClient:
    """One client for this machine, one for all others; each would read the certificates anew.

    No connection outlives its request, and no server's word is followed to another address, where neither key nor
    pictures belong. This machine is never asked through a proxy.
    """
    import httpx2
    from openai import DefaultAsyncHttpx2Client

    from playground.models.server.event_stream import mend

    return DefaultAsyncHttpx2Client(
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=not loopback,
        event_hooks={"response": [mend]},
    )
