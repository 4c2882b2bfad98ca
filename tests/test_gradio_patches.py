"""What the app touches of Gradio's inside is there, stands in one file, and is named when a version has changed it."""

from __future__ import annotations

import re
from importlib import import_module

import gradio as gr
import pytest
from app_process import ROOT

from playground.ui import gradio_patches, serve
from playground.ui.gradio_patches import TOUCHED, GradioChanged, Touched, check

UI = ROOT / "playground" / "ui"


def test_all_of_it_is_there() -> None:
    check()


@pytest.mark.parametrize("touched", TOUCHED, ids=lambda touched: touched.place)
def test_what_is_gone_is_named_with_what_it_was_for(touched: Touched, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, name = touched.place.rpartition(":")
    if module:
        owner, _, last = name.rpartition(".")
        holder = import_module(module)
        holder = getattr(holder, owner) if owner else holder
        if touched.needs:
            monkeypatch.setattr(holder, last, lambda self: None)
        else:
            monkeypatch.delattr(holder, last)
    else:
        _without(name, monkeypatch)
    with pytest.raises(GradioChanged) as told:
        check()
    said = str(told.value)
    assert touched.place in said and touched.purpose in said and gr.__version__ in said and "requirements.txt" in said


def _without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an empty app lack this attribute."""

    class Lacking:
        def __init__(self, whole: object, names: list[str]) -> None:
            self._whole, self._names = whole, names

        def __getattr__(self, asked: str) -> object:
            first, *rest = self._names
            if asked == first and not rest:
                raise AttributeError(asked)
            found = getattr(self._whole, asked)
            return Lacking(found, rest) if asked == first else found

    monkeypatch.setattr(gradio_patches, "_empty_app", lambda: Lacking(_empty(), name.split(".")))


_empty = gradio_patches._empty_app


def test_a_parameter_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def push(self: object, body: object, request: object) -> None: ...

    monkeypatch.setattr("gradio.queueing.Queue.push", push)
    with pytest.raises(GradioChanged, match="gradio.queueing:Queue.push .turn away who comes"):
        check()


def test_the_start_ends_with_that_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("gradio.mcp.GradioMCPServer.postprocess_output_data")
    with pytest.raises(SystemExit, match="has changed what this app builds on: gradio.mcp:GradioMCPServer"):
        serve._check_gradio()
    monkeypatch.setattr(gradio_patches, "check", lambda: import_module("gradio.no_such_part"))
    with pytest.raises(SystemExit, match="Gradio cannot be used: No module named 'gradio.no_such_part'"):
        serve._check_gradio()


def test_no_other_file_touches_the_inside() -> None:
    deep = re.compile(r"^\s*(from|import) gradio(_client)?\.", re.MULTILINE)
    inside = re.compile(
        r"ABCMeta|rfc3987|GRADIO_CACHE|\.(_queue|process_api|preprocess_data|fns|_api_info|temp_file_sets|upload_file_set"
        r"|keep_in_cache|mcp_server_obj|root_block)\b|\.preprocess ="
    )
    for path in {*UI.rglob("*.py"), *(ROOT / "playground").rglob("*.py")} - {UI / "gradio_patches.py"}:
        code = path.read_text(encoding="utf-8")
        assert not deep.search(code) and not inside.search(code), path
