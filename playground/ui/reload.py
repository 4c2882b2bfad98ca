"""What survives a reload of the page: the open tab, the chosen model, and the words and picture of each tab.

The browser keeps it (`gr.BrowserState`), written by page.js whenever a field changes, so that no server is asked for
it. What comes back is not trusted: a path counts only inside Gradio's cache or the folder of example scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from playground.tasks import examples
from playground.ui import hosting
from playground.ui.components.tab import Fields
from playground.ui.tabs.chat.browser_storage import found as found_again
from playground.ui.uploads import in_cache

LONGEST = 10_000
"""Characters of a field that are put back."""
_PICTURES = 16
_SECRET = "kept in this browser"
"""Gradio encrypts what the browser keeps with it; a fixed one, because the page's restart should lose nothing."""


@dataclass(frozen=True)
class Kept:
    """What the browser kept: `page`, a dict of the open tab and each tab's fields, and the name of the model."""

    page: gr.BrowserState
    model: gr.BrowserState


def states() -> Kept:
    """What is kept, empty for a new visitor."""
    return Kept(
        gr.BrowserState({}, storage_key="playground-page", secret=_SECRET),
        gr.BrowserState("", storage_key="playground-model", secret=_SECRET),
    )


def keep(kept: Kept, tabs: Mapping[str, gr.Tab], fields: Mapping[str, Fields], chosen: gr.State) -> None:
    """Write down whatever changes; nothing before the page is restored (see page.js)."""
    in_browser = {"fn": None, "outputs": kept.page, "show_progress": "hidden", "queue": False}
    for name, tab in tabs.items():
        tab.select(js=f"kept => playground.keep(kept, 'tab', '{name}')", inputs=kept.page, **in_browser)
    for name, part, field in _kept_fields(fields):
        js = f"(kept, value) => playground.keep(kept, '{part}', value, '{name}')"
        field.change(js=js, inputs=[kept.page, field], **in_browser)
    quietly = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    chosen.change(lambda name: name, chosen, kept.model, **quietly)


def _kept_fields(fields: Mapping[str, Fields]) -> list[tuple[str, str, Any]]:
    """(tab, "words" or "picture", component) of what is kept."""
    return [
        (name, part, field)
        for name, both in fields.items()
        for part, field in (("picture", both.picture), ("words", both.words))
        if field is not None
    ]


def outputs(fields: Mapping[str, Fields]) -> list[Any]:
    """The components that `values` has values for."""
    return [field for _, _, field in _kept_fields(fields)]


def values(page: Any, fields: Mapping[str, Fields]) -> dict[tuple[str, str], Any]:
    """What each field gets back, by tab and part; nothing for what is empty, unknown, too long or not to be trusted."""
    found = {}
    for name, part, field in _kept_fields(fields):
        value = _at(page, "fields", name, part)
        if isinstance(field, gr.MultimodalTextbox):
            value = _message(value)
        elif not isinstance(value, str) or not (_is_ours if part == "picture" else _is_short)(value):
            continue
        if value:
            found[name, part] = value
    return found


def tab_of(page: Any, tabs: Sequence[str]) -> str:
    """The tab that was open; "" where none is known."""
    tab = _at(page, "tab")
    return tab if isinstance(tab, str) and tab in tabs else ""


def model_of(name: Any) -> str:
    """The model that was chosen, if this visitor may have it; "" for none."""
    if not isinstance(name, str) or not 0 < len(name) <= 500:
        return ""
    try:
        hosting.check_allowed(name)
    except Exception:
        return ""
    return name


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _message(value: Any) -> dict[str, Any] | None:
    """A message that was not sent yet, with those of its pictures that are still here; None for an empty one."""
    text, files = _at(value, "text"), _at(value, "files")
    text = text if isinstance(text, str) and _is_short(text) else ""
    listed = [path for path in files if isinstance(path, str)][:_PICTURES] if isinstance(files, list) else []
    there = list(filter(None, map(found_again, listed)))
    return {"text": text, "files": there} if text or there else None


def _is_short(words: str) -> bool:
    return len(words) <= LONGEST


def _is_ours(path: str) -> bool:
    """Whether this is a file of Gradio's cache or an example scene."""
    try:
        scene = any(str(item.path) == path for item in examples.examples())
        return (scene or in_cache(path)) and Path(path).is_file()
    except (OSError, ValueError):
        return False
