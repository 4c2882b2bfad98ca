"""What a page shows when it opens: what its link asks for, else what was there before it was loaded anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from playground.ui import links, reload
from playground.ui.components import snippets
from playground.ui.components.tab import Fields


def outputs(tabs: gr.Tabs, dropdown: gr.Dropdown, notice: gr.HTML, fields: Mapping[str, Fields]) -> list[Any]:
    """The components that the function of `opener` has values for."""
    return [tabs, dropdown, notice, *fields_of(fields)]


def places(fields: Mapping[str, Fields]) -> list[tuple[str, str]]:
    """(tab, part) of every field that something can be put into."""
    return list(_all(fields))


def fields_of(fields: Mapping[str, Fields]) -> list[Any]:
    """The components in these places."""
    return list(_all(fields).values())


def opener(fields: Mapping[str, Fields]) -> Callable[..., tuple[Any, ...]]:
    """The function for the page's load event: from what the browser kept to values for `outputs`."""

    def opened(page: Any, model: Any, request: gr.Request) -> tuple[Any, ...]:
        link = links.read(dict(request.query_params), tuple(fields))
        shown: dict[tuple[str, str], Any] = dict(reload.values(page, fields)) | _filled(link, fields)
        tab = link.tab or reload.tab_of(page, tuple(fields))
        wanted = link.model or reload.model_of(model)
        return (
            gr.Tabs(selected=tab) if tab else gr.skip(),
            wanted or gr.skip(),
            snippets.notes(link.notes),
            *(shown.get(place, _untouched(place)) for place in _all(fields)),
        )

    return opened


def _untouched(place: tuple[str, str]) -> Any:
    """What leaves a field as it is. A picture's is empty now anyway, and a skipped one Gradio would make anew, without
    what `picture_input` taught it."""
    return None if place[1] == "picture" else gr.skip()


def _all(fields: Mapping[str, Fields]) -> dict[tuple[str, str], Any]:
    """Every field that something can be put into, by tab and part."""
    both = {(name, part): getattr(each, part) for name, each in fields.items() for part in ("picture", "words")}
    return {place: field for place, field in both.items() if field is not None}


def _filled(link: links.Link, fields: Mapping[str, Fields]) -> dict[tuple[str, str], Any]:
    """What a link puts into the fields of its tab: the scene and the words together, where it names a scene."""
    if not link.tab:
        return {}
    path = str(link.example.path) if link.example else None
    words = fields[link.tab].words
    if isinstance(words, gr.MultimodalTextbox):
        message = {"text": link.question, "files": [path] if path else []}
        return {(link.tab, "words"): message} if path or link.question else {}
    filled = {("picture", path), ("words", link.question)}
    return {(link.tab, part): value for part, value in filled if value and getattr(fields[link.tab], part) is not None}
