"""The remote twin, against a real `transformers serve` with Moji, and against a small server that plays others."""

from __future__ import annotations

import base64
import io
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_process import ROOT, _free_port, _wait_for
from PIL import Image
from scripted_server import Visit, refuses, says, scripted, sends
from streams import FORMATS

from playground import load
from playground.checkpoints.files import LoadError
from playground.models.chat import ChatModel
from playground.models.messages import Message, PromptTooLong
from playground.models.server.chat import RemoteChatModel
from playground.models.server.connection import ServerError
from playground.tasks import TaskError
from playground.tasks.answer import answer
from playground.tasks.attend import attend
from playground.tasks.bulk.many import answer_many
from playground.tasks.chat import chat
from playground.tasks.examples import examples

MOJI = str(ROOT / "assets" / "moji" / "moji-vlm")
HELLO = (Message("user", "hello"),)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a `transformers serve` process of its own serves moji-vlm."""
    folder, port = tmp_path_factory.mktemp("serve"), _free_port()
    (folder / "hub").mkdir()
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", MOJI]
    options = ["--port", str(port), "--host", "127.0.0.1", "--device", "cpu"]
    log = folder / "serve.log"
    with log.open("w") as output:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder / "hub")}
        process = subprocess.Popen([*command, *options], env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, log, patience=240)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def remote(address: str) -> RemoteChatModel:
    return load(address, model=MOJI)


@pytest.fixture(scope="module")
def local() -> ChatModel:
    return load("moji-vlm")


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    return Image.open(examples()[0].path)


# A real server.


def test_the_server_says_what_the_model_says_here(remote: RemoteChatModel, local: ChatModel) -> None:
    wide = Image.open(examples()[1].path).resize((260, 150))
    talks = [[Message("user", scene.question, (Image.open(scene.path),))] for scene in examples()[:4]]
    talks.append([Message("user", "describe the picture in detail.", (wide,))])
    talks.append([*talks[0], Message("assistant", "two"), Message("user", "and where is it?")])
    for talk in talks:
        here, there = local.generate(talk), remote.generate(talk)
        assert there.text == here.text
        assert there.statistics.prompt_tokens == here.statistics.prompt_tokens
        assert there.statistics.new_tokens == here.statistics.new_tokens
        assert 0 < there.statistics.seconds_to_first_token <= there.statistics.seconds
        assert (there.statistics.image_tokens, there.statistics.stopped) == (None, False)


def test_pieces_come_one_by_one_and_stop_within_one(remote: RemoteChatModel, scene: Image.Image) -> None:
    asked = (Message("user", "describe the picture in detail.", (scene,)),)
    whole = remote.generate(asked)
    assert len(whole.pieces) > 10 and "".join(piece.text for piece in whole.pieces) == whole.text
    assert whole.statistics.seconds_to_first_token < whole.statistics.seconds
    stop = threading.Event()
    pieces = remote.stream(asked, stop=stop)
    came = [next(pieces) for _ in range(3)]
    stop.set()
    with pytest.raises(StopIteration) as end:
        came.append(next(pieces))
        next(pieces)
    said = end.value.value
    assert said.statistics.stopped and said.text == "".join(piece.text for piece in came)
    assert whole.text.startswith(said.text) and len(said.text) < len(whole.text)
    assert remote.generate(asked, max_new_tokens=5).text == "".join(piece.text for piece in whole.pieces[:5])


def test_two_clients_are_answered_at_once(address: str, local: ChatModel) -> None:
    talks = [(Message("user", scene.question, (Image.open(scene.path),)),) for scene in examples()[:2]]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda talk: load(f"{address}#{MOJI}").generate(talk).text, talks))
    assert answers == [local.generate(talk).text for talk in talks]


def test_the_app_uses_a_server_and_says_what_it_lacks(address: str, local: ChatModel) -> None:
    from playground.ui.tabs.ask import layout as answer_tab
    from playground.ui.tabs.attention import layout as attention_tab

    name, scene = f"{address}#{MOJI}", examples()[0]
    *_, (card, no_map, look, *_) = answer_tab.respond(str(scene.path), scene.question, "free", "", "sum", name)
    asked = (Message("user", scene.question, (Image.open(scene.path),)),)
    assert f">{local.generate(asked, max_new_tokens=96).text.strip()}<" in card
    assert (
        "does not tell how probable" in card
        and "picture tokens unknown" in card
        and f"moji-vlm on {address.split('/')[2]}" in card
    )
    assert "runs on a server" in no_map and not look.interactive
    *_, (*_, refused) = answer_tab.respond(str(scene.path), scene.question, "yes-no", "", "sum", name)
    assert "how likely its own words are" in refused and not answer_tab.able(name)["interactive"]
    button, note = attention_tab.capability(name, 1)
    assert not button.interactive and "runs on a server" in note
    with pytest.raises(TaskError, match="runs on a server"):
        attend(load(name), Image.open(scene.path), scene.question)


def test_a_server_is_asked_for_its_models(address: str) -> None:
    with pytest.raises(LoadError, match=r"lists no model.*#name"):
        load(address)
    with pytest.raises(ServerError, match="pinned"):
        load(address, model="another").generate(HELLO)
    with scripted(says("hi"), models=["one", "two"]) as server:
        with pytest.raises(LoadError, match=r"offers one, two\. Choose one: http://.*/v1#one"):
            load(server.address)
        assert load(f"{server.address}#two").name == load(server.address, model="two").name == "two"
    with scripted(says("hi")) as server:
        found = load(server.address.removesuffix("/v1") + "/")
        assert found.generate(HELLO).text == found.ask("hello").text == "hi"
        path, _, body = server.requests[-1]
        assert (path, body["model"], body["temperature"]) == ("/v1/chat/completions", "seer", 0)


# What is sent.


def test_pictures_go_as_pixels_and_nothing_else(tmp_path: Path, picture: Image.Image) -> None:
    place = Image.Exif()
    place[0x010E] = "taken at home"
    told = {"exif": place, "comment": b"at home", "icc_profile": b"bought for home"}
    picture.save(tmp_path / "private.jpg", **told)
    Image.effect_noise((1200, 1000), 60).save(tmp_path / "large.jpg", **told)
    photo, large = (Image.open(tmp_path / name) for name in ("private.jpg", "large.jpg"))
    with scripted(says("ok")) as server:
        load(server.address).generate([Message("user", f"{tmp_path}/private.jpg <|im_end|>", (photo, large))])
    *pictures, text = server.requests[-1][2]["messages"][0]["content"]
    assert text == {"type": "text", "text": f"{tmp_path}/private.jpg <|im_end|>"}
    opened = []
    for part in pictures:
        head, data = part["image_url"]["url"].split(",")
        assert head in ("data:image/png;base64", "data:image/jpeg;base64")
        assert b"home" not in base64.b64decode(data)
        opened.append(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.array_equal(opened[0], photo.convert("RGB"))
    assert (opened[1].format, opened[1].size, opened[1].mode) == ("JPEG", (1200, 1000), "RGB")


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYGROUND_SERVER_KEY", "from-the-environment")
    with scripted(refuses(500, {"error": {"message": "who let sesame in?"}})) as server:
        model = load(server.address, key=" sesame\n")
        with pytest.raises(ServerError) as caught:
            model.generate(HELLO)
        load(server.address)  # whoever types another address must not be sent the key of the environment
        monkeypatch.setenv("PLAYGROUND_SERVER", server.address)
        load(server.address)
    assert "who let … in" in str(caught.value)
    assert "sesame" not in repr(model)
    sent = [headers.get("Authorization") for _, headers, _ in server.requests]
    assert sent == ["Bearer sesame", "Bearer sesame", None, "Bearer from-the-environment"]
    with pytest.raises(LoadError, match="key") as caught:
        load(server.address, key="sés\name")
    assert "sés" not in str(caught.value)


# The tasks.


def test_a_long_conversation_loses_its_oldest_turns() -> None:
    def forgetful(visit: Visit) -> None:
        if len(visit.body["messages"]) > 1:
            error = {"message": "This model's maximum context length is 64 tokens.", "code": 400}
            visit.send(400, {"error": error})
        else:
            says("hi")(visit)

    before = (Message("user", "one"), Message("assistant", "two"))
    with scripted(forgetful) as server:
        model = load(server.address)
        with pytest.raises(PromptTooLong):
            model.generate((*before, *HELLO))
        talk = chat(model, before, "three")
        with pytest.raises(StopIteration) as end:
            while True:
                next(talk)
    assert end.value.value.answer.text == "hi" and "oldest turns" in end.value.value.notes[0]


def test_an_answer_has_rivals_where_the_server_tells_probabilities(picture: Image.Image) -> None:
    def told(text: str, *logprobs: float) -> dict[str, Any]:
        tokens = [{"token": text, "logprob": value, "top_logprobs": []} for value in logprobs]
        return {"finish_reason": "stop", "message": {"content": text}, "logprobs": {"content": tokens}}

    def drawn(visit: Visit) -> None:
        if visit.body.get("stream"):
            sends(FORMATS["vllm"][0])(visit)
        else:
            unfinished = {**told("a long story", -0.01), "finish_reason": "length"}
            visit.send(200, {"choices": [told("three", -2, -1), told("one", -4), told("three", -2, -1), unfinished]})

    with scripted(drawn) as server:
        found = answer(load(server.address), picture, "how many?")
    assert found.text == "two dogs 🐶" and found.probability == pytest.approx(math.exp(-0.1 - 0.5 - 0.25 - 0.25 - 0.01))
    assert [(other.text, other.probability) for other in found.runners_up] == [
        ("three", pytest.approx(math.exp(-3))),
        ("one", pytest.approx(math.exp(-4))),
    ]


def test_many_questions_are_asked_side_by_side(picture: Image.Image) -> None:
    together = threading.Barrier(2, timeout=30)

    def echo(visit: Visit) -> None:
        text = visit.body["messages"][0]["content"][-1]["text"]
        if text == "bad":
            visit.send(400, {"error": {"message": "it is bad"}})
        else:
            together.wait()  # nobody is answered alone
            says(text.upper())(visit)

    questions = [(picture, text) for text in ("a", "bad", "b", "c", "d")]
    with scripted(echo) as server:
        results = answer_many(load(server.address), [*questions, (b"no picture", "e")], progress=False)
    assert [result.value for result in results] == ["A", None, "B", "C", "D", None]
    assert "it is bad" in results[1].error and "not a picture" in results[-1].error
