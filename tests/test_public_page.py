"""A public page keeps its visitors apart, forgets their files, and tells nobody where its own lie."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType, SimpleNamespace

import gradio as gr
import httpx
import pytest
from PIL import Image
from test_imaging import saved

from playground.tasks.examples import FOLDER, examples
from playground.ui import app as frame
from playground.ui import gradio_patches, links, opening, reload, session, uploads
from playground.ui.theme import launch_options

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    """A public page in this process, with files of its own and a short time of grace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("files").resolve()))
        patch.setenv("PLAYGROUND_PUBLIC", "1")
        patch.setenv("PLAYGROUND_MAX_UPLOAD", "1mb")
        patch.setattr(uploads, "GRACE", 2.0)
        page = frame.build()
        page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
        yield page
        page.close()


@pytest.fixture
def web(app: gr.Blocks) -> Iterator[httpx.Client]:
    once = {"Connection": "close"}  # after an error the server closes it anyway
    with httpx.Client(base_url=f"{app.local_url}gradio_api", timeout=60, headers=once) as client:
        yield client


@pytest.fixture
def enter(web: httpx.Client) -> Iterator[Callable[[str], Callable[[], None]]]:
    """Opens the page for a visitor of this name; what it returns closes it."""
    kept = []  # a generator that nobody keeps ends, and closes its connection
    with ExitStack() as all_open:

        def opened(name: str) -> Callable[[], None]:
            beat = all_open.enter_context(ExitStack())
            lines = beat.enter_context(web.stream("GET", f"/heartbeat/{name}")).iter_lines()
            next(lines)
            kept.append(lines)
            return beat.close

        yield opened


def give(app: gr.Blocks, web: httpx.Client, name: str, data: bytes) -> Path:
    """Put a picture into a field, as the page does it; returns where the server keeps it."""
    (path,) = web.post("/upload", files={"files": ("picture.png", data)}).json()
    check = next(index for index, event in app.fns.items() if event.name == "check")
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    event = {"data": [file], "fn_index": check, "session_hash": name}
    assert web.post("/queue/join", json=event).status_code == 200
    assert _soon(lambda: path in uploads._held.get(name, ()))
    return Path(path)


def _soon(true: Callable[[], bool], patience: float = 20) -> bool:
    end = time.monotonic() + patience
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def test_pictures_go_with_the_last_visitor_who_has_them(app, web, enter) -> None:
    shared, own = (saved(Image.effect_noise((64, 64), sigma), "PNG") for sigma in (40, 90))
    ann, bob = enter("ann"), enter("bob")
    both, alone = give(app, web, "ann", shared), give(app, web, "ann", own)
    assert give(app, web, "bob", shared) == both
    thumbnails = [Path(path) for path in gradio_patches.files_of_page(app)]
    assert web.get(f"/file={alone}").status_code == 200 and thumbnails
    ann()
    assert _soon(lambda: not alone.exists()), "a visitor's pictures outlive him"
    assert both.exists(), "somebody else still shows it"
    assert web.get(f"/file={alone}").status_code in (403, 404)
    bob()
    assert _soon(lambda: not both.exists())
    assert all(path.exists() for path in thumbnails)


def test_a_page_that_is_loaded_anew_keeps_its_pictures(app, web, enter) -> None:
    leave = enter("before")
    path = give(app, web, "before", saved(Image.effect_noise((64, 64), 60), "PNG"))
    leave()
    enter("after")
    kept = {"tab": "ask", "fields": {"ask": {"picture": str(path), "words": "what is this?"}}}
    load = next(index for index, event in app.fns.items() if event.name == "opened")
    event = {"data": [kept, ""], "fn_index": load, "session_hash": "after"}
    assert web.post("/queue/join", json=event).status_code == 200
    assert _soon(lambda: str(path) in uploads._held.get("after", ()))
    time.sleep(4)
    assert path.exists()


def test_what_the_browser_kept_is_not_trusted(app, tmp_path) -> None:
    picture, words = gr.Image(render=False), gr.Textbox(render=False)
    fields = {"ask": SimpleNamespace(picture=picture, words=words)}
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    inside = next(iter(gradio_patches.files_of_page(app)))
    dotted = f"{Path(inside).parent}/../../../..{secret}"
    for path in (
        str(secret),
        dotted,
        "/etc/passwd",
        f"{FOLDER}/examples.json",
        inside + "\0",
        7,
        ["x"],
        {"path": inside},
    ):
        assert reload.values({"fields": {"ask": {"picture": path}}}, fields) == {}, path
    for page in (None, [], "x", {"fields": 3}, {"fields": {"ask": "x"}}, {"fields": {"ask": {"words": "x" * 10_001}}}):
        assert reload.values(page, fields) == {}
    good = {"fields": {"ask": {"picture": inside, "words": "<b>"}}}
    assert reload.values(good, fields) == {("ask", "picture"): inside, ("ask", "words"): "<b>"}
    assert reload.model_of("moji-blip") == "moji-blip"
    assert reload.model_of("http://169.254.169.254/v1") == reload.model_of({"x": 1}) == ""


def test_a_link_fills_fields_and_never_reaches_beyond_the_examples() -> None:
    link = links.read({"example": "two-dogs", "question": "why?", "model": "moji-blip"}, ("chat", "ask"))
    assert (link.tab, link.example, link.model, link.notes) == ("ask", examples()[0], "moji-blip", ())
    hostile = links.read({"tab": "x", "example": "../two-dogs", "model": "/etc", "question": "y" * 9999}, ("ask",))
    assert (hostile.tab, hostile.example, hostile.model, hostile.question) == ("", None, "", "")
    assert len(hostile.notes) == 3
    assert links.read({"model": "moji-clipseg"}, ()).model == "", "a segmentation model cannot answer"
    assert links.link_to("ask", str(ROOT / "LICENSE"), "x", "moji-vlm") == ""
    assert "example=zoo" in links.link_to("ask", str(FOLDER / "zoo.png"), "x", "/my/own/folder")
    assert "folder" not in links.link_to("ask", str(FOLDER / "zoo.png"), "x", "/my/own/folder")
    assert opening._filled(link, {"ask": SimpleNamespace(picture=None, words=gr.Textbox(render=False))}) == {
        ("ask", "words"): "why?"
    }


def test_whatever_a_program_sends_no_path_and_no_traceback_comes_back(app, web) -> None:
    asked = next(index for index, event in app.fns.items() if event.api_name == "ask")
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    answers = [
        web.post("/queue/join", json={"data": [{}], "fn_index": 9999, "session_hash": "mallory"}),
        web.post("/queue/join", content=b"{", headers={"Content-Type": "application/json"}),
        web.post("/run/ask", json={"data": [file, "what?", None], "session_hash": "mallory"}),
        web.post("/run/ask", json={"data": [3], "session_hash": "mallory"}),
        web.get("/file=../../../etc/passwd"),
        web.get(f"/file={ROOT / 'app.py'}"),
        web.post("/component_server", json={"data": [], "component_id": 1, "fn_name": "x", "session_hash": "m"}),
    ]
    assert app.max_file_size == 2**20, "what PLAYGROUND_MAX_UPLOAD says"
    web.post("/queue/join", json={"data": [file, "why?"], "fn_index": asked, "session_hash": "mallory"})
    with web.stream("GET", "/queue/data", params={"session_hash": "mallory"}) as events:
        said = next(line for line in events.iter_lines() if "process_completed" in line)
    for text in (*(answer.text for answer in answers), said):
        assert "Traceback" not in text and "site-packages" not in text and "root:" not in text, text
        assert 'File "' not in text and str(ROOT / "playground") not in text, text
    assert all(answer.status_code >= 400 for answer in answers), [answer.status_code for answer in answers]


def test_a_borrowed_gpu_is_asked_for_every_event_that_runs_a_model(monkeypatch) -> None:
    lent = []
    spaces = ModuleType("spaces")
    spaces.GPU = lambda function: lent.append(function) or (lambda *given: function(*given))
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    page = frame.build()
    running = [event for event in page.fns.values() if event.concurrency_id == "model" and event.fn]
    assert len(lent) == len(running) > 10
    assert session.Session().talk_with(None) is None, "what a forked process keeps is lost"
