"""The address of a server, however somebody writes it."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

_PASTED = re.compile(r"(/chat/completions|/completions|/chat|/models|/responses)/*$")


def taken_apart(address: str) -> SplitResult | None:
    """An address taken apart; None where it is none of a server."""
    try:
        parts = urlsplit(address.strip())
        parts.port  # noqa: B018  raises ValueError where it is none
        host = (parts.hostname or "").encode("idna" if not (parts.hostname or "").isascii() else "ascii")
    except (ValueError, UnicodeError):
        return None
    sound = parts.scheme.lower() in ("http", "https") and host and not re.search(rb"[\s\\]", host)
    return parts if sound else None


def canonical(parts: SplitResult) -> str:
    """An address in one way of writing, with /v1 where there is no path, without what was pasted with it."""
    host = parts.netloc.rpartition("@")[2].lower()
    path = _PASTED.sub("", parts.path.rstrip("/")).rstrip("/")
    return f"{parts.scheme.lower()}://{host}{path or '/v1'}"


def same_server(one: str, other: str) -> bool:
    """Whether two addresses are of the same server, however they are written; a model's name behind “#” is left out."""
    both = [taken_apart(address.partition("#")[0]) for address in (one, other)]
    return None not in both and len({canonical(parts) for parts in both if parts}) == 1


def other_addresses(address: str) -> tuple[str, ...]:
    """Where a server's API may be if it is not where it was said to be: most have it under /v1."""
    parts = urlsplit(address)
    root = f"{parts.scheme}://{parts.netloc}"
    below = [] if address.endswith("/v1") else [f"{address}/v1"]
    return tuple(each for each in dict.fromkeys([*below, f"{root}/v1", root]) if each != address)
