"""The chat wrapper's twin: the same verbs over an OpenAI-compatible server (vLLM, SGLang, llama.cpp …).

Nothing is kept on the server between two questions: each one carries the whole conversation.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from playground.checkpoints.files import LoadError
from playground.models.messages import Answer, Candidate, GeneratedToken, Message, Statistics, asked, notes_of
from playground.models.server.address import same_server
from playground.models.server.connection import Server, found
from playground.models.server.dialect import Dialect
from playground.models.server.errors import ServerError, unanswered
from playground.models.server.protocol import (
    Ending,
    Thoughts,
    as_sent,
    behind_thoughts,
    choices_of,
    count,
    pieces_of,
    probability,
    text_of,
    tokens,
    usage_of,
)
from playground.settings import SettingError, read

if TYPE_CHECKING:
    from playground.imaging.opening import Source
    from playground.models.chat import ChatModel

AnyChatModel: TypeAlias = "ChatModel | RemoteChatModel"
NO_LIKELIHOODS = (
    "It runs on a server, which tells how likely its own words are and not those that it is given. Load the same model "
    "on this machine to compare choices."
)
_SECONDS_FOR_MANY = 900.0
"""How long a busy server may make a long run wait for one answer, all together."""


def connect(
    address: str, *, model: str | None = None, key: str | None = None, patience: float = 120
) -> RemoteChatModel:
    """A model behind an OpenAI-compatible server, which is asked at once whether it is there.

    address: as in "http://host:8000/v1"; "/v1" is added where there is no path, and looked for where there is no API;
        what follows a "#" names the model: "http://host:8000/v1#model".
    model: its name on that server; default: the only one that the server lists.
    key: the server's key, never shown; default: the environment variable PLAYGROUND_SERVER_KEY, which goes only to
        the server that PLAYGROUND_SERVER names: whoever types another address into the app does not get it.
    patience: seconds that the server may stay silent, before the first token and between two, and that it may make us
        wait where it is busy.
    Raises LoadError: an address that is none, no server there, a refused key, not an OpenAI-compatible server, or
    a model to be chosen by name (the message lists them).
    """
    address, _, named = address.strip().partition("#")
    wanted = model or named
    try:
        server, listed = found(Server.at(address, _kept_key(address) if key is None else key, patience), bool(wanted))
    except (ServerError, SettingError) as error:
        raise LoadError(str(error)) from None
    if not wanted and len(listed) != 1:
        names = f"offers {', '.join(listed[:20])}. Choose" if listed else "lists no model. Name"
        example = f"{server.address}#{listed[0] if listed else 'name'}"
        raise LoadError(f"The server at {server.address} {names} one: {example}, or load(…, model=…).")
    return RemoteChatModel(wanted or listed[0], server, offered=listed)


def _kept_key(address: str) -> str:
    """The environment's key, if it is this server's."""
    settings = read()
    own = settings.server and same_server(address, settings.server)
    return settings.server_key.get_secret_value() if own else ""


@dataclass(frozen=True)
class RemoteChatModel:
    """A vision-language model on a server that answers conversations, several at a time.

    name: what the server calls it. Pictures are sent as bytes (PNG; JPEG beyond a megapixel) without what the
    file said about them, never as a path or an address. Its probabilities are the server's, None where it gives
    none; its statistics are None where only the server would know.
    offered: the models that the server lists, none where it keeps them to itself.
    """

    name: str
    server: Server
    entry: None = None
    offered: tuple[str, ...] = ()
    _dialect: Dialect = field(default_factory=Dialect, repr=False, compare=False)

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
        wait: float | None = None,
    ) -> Generator[GeneratedToken, None, Answer]:
        """Answer piece by piece, as `ChatModel.stream`. A piece is a token where the server tells them apart.

        conversation, seen: not used, since nothing is kept here.
        stop: ends the answer after the piece in work, and at once while the server is silent or has us wait.
        wait: the seconds that a busy server may have us wait, all together; default: its patience.
        Closing the generator, or stopping, closes the connection, at which servers end the computation.
        Raises ServerError with a sentence when the server cannot be reached, refuses, fails, says nothing for too
        long, breaks off or gives an answer without a word; PromptTooLong; ValueError when there is no message.
        """
        began = time.perf_counter()
        stop = stop or threading.Event()
        body = self._request(messages, max_new_tokens, temperature) | {"stream": True}
        pieces: list[GeneratedToken] = []
        seconds: list[float] = []
        usage: dict[str, Any] = {}
        ending, thoughts = Ending(), Thoughts()

        def kept(shown: Iterable[GeneratedToken]) -> Iterator[GeneratedToken]:
            for piece in shown:
                if stop.is_set():
                    return
                pieces.append(piece)
                seconds.append(time.perf_counter() - began)
                yield piece

        with closing(self._events(body, stop, wait)) as events:
            for event in events:
                usage = usage_of(event) or usage
                ending.read(event)
                for choice in choices_of(event)[:1]:
                    for piece in pieces_of(choice):
                        yield from kept(thoughts.visible(piece))
        yield from kept(thoughts.rest())
        answer = behind_thoughts(pieces)
        thought, pieces = thoughts.any or len(answer) < len(pieces), answer
        text = "".join(piece.text for piece in pieces)
        if not stop.is_set():
            ending = replace(ending, thought=ending.thought or thought)
            if wrong := unanswered(self.server.address, self.name, ending, text, self.server.key):
                raise wrong
        statistics = _statistics(messages, usage, seconds, time.perf_counter() - began, stop.is_set())
        return Answer(text, tuple(pieces), statistics, notes_of(messages))

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
                return self.generate(
                    messages,
                    max_new_tokens=max_new_tokens,
                    stop=ended,
                    wait=max(_SECONDS_FOR_MANY, self.server.patience),
                )
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
            choices = [choice for event in events for choice in choices_of(event)]
        probabilities: dict[str, float] = {}
        for choice in choices:
            text = text_of(choice).strip()
            each = [probability(token) for token in tokens(choice)]
            sure = [share for share in each if share is not None]
            if text and choice.get("finish_reason") == "stop" and sure and len(sure) == len(each):
                # Two ways to split the same text cannot be told from the same answer drawn twice.
                probabilities[text] = max(probabilities.get(text, 0.0), math.prod(sure))
        ranked = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
        return tuple(Candidate(text, probability) for text, probability in ranked)

    def _request(self, messages: Sequence[Message], max_new_tokens: int, temperature: float) -> dict[str, Any]:
        if not messages:
            raise ValueError("There is nothing to answer yet: write a message first.")
        choice = {"temperature": temperature} if temperature <= 0 else {"temperature": temperature, "top_p": 1.0}
        conversation = [as_sent(message) for message in messages]
        return {"model": self.name, "messages": conversation, "max_tokens": max_new_tokens, **choice}

    def _events(
        self, body: dict[str, Any], stop: threading.Event, wait: float | None = None
    ) -> Generator[dict[str, Any], None, None]:
        """What the server sends; where it refuses one of the settings it is asked without, from then on.

        An answer of which something came is never asked for a second time.
        """
        while True:
            spoken = self._dialect.spoken(body)
            try:
                yield from self.server.ask(spoken, stop, wait)
                return
            except ServerError as error:
                if not self._dialect.learn(error, spoken):
                    raise self._about_model(error) from None

    def _about_model(self, error: ServerError) -> ServerError:
        """The same error; where the server does not know the model, with those that it offers."""
        if error.status != 404 or not self.offered or self.name in self.offered:
            return error
        return ServerError(f"{error} It offers {', '.join(self.offered[:20])}.", error.status, error.words)


def _statistics(
    messages: Sequence[Message], usage: dict[str, Any], seconds: list[float], total: float, stopped: bool
) -> Statistics:
    """What the server reported, and the times measured here; pieces count as tokens where it reported none."""
    first, last = (seconds[0], seconds[-1]) if seconds else (total, total)
    tokens = count(usage.get("completion_tokens")) or len(seconds)
    details = usage.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Statistics(
        image_tokens=None if any(message.images for message in messages) else 0,
        prompt_tokens=count(usage.get("prompt_tokens")),
        new_tokens=tokens,
        seconds_to_first_token=first,
        seconds=last,
        tokens_per_second=(tokens - 1) / (last - first) if last > first else 0.0,
        stopped=stopped,
        reused_tokens=cached or 0,
    )
