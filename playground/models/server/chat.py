"""The chat wrapper's twin: the same verbs over an OpenAI-compatible server (vLLM, SGLang, llama.cpp …).

Nothing is kept on the server between two questions: each one carries the whole conversation.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from playground.checkpoints.files import LoadError
from playground.models.messages import Answer, Candidate, Message, Piece, Statistics, asked, notes_of
from playground.models.server.connection import Server, ServerError
from playground.models.server.protocol import RUNNERS_UP, as_sent, pieces_of, probability, thinking, tokens

if TYPE_CHECKING:
    from playground.imaging.opening import Source
    from playground.models.chat import ChatModel

AnyChatModel: TypeAlias = "ChatModel | RemoteChatModel"
ADDRESS_VARIABLE, KEY_VARIABLE = "PLAYGROUND_SERVER", "PLAYGROUND_SERVER_KEY"
NO_LIKELIHOODS = (
    "It runs on a server, which tells how likely its own words are and not those that it is given. Load the same model "
    "on this machine to compare choices."
)
# Not every server knows these; one that refuses them is asked again without.
_EXTRAS = {"logprobs": True, "top_logprobs": RUNNERS_UP + 1}
_USAGE = {"stream_options": {"include_usage": True}}


def connect(
    address: str, *, model: str | None = None, key: str | None = None, patience: float = 120
) -> RemoteChatModel:
    """A model behind an OpenAI-compatible server, which is asked at once whether it is there.

    address: as in "http://host:8000/v1"; "/v1" is added where there is no path, and what follows a "#" names the
        model: "http://host:8000/v1#model".
    model: its name on that server; default: the only one that the server lists.
    key: the server's key, never shown; default: the environment variable PLAYGROUND_SERVER_KEY, which goes only to
        the server that PLAYGROUND_SERVER names: whoever types another address into the app does not get it.
    patience: seconds that the server may stay silent, before the first token and between two.
    Raises LoadError: an address that is none, no server there, a refused key, not an OpenAI-compatible server, or
    a model to be chosen by name (the message lists them).
    """
    address, _, named = address.strip().partition("#")
    wanted = model or named
    try:
        server = Server.at(address, key or _kept_key(address), patience)
        listed = server.models(may_fail=bool(wanted))
    except ServerError as error:
        raise LoadError(str(error)) from None
    if not wanted and len(listed) != 1:
        names = f"offers {', '.join(listed[:20])}. Choose" if listed else "lists no model. Name"
        example = f"{server.address}#{listed[0] if listed else 'name'}"
        raise LoadError(f"The server at {server.address} {names} one: {example}, or load(…, model=…).")
    return RemoteChatModel(wanted or listed[0], server)


def _kept_key(address: str) -> str:
    """The environment's key, if it is this server's."""
    try:
        wanted, own = urlsplit(address), urlsplit(os.environ.get(ADDRESS_VARIABLE, ""))
    except ValueError:  # no address at all, as is said elsewhere
        return ""
    return os.environ.get(KEY_VARIABLE, "") if wanted[:2] == own[:2] else ""


@dataclass(frozen=True)
class RemoteChatModel:
    """A vision-language model on a server that answers conversations, several at a time.

    name: what the server calls it. Pictures are sent as bytes (PNG; JPEG beyond a megapixel) without what the
    file said about them, never as a path or an address. Its probabilities are the server's, None where it gives
    none; its statistics are None where only the server would know.
    """

    name: str
    server: Server
    entry: None = None

    @property
    def attention_reason(self) -> str:
        """Why there are no attention maps: a sentence."""
        return "It runs on a server, which sends words and no attention. Load the same model on this machine for maps."

    @property
    def likelihood_reason(self) -> str:
        """Why it cannot be told how likely given answers are: a sentence."""
        return NO_LIKELIHOODS

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        conversation: object = None,
        seen: object = None,
    ) -> Generator[Piece, None, Answer]:
        """Answer piece by piece, as `ChatModel.stream`. A piece is a token where the server tells them apart.

        conversation, seen: not used, since nothing is kept here.
        stop: ends the answer after the piece in work, and at once while the server is silent.
        Closing the generator, or stopping, closes the connection, at which servers end the computation.
        Raises ServerError with a sentence when the server cannot be reached, refuses, fails, says nothing for too
        long or breaks off; PromptTooLong; ValueError when there is no message.
        """
        began = time.perf_counter()
        stop = stop or threading.Event()
        body = self._request(messages, max_new_tokens, temperature) | {"stream": True}
        pieces: list[Piece] = []
        seconds: list[float] = []
        usage: dict[str, Any] = {}
        ended, thought = "", False
        with closing(self._events(body, stop)) as events:
            for event in events:
                usage = event.get("usage") or usage
                for choice in event.get("choices") or ():
                    ended = ended or choice.get("finish_reason") or ""
                    thought = thought or bool(thinking(choice))
                    for piece in pieces_of(choice):
                        if stop.is_set():
                            break
                        pieces.append(piece)
                        seconds.append(time.perf_counter() - began)
                        yield piece
        if not stop.is_set():
            self._check_end(ended, thought and not pieces)
        statistics = _statistics(messages, usage, seconds, time.perf_counter() - began, stop.is_set())
        return Answer("".join(piece.text for piece in pieces), tuple(pieces), statistics, notes_of(messages))

    def generate(self, messages: Sequence[Message], **options: Any) -> Answer:
        """The whole answer at once; the options are those of `stream`."""
        pieces = self.stream(messages, **options)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return end.value

    def ask(self, question: str, *images: Source, **options: Any) -> Answer:
        """The answer to one question about pictures: `generate` with a conversation of one message."""
        return self.generate(asked(question, *images), **options)

    def generate_many(
        self,
        conversations: Iterable[Sequence[Message]],
        *,
        max_new_tokens: int = 128,
        at_once: int = 4,
        stop: threading.Event | None = None,
    ) -> Iterator[Answer | Exception]:
        """One answer a conversation, in their order, `at_once` of them on their way at a time.

        What goes wrong with one conversation stands in its place and does not stop the others. Closing this
        generator asks nothing more and stops the answers on their way; with a `stop` of the caller's own, setting
        that does.
        """
        ended = stop or threading.Event()

        def one(messages: Sequence[Message]) -> Answer | Exception:
            try:
                return self.generate(messages, max_new_tokens=max_new_tokens, stop=ended)
            except Exception as error:
                return error

        pool = ThreadPoolExecutor(at_once)
        try:
            yield from pool.map(one, conversations)
        finally:
            if stop is None:
                ended.set()
            pool.shutdown(cancel_futures=True)

    def conversation(self, limit_mb: int = 0) -> None:
        """Nothing is kept here of earlier turns: the server may do so by itself, and then reports reused tokens."""

    def candidates(
        self,
        messages: Sequence[Message],
        *,
        count: int = 5,
        max_new_tokens: int = 24,
        stop: threading.Event | None = None,
        conversation: object = None,
        seen: object = None,
    ) -> tuple[Candidate, ...]:
        """Whole answers with the probability that the model gives them, likeliest first, none twice.

        No server of this kind searches with beams, so they are `count` drawn ones, and fewer where the same is
        drawn twice; none at all where the server tells no probabilities, or where `stop` ends the wait. Raises what
        `stream` raises.
        """
        body = self._request(messages, max_new_tokens, 1.0) | {"n": count}
        with closing(self._events(body, stop or threading.Event())) as events:
            choices = [choice for event in events for choice in event.get("choices") or ()]
        probabilities: dict[str, float] = {}
        for choice in choices:
            text = ((choice.get("message") or {}).get("content") or "").strip()
            each = [probability(token) for token in tokens(choice)]
            if choice.get("finish_reason") == "stop" and each and None not in each:
                # Two ways to split the same text cannot be told from the same answer drawn twice.
                probabilities[text] = max(probabilities.get(text, 0.0), math.prod(each))
        ranked = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
        return tuple(Candidate(text, probability) for text, probability in ranked)

    def _request(self, messages: Sequence[Message], max_new_tokens: int, temperature: float) -> dict[str, Any]:
        if not messages:
            raise ValueError("There is nothing to answer yet: write a message first.")
        choice = {"temperature": temperature} if temperature <= 0 else {"temperature": temperature, "top_p": 1.0}
        conversation = [as_sent(message) for message in messages]
        return {"model": self.name, "messages": conversation, "max_tokens": max_new_tokens, **choice}

    def _events(self, body: dict[str, Any], stop: threading.Event) -> Iterator[dict[str, Any]]:
        """What the server sends, asked with the extras first and plainly where it refuses one of them."""
        extras = _EXTRAS | (_USAGE if body.get("stream") else {})
        try:
            yield from self.server.ask("chat/completions", body | extras, stop)
        except ServerError as error:
            if error.status is None or not any(name in str(error) for name in extras):
                raise
            yield from self.server.ask("chat/completions", body, stop)

    def _check_end(self, ended: str, only_thought: bool) -> None:
        """Raise where the answer has not come to an end: a closed connection alone is none."""
        where = f"The server at {self.server.address}"
        if not ended:
            raise ServerError(f"{where} broke off in the middle of the answer. Is it still running? Ask again.")
        if ended in ("error", "abort"):
            raise ServerError(f"{where} gave up in the middle of the answer. Its log may say why; ask again.")
        if ended == "length" and only_thought:
            raise ServerError(
                f"{self.name} thought until it had no tokens left for an answer. Allow it more tokens, or have the "
                f"server at {self.server.address} switch its thinking off."
            )


def _statistics(
    messages: Sequence[Message], usage: dict[str, Any], seconds: list[float], total: float, stopped: bool
) -> Statistics:
    """What the server reported, and the times measured here; pieces count as tokens where it reported none."""
    first, last = (seconds[0], seconds[-1]) if seconds else (total, total)
    tokens = usage.get("completion_tokens") or len(seconds)
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    return Statistics(
        image_tokens=None if any(message.images for message in messages) else 0,
        prompt_tokens=usage.get("prompt_tokens"),
        new_tokens=tokens,
        seconds_to_first_token=first,
        seconds=last,
        tokens_per_second=(tokens - 1) / (last - first) if last > first else 0.0,
        stopped=stopped,
        reused_tokens=cached or 0,
    )
