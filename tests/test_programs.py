"""What programs get: named endpoints by gradio_client, tools by an MCP client, and one sentence for what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from app_process import ROOT
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from test_imaging import huge_png, saved

from playground.imaging.opening import open_picture
from playground.interpret.methods import explain
from playground.models.loading import load
from playground.models.messages import Message
from playground.tasks.answer import answer
from playground.tasks.attend import attend
from playground.tasks.chat import chat
from playground.tasks.choose import choose
from playground.tasks.classify import match
from playground.tasks.detect import detect
from playground.tasks.examples import examples, truth_of
from playground.tasks.segment import segment
from playground.ui.components.streaming import growing

ENDPOINTS = {"answer", "attend", "caption", "chat", "choose", "detect", "match", "models", "segment"}
SCENE = examples()[0]
ASKED = {
    "/answer": ("how many dogs are there?",),
    "/attend": ("what is in the picture?",),
    "/caption": ("short",),
    "/choose": ("is there a dog?",),
    "/detect": ("dog, cat",),
    "/match": ("a picture of a dog, a picture of a bus",),
    "/segment": ("dog, cat",),
}


@pytest.fixture(scope="module")
def client(guarded_app: str) -> Client:
    return Client(guarded_app, verbose=False)


@pytest.fixture
def shown() -> dict:
    return handle_file(str(SCENE.path))


@pytest.fixture(scope="module")
def image() -> Image.Image:
    return open_picture(SCENE.path).image


def refusal(client: Client, *arguments: Any, api_name: str) -> str:
    """The one sentence or two that a program gets; nothing of this machine or of Python stands in it."""
    with pytest.raises(AppError) as refused:
        client.predict(*arguments, api_name=api_name)
    sentence = str(refused.value)
    assert sentence[-1] in ".?" and "Traceback" not in sentence and str(ROOT) not in sentence
    assert "on our side" not in sentence
    return sentence


def test_the_named_endpoints_are_these_and_no_event_of_the_page(client: Client) -> None:
    assert {name.strip("/") for name in client.view_api(return_format="dict")["named_endpoints"]} == ENDPOINTS


def test_choices_are_compared_as_the_task_compares_them(client: Client, shown: dict, image: Image.Image) -> None:
    question, choices = "how many dogs are there?", ["one", "two", "seven"]
    got = client.predict(shown, question, choices, api_name="/choose")
    wanted = choose(load("moji-vlm"), image, question, choices)
    assert got["best"] == wanted.best.text == "two" and got["said"] == wanted.said
    assert [each["share"] for each in got["choices"]] == pytest.approx(
        [each.share for each in wanted.choices], rel=1e-3
    )


def test_the_catalogue_says_what_can_be_used_at_once(client: Client) -> None:
    listed = {entry["name"]: entry for entry in client.predict(api_name="/models")["models"]}
    assert listed["moji-vlm"]["ready"] and listed["moji-vlm"]["tasks"] == ["chat", "answer", "caption"]
    assert listed["SmolVLM-256M-Instruct"]["source"] == "HuggingFaceTB/SmolVLM-256M-Instruct"
    assert str(ROOT) not in json.dumps(listed)


def test_an_answer_is_that_of_the_task(client: Client, shown: dict, image: Image.Image) -> None:
    got = client.predict(shown, SCENE.question, runners_up=2, api_name="/answer")
    wanted = answer(load("moji-vlm"), image, SCENE.question, runners_up=2)
    assert got["answer"] == wanted.text and got["probability"] == pytest.approx(wanted.probability, abs=1e-4)
    assert [other["answer"] for other in got["runners_up"]] == [other.text for other in wanted.runners_up]
    assert got["statistics"]["new_tokens"] == wanted.statistics.new_tokens and got["statistics"]["seconds"] > 0


def test_a_talk_streams_and_goes_on_as_the_task_does(client: Client, shown: dict, image: Image.Image) -> None:
    first = list(client.submit("how many dogs are there?", [shown], api_name="/chat"))
    assert len(first) > 2 and not first[0]["finished"]
    assert first[-1]["finished"] and first[-1]["text"].startswith(first[-2]["text"].strip())
    talk = [
        {"role": "user", "text": "how many dogs are there?", "pictures": [shown]},
        {"role": "assistant", "text": first[-1]["text"]},
    ]
    second = client.predict("and where is the cat?", history=talk, system="Be kind.", api_name="/chat")
    said = (Message("user", "how many dogs are there?", (image,)), Message("assistant", first[-1]["text"]))
    *_, (_, reply) = growing(chat(load("moji-vlm"), said, "and where is the cat?"))
    assert second["text"] == reply.answer.text.strip()
    assert second["statistics"]["reused_tokens"] > 0 and "system prompt" in second["notes"][0]
    assert len(list(client.submit(shown, "detailed", api_name="/caption"))) > 5


def test_regions_are_those_of_the_tasks(client: Client, shown: dict, image: Image.Image) -> None:
    from pycocotools import mask as coco

    got, overlay = client.predict(shown, "dog, elephant", 0.4, api_name="/segment")
    masks = segment(load("moji-clipseg"), image, "dog, elephant").masks(0.4)
    assert [entry["phrase"] for entry in got["masks"]] == ["dog", "elephant"]
    for entry, mask in zip(got["masks"], masks, strict=True):
        assert np.array_equal(coco.decode(entry["rle"]), mask) and entry["area"] == mask.sum()
    left, top, right, bottom = got["masks"][0]["box"]
    assert masks[0][top:bottom, left:right].sum() == masks[0].sum() and (got["width"], got["height"]) == image.size
    assert got["masks"][1]["box"] is None
    assert Image.open(overlay).size == image.size

    found, drawn = client.predict(shown, "dog, cat", api_name="/detect")
    wanted = detect(load("moji-owl"), image, "dog, cat")
    assert [box["name"] for box in found["boxes"]] == [thing.name for thing in wanted]
    assert np.allclose([box["box"] for box in found["boxes"]], [thing.box for thing in wanted], atol=0.1)
    assert Image.open(drawn).size == image.size

    named = client.predict(shown, ["red, round circle", "cat"], api_name="/segment")[0]["masks"]
    assert [mask["phrase"] for mask in named] == ["red, round circle", "cat"]

    fits = client.predict(shown, "a picture of a dog, a picture of a bus", api_name="/match")["fits"]
    assert client.predict(shown, ["a picture of a dog", "a picture of a bus"], api_name="/match")["fits"] == fits
    wanted = match(load("moji-clip"), image, "a picture of a dog, a picture of a bus")
    assert [(fit["phrase"], pytest.approx(fit["fit"], abs=1e-4)) for fit in fits] == list(wanted)


def test_a_map_is_that_of_the_method(client: Client, shown: dict, image: Image.Image) -> None:
    from playground.tasks.attend import score

    got, heat = client.predict(shown, "what is in the picture?", "dogs", "relevance", 2, 1, api_name="/attend")
    model = load("moji-vlm")
    trace = attend(model, image, "what is in the picture?")
    words = [word.text for word in trace.words]
    assert [word["word"] for word in got["words"]] == words and words[got["word"] - 1] == "dogs"
    values = explain("relevance", model, trace, words.index("dogs"), layer=1, head=0)
    assert got["score"] == pytest.approx(
        {"noun": "dog", **asdict(score(values, truth_of(image).mask("dog")))}, abs=1e-4
    )
    assert max(Image.open(heat).size) >= 768
    believed, _ = client.predict(shown, "what is in the picture?", "dogs", api_name="/attend")
    assert believed["method"] == "patches" and believed["score"]["mass"] > got["score"]["mass"]
    layered, _ = client.predict(shown, "what is in the picture?", "dogs", layer=2, api_name="/attend")
    assert layered["method"] == "attention"


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by what they are: those up to the fourth are no pictures to be read."""
    folder, grey = tmp_path_factory.mktemp("odd"), Image.new("RGB", (300, 200), (90, 120, 90))
    contents = {
        "text": b"hello",
        "empty": b"",
        "cut off": saved(Image.effect_noise((300, 200), 90), "JPEG")[:4000],
        "too large": huge_png(20_000, 20_000),
        "one pixel": saved(Image.new("RGB", (1, 1), "red"), "PNG"),
        "animated": saved(grey, "GIF", save_all=True, append_images=[Image.new("RGB", (300, 200), "red")]),
        "CMYK": saved(grey.convert("CMYK"), "JPEG"),
        "16 bits": saved(Image.fromarray(np.full((40, 60), 40_000, np.uint16)), "PNG"),
    }
    for name, content in contents.items():
        (folder / f"{name}.png").write_bytes(content)
    return {name: folder / f"{name}.png" for name in contents}


@pytest.mark.parametrize("endpoint", ["/chat", *ASKED])
def test_any_file_gives_a_result_or_a_sentence(client: Client, odd_files: dict[str, Path], endpoint: str) -> None:
    for name, path in odd_files.items():
        upload = handle_file(str(path))
        arguments = ("what is this?", [upload]) if endpoint == "/chat" else (upload, *ASKED[endpoint])
        if name in ("text", "empty", "cut off", "too large"):
            assert re.search("not a picture|empty|breaks off|too large", refusal(client, *arguments, api_name=endpoint))
        else:
            result = client.predict(*arguments, api_name=endpoint)
            notes = (result[0] if isinstance(result, tuple) else result)["notes"]
            assert any(
                {"one pixel": "enlarged", "animated": "first frame"}.get(name, "") in note for note in ["", *notes]
            )


@pytest.mark.parametrize(
    ("endpoint", "arguments", "says"),
    [
        ("/choose", ("is there a dog?", ["yes"]), "2 to 20"),
        ("/choose", ("is there a dog?", ["yes", "no"], "median"), "no measure"),
        ("/answer", ("",), "question is empty"),
        ("/answer", ("why " * 12_500,), "49,999 characters"),
        ("/answer", (5,), "question must be a text, not 5."),
        ("/answer", ("who?", 99), "0 to 8"),
        ("/answer", ("who?", 4, "no-such-model"), "no-such-model"),
        ("/answer", ("who?", 4, "moji-owl"), "cannot talk"),
        ("/answer", ("who?", 4, "SmolVLM-256M-Instruct"), "not on this machine yet"),
        ("/caption", ("poetic",), "short, detailed"),
        ("/segment", ("",), "separated by commas"),
        ("/segment", (",".join(map(str, range(13))),), "13 phrases"),
        ("/segment", ("dog", 7), "7 is no threshold"),
        ("/segment", ("dog", "much"), "threshold must be a number, not “much”."),
        ("/segment", ("dog", 0.5, "moji-vlm"), "cannot segment"),
        ("/answer", ("who?", 1.5), "runners_up must be a whole number, not 1.5."),
        ("/choose", ("who?", "yes"), "choices must be a list, not “yes”."),
        ("/match", ([5],), "phrases must be a text, not a list."),
        ("/match", ({"dog": 1},), "phrases must be a text, not an object."),
        ("/detect", ("dog", 7), "7 is no threshold"),
        ("/detect", ("dog", 0.5, "moji-vlm"), "cannot detect"),
        ("/match", ("dog", "moji-vlm"), "cannot compare"),
        ("/attend", ("who?", "", "astrology"), "attention"),
        ("/attend", ("what is in the picture?", "zebra"), "no word of the answer"),
        ("/attend", ("what is in the picture?", "", "attention", 99), "no layer 99"),
    ],
)  # fmt: skip
def test_bad_words_get_a_sentence(client: Client, shown: dict, endpoint: str, arguments: tuple, says: str) -> None:
    assert says in refusal(client, shown, *arguments, api_name=endpoint)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "message is empty"),
        ({"message": "hello"}, "only talks about pictures"),
        ({"message": "why?", "temperature": -1}, "no temperature"),
        ({"message": "why?", "max_new_tokens": 1_000_000}, "1 to 1,024"),
        ({"message": "why?", "history": [{"role": "king", "text": "me"}]}, "no role"),
        ({"message": "why?", "history": [{"role": "user", "content": "me"}]}, "no key “content”. A turn has role"),
        ({"message": "why?", "history": [{"role": "user", "x": 1}]}, "history, item 1: there is no key “x”"),
        ({"message": "why?", "history": ["me"]}, "history, item 1 must be an object, not “me”."),
        ({"message": "why?", "history": [{"role": "user", "text": "why " * 12_500}]}, "50,000"),
        ({"message": "why?", "history": [{"role": "user", "text": "?"}] * 201}, "201 turns"),
    ],
)
def test_bad_talks_get_a_sentence(client: Client, options: dict, says: str) -> None:
    with pytest.raises(AppError, match=says):
        client.predict(**{"message": "", **options}, api_name="/chat")


@pytest.fixture
def sent(guarded_app: str) -> Callable[[Any], str]:
    """What the app says to a picture that is sent as it is, past the client, which would upload or refuse it."""

    def send(picture: Any) -> str:
        address = f"{guarded_app}/gradio_api/call/answer"
        event = httpx.post(address, json={"data": [picture, "what is this?", 0, "moji-vlm"]}).json()["event_id"]
        return httpx.get(f"{address}/{event}", timeout=60).text

    return send


def test_nothing_is_read_or_fetched_that_was_not_uploaded(sent: Callable[[Any], str], client: Client) -> None:
    mark = {"meta": {"_type": "gradio.FileData"}}
    here, cache = str(SCENE.path), httpx.post(f"{client.src}gradio_api/upload", files={"files": b"x"}).json()[0]
    beside = str(Path(cache).parent / "../../.." / SCENE.path.relative_to("/"))
    for path in (here, beside, "/etc/passwd", "/etc/\0", "x" * 9999, f"http://host/gradio_api/file={here}"):
        for picture in (path, {"path": path}, {"path": path, **mark}):
            assert "Only a picture that was uploaded here is read" in sent(picture), picture
    for address in ("http://169.254.169.254/latest/meta-data", "https://example.com/x.png", "file:///etc/passwd"):
        for picture in (address, {"path": address}, {"path": address, "url": address, **mark}):
            assert "Addresses are not fetched" in sent(picture), picture
    assert "picture: This is no picture that was uploaded." in sent({"url": "http://169.254.169.254/", **mark})
    assert "picture: There is no picture. Send what" in sent(None)
    assert "picture: This is no picture" in sent(5)


def test_an_error_is_never_null_and_left_out_arguments_have_their_defaults(guarded_app: str) -> None:
    def told(endpoint: str, arguments: list[Any]) -> str:
        address = f"{guarded_app}/gradio_api/call/{endpoint}"
        body = json.dumps({"data": arguments})  # in ASCII, which can spell half of a character
        event = httpx.post(address, content=body, headers={"Content-Type": "application/json"}).json()["event_id"]
        return httpx.get(f"{address}/{event}", timeout=60).text

    picture = f"data:image/png;base64,{base64.b64encode(SCENE.path.read_bytes()).decode()}"
    assert "/answer takes picture, question, runners_up, model, in this order, and needs the first 2; 1 came" in told(
        "answer", [picture]
    )
    assert '"answer": "' in told("answer", [picture, SCENE.question])
    assert "question holds half of a character (a lone surrogate, U+D83D)" in told("answer", [picture, "why? \ud83d"])
    assert "history holds half" in told("chat", ["why?", [], [{"role": "user", "text": "\udead"}]])
    for endpoint in ENDPOINTS - {"models"}:
        for arguments in ([], [None] * 9, [{"path": 3}] * 3, ["\ud800"] * 9, [[]] * 2, [{}] * 20):
            said = told(endpoint, arguments)
            assert "event: error" in said and "null" not in said, (endpoint, arguments, said)


def test_base64_is_read_in_every_spelling_and_never_repeated(sent: Callable[[Any], str]) -> None:
    data = SCENE.path.read_bytes()
    plain = base64.b64encode(data).decode()
    for picture in (
        f"data:image/png;base64,{plain.rstrip('=')}",
        "data:image/png;base64," + base64.encodebytes(data).decode(),
        "data:;base64," + base64.urlsafe_b64encode(data).decode(),
        plain,
    ):
        assert '"answer": "' in sent(picture)
    torn = f"data:image/png;base64,{plain[:400]}!"
    for picture in (torn, plain[:400], "data:image/png," + plain, plain[:80] + "~" * 80):
        said = sent(picture)
        assert "event: error" in said and plain[20:60] not in said and "null" not in said


def test_places_and_pictures_come_back_at_the_size_and_under_the_name_of_the_upload(
    client: Client, tmp_path: Path
) -> None:
    large = tmp_path / "our dogs.jpg"
    Image.open(SCENE.path).convert("RGB").resize((3000, 4000)).save(large, quality=90)
    for endpoint in ("/segment", "/detect", "/attend"):
        found, drawn = client.predict(handle_file(str(large)), *ASKED[endpoint], api_name=endpoint)
        assert (found["width"], found["height"]) == Image.open(drawn).size == (3000, 4000)
        assert Path(drawn).name == "our dogs.png"
    masks = client.predict(handle_file(str(large)), "dog", api_name="/segment")[0]["masks"]
    assert masks[0]["rle"]["size"] == [4000, 3000] and masks[0]["box"][2] > 1536


def test_the_example_for_programs_runs_as_it_stands(
    guarded_app: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    example = (ROOT / "docs" / "client.py").read_text(encoding="utf-8")
    monkeypatch.chdir(ROOT)
    exec(compile(example.replace("http://127.0.0.1:7860", guarded_app), "client.py", "exec"), {})
    printed = capsys.readouterr().out
    assert "two" in printed and "'dog'" in printed
    shown = re.findall(r"```py\n(.*?)```", (ROOT / "docs" / "programs.md").read_text(encoding="utf-8"), re.DOTALL)
    assert shown and all(block.strip() == example.strip() for block in shown)


def talking(url: str, ask: Callable[[Any], Any]) -> Any:
    """What `ask` makes of a session with the app's MCP server."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def run() -> Any:
        async with (
            streamablehttp_client(f"{url}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await ask(session)

    return asyncio.run(run())


def test_every_task_is_a_documented_tool(guarded_app: str) -> None:
    tools = talking(guarded_app, lambda session: session.list_tools()).tools
    assert {tool.name for tool in tools} == ENDPOINTS
    for tool in tools:
        assert len(tool.description) > 40, tool.name
        for name, schema in tool.inputSchema["properties"].items():
            kinds = schema.get("oneOf", [schema])
            assert all("type" in kind for kind in kinds) and schema.get("description"), (tool.name, name)


def test_tools_answer_in_json_and_with_pictures(guarded_app: str) -> None:
    picture = f"data:image/png;base64,{base64.b64encode(SCENE.path.read_bytes()).decode()}"
    stolen = {"role": "user", "text": "x", "more": {"path": str(SCENE.path), "meta": {"_type": "gradio.FileData"}}}

    async def ask(session: Any) -> tuple:
        talk = [{"role": "user", "text": SCENE.question, "pictures": [picture]}, {"role": "assistant", "text": "two."}]
        return (
            await session.call_tool("answer", {"picture": picture, "question": SCENE.question}),
            await session.call_tool("chat", {"message": "where is the cat?", "history": talk}),
            await session.call_tool("segment", {"picture": picture, "phrases": "dog"}),
            await session.call_tool("answer", {"picture": picture, "question": ""}),
            await session.call_tool("chat", {"message": "x", "history": [stolen]}),
            await session.call_tool("answer", {"picture": picture.rstrip("="), "question": SCENE.question}),
            await session.call_tool("answer", {"picture": picture[22:], "question": SCENE.question}),
            await session.call_tool("answer", {"picture": "data:image/png;base64,iVBOR!", "question": "what?"}),
            await session.call_tool("answer", {"picture": "C:/me/cat.png", "question": "what?"}),
            await session.call_tool("segment", {"picture": picture, "phrases": '["red, round circle", "dog"]'}),
        )

    answered, said, segmented, refused, closed, *pictures = talking(guarded_app, ask)
    wanted = answer(load("moji-vlm"), open_picture(SCENE.path).image, SCENE.question)
    assert json.loads(answered.content[0].text)["answer"] == wanted.text
    assert json.loads(said.content[0].text)["finished"]
    found, overlay, address = segmented.content
    assert json.loads(found.text)["masks"][0]["area"] > 0
    uploaded = re.search(r"http\S+", address.text)[0]
    assert base64.b64decode(overlay.data)[:4] == b"\x89PNG" == httpx.get(uploaded).content[:4]
    again = talking(guarded_app, lambda session: session.call_tool("match", {"picture": uploaded, "phrases": "dog"}))
    assert not again.isError  # the address of what was uploaded here is read without fetching it
    assert refused.isError and "question is empty" in refused.content[0].text
    assert closed.isError and "more" in closed.content[0].text
    unpadded, bare, damaged, path, listed = pictures
    assert not unpadded.isError and not bare.isError
    assert damaged.isError and "base64 is damaged" in damaged.content[0].text and "iVBOR" not in damaged.content[0].text
    assert path.isError and "data:image/png;base64," in path.content[0].text
    named = [mask["phrase"] for mask in json.loads(listed.content[0].text)["masks"]]
    assert named == ["red, round circle", "dog"]


def test_nobody_was_contacted(guarded_app: str, contacted: Path) -> None:
    assert not contacted.exists(), f"contacted: {contacted.read_text()}"
