"""Other servers, played by a small real one: the streams they send, and every way to fail."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import pytest
from app_process import _free_port
from scripted_server import Visit, refuses, says, scripted, sends
from streams import FORMATS

from playground import load
from playground.checkpoints.files import LoadError
from playground.models.messages import Message
from playground.models.server.chat import connect
from playground.models.server.connection import ServerError

HELLO = (Message("user", "hello"),)


@pytest.mark.parametrize("name", FORMATS)
def test_the_streams_of_other_servers_are_read(name: str) -> None:
    """Streams in the formats of servers that cannot run here."""
    recorded, text, probabilities, new_tokens = FORMATS[name]
    with scripted(sends(recorded)) as server:
        said = load(server.address).generate(HELLO)
    assert said.text == "".join(piece.text for piece in said.pieces) == text
    assert [piece.probability for piece in said.pieces] == pytest.approx(probabilities)
    assert said.statistics.new_tokens == new_tokens
    assert said.statistics.prompt_tokens == (9 if "usage" in recorded else None)


def test_runners_up_come_with_the_tokens_and_what_the_server_reused() -> None:
    with scripted(sends(FORMATS["vllm"][0])) as server:
        said = load(server.address).generate(HELLO)
    first, *_, last = said.pieces
    assert [word for word, _ in first.runners_up] == ["three", "one"]
    assert [share for _, share in first.runners_up] == pytest.approx([math.exp(-2.5), math.exp(-5)])
    assert last.text == ""  # the token that ends the answer
    assert said.statistics.reused_tokens == 4


def test_each_piece_arrives_before_the_next_is_sent_and_closing_hangs_up() -> None:
    consumed, hung_up = threading.Semaphore(0), threading.Event()

    def one_by_one(visit: Visit) -> None:
        visit.begin()
        try:
            for number in range(1000):
                visit.event(f"{number} ")
                assert consumed.acquire(timeout=5)
        except OSError:
            hung_up.set()

    with scripted(one_by_one) as server:
        pieces = load(server.address).stream(HELLO)
        for number in range(5):
            assert next(pieces).text == f"{number} "
            consumed.release()
        pieces.close()
        consumed.release(1000)
        assert hung_up.wait(5)


def test_stop_ends_the_wait_for_a_silent_server() -> None:
    stop, leave = threading.Event(), threading.Event()
    with scripted(lambda visit: leave.wait(20)) as server:
        model = load(server.address)
        threading.Timer(0.3, stop.set).start()
        began = time.perf_counter()
        said = model.generate(HELLO, stop=stop)
        leave.set()
    assert time.perf_counter() - began < 15  # the server would say nothing for 20
    assert (said.text, said.statistics.stopped, said.statistics.new_tokens) == ("", True, 0)


def _falls_silent(visit: Visit) -> None:
    visit.begin()
    visit.event("two")
    time.sleep(1.5)


def _dies(visit: Visit) -> None:
    visit.begin()
    visit.event("two")  # and the connection closes without the stream's end


def _ends_early(visit: Visit) -> None:
    visit.begin()
    visit.event("two")
    visit.end()


def _thinks(visit: Visit) -> None:
    visit.begin()
    visit.write(b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n')
    visit.event(finish_reason="length")
    visit.end()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (_dies, "broke the connection off"),
        (_ends_early, "broke off in the middle of the answer"),
        (_falls_silent, "said nothing for 0.5 seconds"),
        (_thinks, "thought until it had no tokens left"),
        (says("tw", finish="abort"), "gave up in the middle"),
        (sends('data: {"error": "CUDA "device" lost"}\n\n'), 'failed: .*"device" lost'),
        (sends('data: {"error": {"message": "out of memory", "code": 500}}\n\n'), "failed: out of memory"),
        (sends("data: <html>\n\n"), "no OpenAI-compatible server"),
        (refuses(200, b"<html>hello</html>", "text/html"), "no OpenAI-compatible server"),
        (refuses(401, {"error": "Unauthorized"}), r"refuses the key \(HTTP 401\)\. It wants one"),
        (refuses(403, {"error": {"message": "no"}}), r"refuses the key \(HTTP 403\)"),
        (refuses(404, {"object": "error", "message": "The model `seer` does not exist."}), "`seer` does not exist"),
        (refuses(400, {"error": {"message": "At most 1 image(s) may be given."}}), r"HTTP 400\): At most 1 image"),
        (refuses(422, {"detail": [{"msg": "bad field"}]}), "bad field"),
        (refuses(429, {"message": "slow down"}), "too many requests"),
        (refuses(500, b"Internal Server Error", "text/plain"), r"failed \(HTTP 500\): Internal Server Error\. Its log"),
        (refuses(503, {"error": {"code": 503, "message": "Loading model"}}), "Loading model"),
        (refuses(502, b"<html>" + b"x" * 5000, "text/html"), r"it does not say why\. Its log"),
        (refuses(307, b""), "sends on to another address"),
    ],
)
def test_every_failure_gets_a_sentence(script: Any, says: str) -> None:
    with scripted(script) as server:
        model = connect(server.address, patience=0.5 if script is _falls_silent else 30)
        with pytest.raises(ServerError, match=says) as caught:
            model.generate(HELLO)
    assert str(caught.value).endswith((".", "?")) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("models", "says"),
    [
        (refuses(401, {"error": "Unauthorized"}), "refuses the key"),
        (refuses(404, {"detail": "Not Found"}), "no OpenAI-compatible server"),
        (refuses(200, b"<html>", "text/html"), "no OpenAI-compatible server"),
        (refuses(200, {"data": [{"x": "?"}]}), "no OpenAI-compatible server"),
        ([], "lists no model"),
    ],
)
def test_what_is_no_chat_server_is_refused_when_it_is_loaded(models: Any, says: str) -> None:
    with scripted(models=models) as server, pytest.raises(LoadError, match=says):
        load(server.address)


def test_an_address_without_a_server_is_refused() -> None:
    for name in (f"http://127.0.0.1:{_free_port()}/v1", "http://nowhere.invalid/v1"):
        with pytest.raises(LoadError, match=r"No server answers at http.*Is it running"):
            load(name)
    with scripted() as server, pytest.raises(LoadError, match="does not speak https"):
        load(server.address.replace("http", "https"))
    for name in ("http://", "http://me:secret@host/v1", "https://host/v1?key=1", "http://[::1/v1"):
        with pytest.raises(LoadError, match="no address of a server") as caught:
            load(name)
        assert "secret" not in str(caught.value)
    with pytest.raises(LoadError, match="go with the address of a server"):
        load("moji-vlm", key="sesame")


def test_a_server_that_knows_no_logprobs_is_asked_without() -> None:
    def plain(visit: Visit) -> None:
        if "logprobs" in visit.body:
            visit.send(400, {"error": {"message": "logprobs is not supported with this model"}})
        else:
            says("two")(visit)

    with scripted(plain) as server:
        said = load(server.address).generate(HELLO)
    assert said.text == "two" and said.pieces[0].probability is None
    sent = [set(body) & {"logprobs", "top_logprobs", "stream_options"} for _, _, body in server.requests if body]
    assert sent[1] == {"stream_options"} and len(sent[0]) == 3
