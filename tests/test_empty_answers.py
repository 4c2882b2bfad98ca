"""An answer without a word is an event with a reason, wherever somebody waits for one, and never a success."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from scripted_server import refuses, scripted

from playground import cli, load
from playground.imaging.opening import open_picture
from playground.models.chat import ChatModel
from playground.models.messages import EmptyAnswer, Message
from playground.tasks import TaskError
from playground.tasks.answer import answer
from playground.tasks.bulk.many import answer_many, caption_many
from playground.tasks.caption import caption
from playground.tasks.captions.candidates import caption_candidates
from playground.tasks.chat import chat
from playground.tasks.choose import choose
from playground.tasks.compare import side
from playground.tasks.examples import examples
from playground.ui import loaded
from playground.ui.api import endpoints

AT_ONCE, LIMIT = "ended its answer at once, without a word", "used all the 3 tokens that it was allowed"


def only(model: ChatModel, token: int) -> ChatModel:
    """The model, which can say this token alone."""
    size = model.model.get_output_embeddings().out_features
    model.model.generation_config.suppress_tokens = [other for other in range(size) if other != token]
    return model


@pytest.fixture(scope="module")
def silent(checkpoint, tmp_path_factory: pytest.TempPathFactory) -> ChatModel:
    """A model that ends each answer with its first token."""
    folder = tmp_path_factory.mktemp("silent") / "model"
    shutil.copytree(checkpoint("llava_siglip"), folder)
    model = load(str(folder))
    return only(model, model.processor.tokenizer.eos_token_id)


@pytest.fixture(params=["here", "on a server"])
def any_silent(request: pytest.FixtureRequest, silent: ChatModel) -> Iterator[Any]:
    if request.param == "here":
        yield silent
        return
    nothing = {"choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}]}
    with scripted(refuses(200, nothing)) as server:
        yield load(server.address)


def ended(stream: Any) -> Any:
    """What a generator returns."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value


def test_the_model_says_why_there_is_no_answer(silent: ChatModel, picture: Image.Image) -> None:
    asked = [Message("user", "what is this ?", (picture,))]
    with pytest.raises(EmptyAnswer, match=AT_ONCE) as caught:
        silent.ask("what is this ?", picture)
    assert silent.generate(asked).reason == str(caught.value)
    assert caught.value.answer.statistics.new_tokens == 1 and silent.name in str(caught.value)
    blank = silent.processor.tokenizer.convert_tokens_to_ids("<unk>")
    special = next(token for token in (blank, silent.processor.tokenizer.bos_token_id) if token is not None)
    heard = silent.model.generation_config.suppress_tokens
    try:
        assert LIMIT in ended(only(silent, special).stream(asked, max_new_tokens=3)).reason
    finally:
        silent.model.generation_config.suppress_tokens = heard
    stop = threading.Event()
    stop.set()
    assert silent.ask(
        "what is this ?", picture, stop=stop
    ).statistics.stopped  # who stops an answer knows why there is none


def test_every_task_says_so(any_silent: Any, picture: Image.Image) -> None:
    for work in (
        lambda: ended(chat(any_silent, (), "what is this ?", (picture,))),
        lambda: answer(any_silent, picture, "what is this ?"),
        lambda: ended(caption(any_silent, picture)),
        lambda: caption_candidates(any_silent, picture, count=2),
        lambda: side(any_silent, picture, "what is this ?"),
    ):
        with pytest.raises((EmptyAnswer, TaskError), match="without a word|does not tell how probable"):
            work()
    each = [*answer_many(any_silent, [(picture, "what ?")] * 3, progress=False), *caption_many(any_silent, [picture])]
    assert [result.value for result in each] == [None] * 4
    assert all("without a word" in result.error for result in each)


def test_choices_are_compared_all_the_same(silent: ChatModel, picture: Image.Image) -> None:
    found = choose(silent, picture, "is this a circle ?", ("yes", "no"))
    assert found.said == "" and sum(choice.share for choice in found.choices) == pytest.approx(1)


def test_an_empty_runner_up_is_none(picture: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    from playground.models.messages import Candidate

    moji = load("moji-vlm")
    monkeypatch.setattr(type(moji), "candidates", lambda *_, **__: (Candidate("", 0.99999), Candidate("one.", 1e-9)))
    found = answer(moji, Image.open(examples()[0].path), examples()[0].question)
    assert found.text and [other.text for other in found.runners_up] == ["one."]


def test_programs_and_the_command_are_told(
    silent: ChatModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    scene = examples()[0]
    monkeypatch.setattr(loaded, "chat_model", lambda name: silent)
    monkeypatch.setattr(endpoints, "picture_of", open_picture)
    shown: Any = scene.path
    for work in (
        lambda: list(endpoints.chat("what is this ?", [shown])),
        lambda: endpoints.answer(shown, "what is this ?"),
        lambda: list(endpoints.caption(shown)),
    ):
        with pytest.raises(EmptyAnswer, match=AT_ONCE):
            work()
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(scene.path, folder)
    monkeypatch.setattr("playground.load", lambda *_, **__: silent)
    with pytest.raises(SystemExit) as end:
        cli.main(["caption", str(folder), "--output", str(tmp_path / "captions.jsonl")])
    said = capsys.readouterr()
    assert end.value.code == 1 and "0 of 1 captions" in said.out and "without a word" in said.err
    left = (tmp_path / "captions.errors.jsonl").read_text(encoding="utf-8")
    assert "without a word" in json.loads(left)["error"]
