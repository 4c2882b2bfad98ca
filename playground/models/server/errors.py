"""Sentences for whatever goes wrong with a server."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from playground.models.messages import EmptyAnswer, PromptTooLong

if TYPE_CHECKING:
    from playground.models.server.protocol import Ending

_TOO_LONG = re.compile(r"context.{0,20}(length|size|window)|longer than the model", re.IGNORECASE)
_LONGEST = 300


class ServerError(ValueError):
    """A server cannot be reached, refuses, fails or breaks off; the message is a sentence that says which.

    status: the HTTP status where the server refused or failed before it sent anything else, otherwise None.
    words: what the server itself said, all of it.
    """

    def __init__(self, sentence: str, status: int | None = None, words: str = "") -> None:
        super().__init__(sentence)
        self.status, self.words = status, words


class EmptyServerAnswer(ServerError, EmptyAnswer):
    """A server ended an answer in which there is no word; the message says why, where the server does."""

    def __init__(self, sentence: str) -> None:
        ServerError.__init__(self, sentence)
        self.answer = None


def failed(address: str, body: Any, key: str) -> ServerError | PromptTooLong:
    """What to raise for an error that stands where an answer should."""
    words = words_of(body, key)
    sentence = f"The server at {address} failed: {_cut(words)}"
    return PromptTooLong(sentence) if _TOO_LONG.search(words) else ServerError(sentence, None, words)


def refused(address: str, status: int, body: str, key: str, location: str = "") -> ServerError | PromptTooLong:
    """What to raise for an HTTP status that is no success.

    location: where a server that moved sends on to.
    """
    words, where = words_of(body, key), f"The server at {address}"
    said = _cut(words)
    if status in (401, 403):
        wants = "It wants one: load(…, key=…), or PLAYGROUND_SERVER with its address and PLAYGROUND_SERVER_KEY"
        sentence = f"{where} refuses the key (HTTP {status}). {'Check it' if key else wants}."
    elif 300 <= status < 400:
        to = _without_secrets(location)
        sentence = f"{where} sends on to another address (HTTP {status}): give that one{f', {to}' if to else ''}."
    elif _TOO_LONG.search(words):
        return PromptTooLong(f"{where} refuses the request (HTTP {status}): {said}")
    elif status == 404:
        sentence = f"{where} does not have this model, or does not chat (HTTP 404): {said}"
    elif status == 405:
        sentence = f"{where} does not chat at this address (HTTP 405). Most addresses end in /v1."
    elif status == 429:
        sentence = f"{where} has too many requests just now (HTTP 429): {said} Try again later."
    elif status >= 500:
        sentence = f"{where} failed (HTTP {status}): {said} Its log may say more."
    else:
        sentence = f"{where} refuses the request (HTTP {status}): {said}"
    return ServerError(sentence, status, words)


def strange(address: str) -> ServerError:
    """What to raise where something answers that speaks of other things."""
    return ServerError(
        f"What answers at {address} is no OpenAI-compatible server. Is the address complete? Most end in /v1."
    )


def unreadable(address: str) -> ServerError:
    """What to raise for an answer that turns into something else."""
    return ServerError(f"The server at {address} sent something in the middle of the answer that is none. Ask again.")


def absent(address: str, proxies: Sequence[str] = ()) -> ServerError:
    """What to raise where nobody answers. proxies: the variables that name proxies which may stand between."""
    between = f" It is asked through the proxy that {' or '.join(proxies)} names." if proxies else ""
    return ServerError(f"No server answers at {address}.{between} Is it running, and is the address right?")


def unsafe(address: str, certificate: bool) -> ServerError:
    """What to raise where no encrypted connection comes about: because of the certificate, or there is none at all."""
    if certificate:
        return ServerError(
            f"The server at {address} shows a certificate that nobody here vouches for. Let SSL_CERT_FILE name "
            "the file with its authority's certificate."
        )
    return ServerError(f"The server at {address} does not speak https. Give its address with http://.")


def silent(address: str, patience: float) -> ServerError:
    """What to raise for a server that says nothing for too long."""
    return ServerError(
        f"The server at {address} said nothing for {patience:g} seconds. It may be overloaded, or still loading its "
        "model: try again later."
    )


def broken(address: str) -> ServerError:
    """What to raise where the connection ends before the answer."""
    return ServerError(f"The server at {address} broke the connection off. Is it still running? Ask again.")


def unanswered(address: str, name: str, ending: Ending, text: str, key: str) -> ServerError | PromptTooLong | None:
    """What to raise where an answer has not come to an end, or has no word in it: a closed connection alone is no end.

    name: the model's; text: what it said.
    """
    where = f"The server at {address}"
    if ending.error:
        return failed(address, ending.error, key)
    if not ending.reason:
        return ServerError(f"{where} broke off in the middle of the answer. Is it still running? Ask again.")
    if ending.reason in ("error", "abort"):
        return ServerError(f"{where} gave up in the middle of the answer. Its log may say why; ask again.")
    if ending.reason == "content_filter":
        return EmptyServerAnswer(
            f"{where} withheld the answer, or the rest of it: its content filter objects. Ask otherwise."
        )
    if text.strip():
        return None
    if not ending.chose:
        return strange(address)
    if ending.refusal.strip():
        return EmptyServerAnswer(f"{name} refuses to answer: {' '.join(ending.refusal.split())[:300]}")
    if ending.thought and ending.reason == "length":
        return EmptyServerAnswer(
            f"{name} thought until it had no tokens left for an answer. Allow it more tokens, or have the "
            f"server at {address} switch its thinking off."
        )
    if ending.thought:
        return EmptyServerAnswer(f"{name} thought and then gave no answer. Ask again, or ask otherwise.")
    if ending.reason in ("tool_calls", "function_call"):
        return EmptyServerAnswer(f"{name} called a tool instead of answering, and there are none. Ask otherwise.")
    if ending.reason == "length":
        return EmptyServerAnswer(f"{name} used all the tokens that it was allowed, and none of them is text.")
    return EmptyServerAnswer(f"{name} ended its answer at once, without a word. Ask again, or ask otherwise.")


def words_of(body: Any, key: str) -> str:
    """What an error says, in one line without the key; "" where it says nothing, or is a web page."""
    said: Any = body
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            said = "" if said.lstrip().startswith("<") else said
    for name in ("error", "message", "detail"):
        said = said.get(name) or said if isinstance(said, dict) else said
    words = " ".join((said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)).split())
    return words.replace(key, "…") if key else words


def _cut(words: str) -> str:
    return f"{words[:_LONGEST].rstrip('.') or 'it does not say why'}."


def _without_secrets(address: str) -> str:
    """An address as far as it may be shown: without a password and without a query."""
    shown = re.sub(r"//[^/@\s]*@", "//", address.partition("?")[0].partition("#")[0])
    shown = re.sub(r"/(models|chat/completions)/?$", "", shown)
    return shown if shown.startswith(("http://", "https://")) else ""
