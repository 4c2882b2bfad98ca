"""Servers that are nearly OpenAI: each of their ways is read for what it means, or gets its sentence."""

from __future__ import annotations

import json
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest
from PIL import Image
from scripted_server import Script, Visit, refuses, says, scripted, sends

from playground import load
from playground.checkpoints.files import LoadError
from playground.models.messages import EmptyAnswer, Message
from playground.models.server.chat import connect
from playground.models.server.errors import ServerError
from playground.tasks.bulk.many import answer_many

HELLO = (Message("user", "hello"),)


def chunk(content: Any = None, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    said = delta if content is None else {"content": content, **delta}
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish}]}


def whole(content: Any, finish: str | None = "stop", **message: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content, **message}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": said, "finish_reason": finish}]}


def events(*chunks: Any, end: str = "data: [DONE]\n\n") -> str:
    return "".join(f"data: {each if isinstance(each, str) else json.dumps(each)}\n\n" for each in chunks) + end


def body(text: str | bytes, kind: str = "text/event-stream") -> Script:
    """A body that ends where the connection does."""
    return refuses(200, text if isinstance(text, bytes) else text.encode(), kind)


STOP = chunk(None, "stop")
PARTS = [{"type": "text", "text": "two"}, {"type": "text", "text": " dogs"}]
TWO = events(chunk("two"), chunk(" dogs"), STOP)

READ: dict[str, Script] = {
    "plain JSON for a stream": refuses(200, whole("two dogs")),
    "plain JSON over many lines": body(json.dumps(whole("two dogs"), indent=2), "application/json"),
    "plain JSON that calls itself a stream": body(json.dumps(whole("two dogs"))),
    "plain JSON without a reason for its end": refuses(200, whole("two dogs", None)),
    "plain JSON, a list of parts": refuses(200, whole(PARTS)),
    "JSON a line": body("\n".join(map(json.dumps, (chunk("two"), chunk(" dogs"), STOP))), "application/x-ndjson"),
    "a list of parts": sends(events(chunk(PARTS[:1]), chunk([PARTS[1]]), STOP)),
    "one part": sends(events(chunk(PARTS[0]), chunk({"text": " dogs"}), STOP)),
    "a message in place of a delta": sends(events(whole("two dogs"))),
    "a text in place of a delta": sends(
        events({"choices": [{"index": 0, "text": "two dogs", "finish_reason": "stop"}]})
    ),
    "text/plain": body(TWO, "text/plain; charset=utf-8"),
    "no type at all": body(TWO, ""),
    "no empty line at the end": body(TWO.rstrip()),
    "no empty lines at all": body(TWO.replace("\n\n", "\n")),
    "carriage returns": body(TWO.replace("\n", "\r\n")),
    "no space": body(TWO.replace("data: ", "data:")),
    "a mark of the byte order": body("\ufeff" + TWO),
    "data over two lines": body(TWO.replace('"choices":', '\ndata: "choices":')),
    "comments and signs of life": body(": hi\n\ndata:\n\ndata: ping\n\nevent: ping\ndata: {}\n\n" + TWO),
    "other fields": body("id: 1\nretry: 5\nevent: message\n" + TWO),
    "no choices, null, usage, numbers": sends(
        events({"choices": []}, {"choices": None}, "null", "1", chunk("two dogs"), {"usage": None}, STOP, {"usage": {}})
    ),
    "null in every place": sends(
        events({"choices": [{"delta": None}, None]}, chunk("two dogs", role=None, refusal=None), STOP)
    ),
    "only DONE at the end": sends(events(chunk("two"), chunk(" dogs"))),
    "no DONE": sends(events(chunk("two"), chunk(" dogs"), STOP, end="")),
    "thoughts, then an answer": sends(events(chunk(None, reasoning="hm"), chunk("two dogs"), STOP)),
    "thoughts in parts": sends(events(chunk([{"type": "thinking", "thinking": PARTS}]), chunk("two dogs"), STOP)),
    "thoughts between marks": sends(
        events(chunk("<th"), chunk("ink>hm</thi"), chunk("nk>\n"), chunk("\ntwo dogs"), STOP)
    ),
    "thoughts without their first mark": sends(
        events(chunk("hm,\nhm"), chunk("\n</think>\n\ntwo"), chunk(" dogs"), STOP)
    ),
    "figures that are none": sends(
        events(
            chunk(
                "two dogs", logprobs={"content": [{"token": "two dogs", "logprob": "-1", "top_logprobs": [None, 3]}]}
            ),
            {"choices": [], "usage": {"prompt_tokens": "5", "completion_tokens": "x", "prompt_tokens_details": [1]}},
            {"choices": [], "usage": {"prompt_tokens_details": {"cached_tokens": "1"}}},
            STOP,
        )
    ),
    "several at once, the first counts": sends(
        events({"choices": [{"delta": {"content": "two dogs"}}, {"index": 1, "delta": {"content": "no"}}]}, STOP)
    ),
    "more tokens than it is told": sends(events(chunk("two dogs", "length"))),
}


@pytest.mark.parametrize("name", READ)
def test_it_is_read_for_what_it_means(name: str) -> None:
    with scripted(READ[name]) as server:
        model = load(server.address)
        said = model.generate(HELLO)
    assert said.text == "".join(piece.text for piece in said.pieces) == "two dogs"


@pytest.mark.parametrize(
    "text",
    [
        "List<int> <br> [TODO] [/INST] <|im_end|>",
        "<b>bold</b>",
        "<thin",
        "a <think> b</think>",
        "is </think>\nit?",
    ],  # fmt: skip
)
def test_every_letter_arrives_unchanged_both_ways(text: str) -> None:
    with scripted(says(*text)) as server:
        said = load(server.address).generate([Message("user", text), Message("assistant", text), *HELLO])
    assert said.text == text
    assert [message["content"] for message in server.requests[-1][2]["messages"]] == [text, text, "hello"]


def test_half_a_letter_is_marked_and_hurts_nobody() -> None:
    with scripted(
        body('data: {"choices": [{"delta": {"content": "h\\ud83d i"}, "finish_reason": "stop"}]}\n\n')
    ) as server:
        assert load(server.address).generate(HELLO).text == "h\ufffd i"


def _then(first: Any, *others: Any) -> Script:
    """A stream that says "two" before what is wrong."""
    return sends(events(chunk("two"), first, *others))


def _resets(visit: Visit) -> None:
    visit.begin()
    visit.event("two")
    visit.connection.close()


FAILS: dict[str, tuple[Script, str]] = {
    "an error, then DONE": (_then({"error": {"message": "out of memory"}}), "failed: out of memory"),
    "an error as a text": (_then({"error": "it is full"}), "failed: it is full"),
    "an error with a code alone": (_then({"error": {"code": 500}}), "failed: .*500"),
    "an error of the older kind": (_then({"object": "error", "message": "it broke"}), "failed: it broke"),
    "an error as an event": (body('event: error\ndata: {"message": "it broke"}\n\n'), "failed: it broke"),
    "an error as an event in words": (
        body('data: {"choices": [{"delta": {"content": "two"}}]}\n\nevent: error\ndata: it broke\n\ndata: [DONE]\n\n'),
        "failed: it broke",
    ),
    "another interface": (
        refuses(200, {"model": "m", "message": {"role": "assistant", "content": "two dogs"}, "done": True}),
        "no OpenAI-compatible server",
    ),
    "yet another one": (refuses(200, {"content": [{"type": "text", "text": "two"}]}), "no OpenAI-compatible server"),
    "an error in a choice": (
        _then({"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "it broke"}}]}),
        "failed: it broke",
    ),
    "an error with success": (refuses(200, {"error": {"message": "no room"}}), "failed: no room"),
    "an error text with success": (refuses(200, {"error": "no room"}), "failed: no room"),
    "a detail with success": (refuses(200, {"detail": "no room"}), "failed: no room"),
    "a reset": (_resets, "broke"),
    "a stream cut in an event": (body(events(chunk("two"), end='data: {"choi')), "broke off|in the middle"),
    "plain JSON cut short": (body('{"choices": [{"message"', "application/json"), "broke off"),
    "an empty body": (body(""), "no OpenAI-compatible"),
    "a web page": (refuses(200, b"<!doctype html><p>Welcome", "text/html"), "no OpenAI-compatible server"),
    "a web page in the middle": (_then("<html>"), "in the middle of the answer"),
    "plain words": (body("Hello there", "text/plain"), "no OpenAI-compatible server"),
    "a web page for an error": (refuses(502, b"<html>Bad Gateway", "text/html"), "HTTP 502.*does not say why"),
    "moved": (
        lambda visit: visit.send(308, b"", headers={"Location": "https://me:geheim@other/v1/chat/completions?key=1"}),
        "give that one, https://other/v1",
    ),
    "a wrong key": (refuses(401, {"error": {"message": "Incorrect API key provided: ab"}}), "refuses the key"),
    "no chat here": (refuses(405, {"detail": "Method Not Allowed"}), "does not chat at this address"),
    "a quota": (
        refuses(429, {"error": {"message": "You have no credit.", "code": "insufficient_quota"}}),
        "You have no credit",
    ),
}
EMPTY: dict[str, tuple[Script, str]] = {
    "a filter, nothing said": (sends(events(chunk(None, "content_filter"))), "content filter"),
    "a filter of another name": (sends(events(chunk(None, "SAFETY"))), "content filter"),
    "a limit of another name": (sends(events(chunk("", "MAX_TOKENS"))), "used all the tokens"),
    "a filter in the middle": (_then(chunk(None, "content_filter")), "content filter"),
    "a filter, plain JSON": (refuses(200, whole(None, "content_filter")), "content filter"),
    "a refusal": (
        sends(events(chunk(None, refusal="I can"), chunk(None, refusal="not."), STOP)),
        "refuses to answer: I cannot",
    ),
    "a refusal, plain JSON": (refuses(200, whole(None, refusal="I cannot.")), "refuses to answer: I cannot"),
    "only thoughts": (sends(events(chunk(None, reasoning_content="hm"), STOP)), "thought and then gave no"),
    "only thoughts, another name": (sends(events(chunk("", reasoning="hm"), STOP)), "thought and then"),
    "only thoughts, plain JSON": (refuses(200, whole("", reasoning_content="hm")), "thought and then"),
    "only thoughts between marks": (sends(events(chunk("<think>hm</think>\n"), STOP)), "thought and then"),
    "only thoughts without their first mark": (sends(events(chunk("hm\n</think>\n\n"), STOP)), "thought and then"),
    "thoughts without an end": (sends(events(chunk("<think>hm"), chunk(None, "length"))), "no tokens left"),
    "nothing": (sends(events(STOP)), "ended its answer at once"),
    "nothing but blanks": (says(" ", "\n"), "ended its answer at once"),
    "nothing, plain JSON": (refuses(200, whole("")), "ended its answer at once"),
    "nothing within the limit": (sends(events(chunk("", "length"))), "used all the tokens"),
    "a tool": (sends(events(chunk(None, "tool_calls", tool_calls=[{"index": 0}]))), "called a tool"),
    "no choice": (sends(events({"choices": []})), "ended its answer at once"),
}


@pytest.mark.parametrize("name", [*FAILS, *EMPTY])
def test_it_is_no_answer_and_says_why(name: str) -> None:
    script, sentence = (FAILS | EMPTY)[name]
    with scripted(script) as server:
        model = connect(server.address, patience=5)
        with pytest.raises(ServerError, match=sentence) as caught:
            model.generate(HELLO)
    assert isinstance(caught.value, EmptyAnswer) == (name in EMPTY)
    told = str(caught.value)
    assert told.endswith((".", "?")) and len(told) < 500 and "geheim" not in told


# What it lists, and where.


LISTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "null": ({"object": "list", "data": None}, ()),
    "empty": ({"data": []}, ()),
    "names": ({"data": ["one", "two"]}, ("one", "two")),
    "a bare list": ([{"id": "one"}], ("one",)),
    "another key": ({"models": [{"name": "one"}, {"model": "two"}]}, ("one", "two")),
    "some without a name": ({"data": [{"id": "one"}, {"id": None}, None]}, ("one",)),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_models_are_read(name: str) -> None:
    listing, names = LISTS[name]
    with scripted(says("hi"), models=refuses(200, listing)) as server:
        assert load(f"{server.address}#mine").offered == names
        if not names:
            with pytest.raises(LoadError, match="lists no model. Name one"):
                load(server.address)


@pytest.mark.parametrize("status", [403, 404, 405, 500, 501])
def test_a_server_that_keeps_its_list_to_itself_answers_when_the_model_is_named(status: int) -> None:
    with scripted(says("hi"), models=refuses(status, {"detail": "no"})) as server:
        assert load(f"{server.address}#mine").generate(HELLO).text == "hi"
        with pytest.raises(LoadError, match=r"name a model|refuses the key|failed"):
            load(server.address)


@pytest.mark.parametrize(
    ("typed", "real"),
    [
        ("", "/v1"), ("/", "/v1"), ("/v1/", "/v1"), ("/v1/models", "/v1"), ("/v1/chat/completions", "/v1"),
        ("/api", "/api/v1"), ("/ui/chat", "/v1"), ("", ""), ("/v1", ""), ("/openai", "/openai"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("elsewhere", [refuses(404, {"detail": "Not Found"}), refuses(200, b"<html>", "text/html")])
def test_the_right_path_is_found(typed: str, real: str, elsewhere: Script) -> None:
    def listed(visit: Visit) -> None:
        (refuses(200, {"data": [{"id": "seer"}]}) if visit.path == f"{real}/models" else elsewhere)(visit)

    with scripted(says("hi"), models=listed) as server:
        root = server.address.removesuffix("/v1")
        assert load(root + typed).server.address == root + real


def test_a_model_that_it_does_not_serve_is_told_with_those_that_it_does() -> None:
    no = refuses(404, {"error": {"message": "The model `mine` does not exist."}})
    with (
        scripted(no, models=["one", "two"]) as server,
        pytest.raises(ServerError, match=r"`mine` does not exist\. It offers one, two\."),
    ):
        load(f"{server.address}#mine").generate(HELLO)


def test_what_the_environment_has_for_openai_goes_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, "geheim")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://192.0.2.1/geheim")
    with scripted(says("hi")) as server:
        load(server.address).generate(HELLO)
    assert "geheim" not in repr(server.requests) and len(server.requests) == 2
    assert all("Authorization" not in headers for _, headers, _ in server.requests)


def test_a_server_of_this_machine_is_asked_whatever_proxies_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from playground.models.server import client as module

    proxies = {"ALL_PROXY": "socks5://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": "[::1]"}
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    for cached in (module._client, module._http_client):
        cached.cache_clear()
    with scripted(says("hi")) as server:
        assert load(server.address.replace("127.0.0.1", "localhost")).generate(HELLO).text == "hi"
    with pytest.raises(
        LoadError, match=r"ALL_PROXY is “socks5://127\.0\.0\.1:9”: a SOCKS proxy needs one package more"
    ):
        load("http://192.0.2.1/v1")
    monkeypatch.delenv("ALL_PROXY")
    with pytest.raises(
        LoadError, match=r"No server answers at http://192\.0\.2\.1/v1\..*the proxy that http_proxy names"
    ):
        load("http://192.0.2.1/v1")
    for cached in (module._client, module._http_client):
        cached.cache_clear()


# What it refuses, and when it is busy.


REFUSALS: dict[str, tuple[str, str, int]] = {
    "the other word": ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens", 400),
    "a temperature": ("'temperature' does not support 0 with this model.", "temperature", 400),
    "probabilities": ("logprobs are not available", "logprobs", 400),
    "usage": ("unknown field stream_options", "stream_options", 422),
    "not made yet": ("top_logprobs: not implemented", "logprobs", 501),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_it_refuses_is_left_out_or_said_otherwise_and_remembered(name: str) -> None:
    sentence, refused, status = REFUSALS[name]

    def picky(visit: Visit) -> None:
        if refused in visit.body:
            visit.send(status, {"error": {"message": sentence}})
        else:
            says("hi")(visit)

    with scripted(picky) as server:
        model = load(server.address)
        assert [model.generate(HELLO, max_new_tokens=7).text for _ in range(2)] == ["hi", "hi"]
    sent = [request[2] for request in server.requests if request[2]]
    assert len(sent) == 3
    assert sent[-1].get("max_tokens") == 7 or sent[-1].get("max_completion_tokens") == 7


def test_a_server_that_refuses_everything_is_not_asked_for_ever() -> None:
    no = refuses(400, {"error": {"message": "max_tokens, max_completion_tokens, logprobs, temperature: no"}})
    with scripted(no) as server, pytest.raises(ServerError, match="refuses the request"):
        load(server.address).generate(HELLO)
    assert len(server.requests) < 8


def _busy(times: int, status: int = 429, **headers: str) -> Script:
    """Busy for this many requests, then it answers."""
    left = iter(range(times))

    def answer(visit: Visit) -> None:
        if next(left, None) is None:
            says("hi")(visit)
        else:
            visit.send(
                status,
                {"error": {"message": "slow down"}},
                headers={k.replace("_", "-"): v for k, v in headers.items()},
            )

    return answer


@pytest.mark.parametrize(
    "script",
    [
        _busy(1, Retry_After="0"), _busy(1, Retry_After="0.2"), _busy(1, 503, Retry_After="0"),
        _busy(1, Retry_After=formatdate(time.time() - 60, usegmt=True)), _busy(1, retry_after_ms="100"),
        _busy(1), _busy(1, Retry_After="soon"), _busy(2, 503, Retry_After="0"),
    ],
)  # fmt: skip
def test_a_busy_server_is_asked_again_when_it_wants_to_be(script: Script) -> None:
    with scripted(script) as server:
        assert connect(server.address, patience=10).generate(HELLO).text == "hi"


def test_it_is_not_waited_for_longer_than_is_patient_and_stop_ends_the_wait() -> None:
    for told in ("3600", formatdate(time.time() + 3600, usegmt=True)):
        with scripted(_busy(9, Retry_After=told)) as server:
            began = time.perf_counter()
            with pytest.raises(ServerError, match="too many requests just now .HTTP 429.: slow down"):
                connect(server.address, patience=5).generate(HELLO)
            assert time.perf_counter() - began < 20  # far from the time that it was told, on a busy machine too
    stop = threading.Event()
    with scripted(_busy(9, Retry_After="30")) as server:
        threading.Timer(0.3, stop.set).start()
        began = time.perf_counter()
        assert connect(server.address, patience=60).generate(HELLO, stop=stop).statistics.stopped
        assert time.perf_counter() - began < 20  # far from the time that it was told, on a busy machine too


def test_many_are_not_given_up_because_the_server_is_busy() -> None:
    """Four come at once, and the server takes one at a time."""
    free = threading.Lock()

    def one_at_a_time(visit: Visit) -> None:
        if not free.acquire(blocking=False):
            visit.send(429, {"error": {"message": "slow down"}}, headers={"Retry-After": "0"})
            return
        try:
            time.sleep(0.05)
            says(visit.body["messages"][0]["content"][-1]["text"].upper())(visit)
        finally:
            free.release()

    picture = Image.new("RGB", (8, 8))
    with scripted(one_at_a_time) as server:
        found = answer_many(connect(server.address, patience=5), [(picture, word) for word in "abcdef"], progress=False)
    assert [result.value for result in found] == list("ABCDEF")
