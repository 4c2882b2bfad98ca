"""The page around the tabs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any

import gradio as gr

from playground.settings import read
from playground.ui import gradio_patches, links, opening, reload, session, uploads
from playground.ui import queue_limits as line
from playground.ui import zero_gpu as zero
from playground.ui.api import endpoints
from playground.ui.components import memory_line, tour
from playground.ui.components.picker import cards_while_loading, picker
from playground.ui.components.tab import Fields, Page, Tab
from playground.ui.loaded import DEFAULT_CHAT, chat_model

# A tab is a folder of `playground/ui/tabs` and its name in this list, in the order on the page; see
# `playground.ui.components.tab`.
_TABS = (
    "chat",
    "ask",
    "caption",
    "segment",
    "attention",
    "compare",
    "anatomy",
)
_HEADER = """
<header class="masthead">
  <h1>VLM Playground</h1>
  <p>Show a picture, ask about it, and see where the model looks.</p>
</header>
"""
_UNSEEN = {"show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
_AT_ONCE = {"show_progress": "hidden", "api_visibility": "private", "queue": False}


def build(model: str = DEFAULT_CHAT) -> gr.Blocks:
    """The whole app; `model` answers until another one is picked. Imports neither torch nor transformers.

    A visitor's files are removed some minutes after he left, and whatever else may lie there a day after it came.
    Nothing calls out: no analytics, no web fonts.

    Raises:
        SettingError: a variable of the environment is no setting.
    """
    day = 24 * 3600
    with gr.Blocks(title="VLM Playground", analytics_enabled=False, delete_cache=(3600, day)) as app:
        with gr.Row(elem_classes="top"):
            gr.HTML(_HEADER)
            copy = gr.Button("Copy link", size="sm", elem_classes="quiet", elem_id="copy-link")
            gr.Button("Tour", size="sm", elem_classes="quiet").click(js="() => playground.startTour()")
            gr.Button("Light / dark", size="sm", elem_classes="quiet").click(js="() => playground.toggleLook()")
        gr.HTML(tour.dialog(), elem_classes="tour-frame")
        picked = picker("chat", model, chat_model, state="loading")
        memory = memory_line.build(picked.chosen)
        notice = gr.HTML()
        why = gr.State(None)
        with gr.Tabs(selected="chat", overflow_behavior="wrap") as tabs:
            shown, fields = {}, {}
            for tab in tabs_of_the_page():
                with gr.Tab(tab.label, id=tab.id) as shown[tab.id]:
                    fields[tab.id] = tab.build(Page(picked.chosen, why))

        kept, places = reload.states(), json.dumps(opening.places(fields))
        reload.keep(kept, shown, fields, picked.chosen)
        opened = app.load(
            opening.opener(fields), [kept.page, kept.model],
            opening.outputs(tabs, picked.dropdown, notice, fields), **_AT_ONCE,
        )  # fmt: skip
        all_kept = [kept.page, kept.model]
        begin = f"(page, model, picked, ...values) => playground.startKeeping(page, model, picked, {places}, values)"
        opened.then(
            js=begin, inputs=[*all_kept, picked.dropdown, *opening.fields_of(fields)], outputs=all_kept,
            show_progress="hidden", queue=False,
        )  # fmt: skip
        greeted = opened.then(_greeting, [picked.dropdown, picked.chosen], picked.card, **_UNSEEN)
        for able in filter(None, (each.capability for each in fields.values())):
            greeted.then(able.values, picked.chosen, list(able.outputs), **_UNSEEN)
            picked.chosen.change(able.values, picked.chosen, list(able.outputs), **_UNSEEN)
        greeted.then(memory_line.memory_line, None, memory, **_AT_ONCE)
        why.change(lambda: gr.Tabs(selected="attention"), None, tabs, **_UNSEEN, queue=False)
        copying = copy.click(
            partial(_link, fields=fields), [kept.page, picked.chosen, *_talk(app, fields)], notice, **_AT_ONCE
        )
        copying.then(js="() => playground.copyLink()")
        gr.on(
            [*(tab.select for tab in shown.values()), picked.chosen.change], js="() => playground.forgetLink()",
            outputs=notice, show_progress="hidden", queue=False,
        )  # fmt: skip
        app.unload(session.end)
        endpoints.build(app)
        uploads.watch(app)
    zero.lend(app)
    app.queue()
    line.keep_short(app, read().queue)
    return app


def tabs_of_the_page() -> tuple[Tab, ...]:
    """The tabs in their order on the page."""
    return tuple(import_module(f"playground.ui.tabs.{name}.layout").TAB for name in _TABS)


def _greeting(picked: str, chosen: str) -> Iterator[Any]:
    """The card while the first model is loaded; where another one is wanted, the picker itself says how far that is."""
    if picked == chosen:
        yield from cards_while_loading("chat", chat_model)(chosen)
    else:
        yield gr.skip()


def _talk(app: gr.Blocks, fields: Mapping[str, Fields]) -> list[Any]:
    """The chat tab's box and its conversation: what a link from there carries."""
    return [fields["chat"].words, gradio_patches.only(app, gr.Chatbot)]


def _link(page: Any, model: str, box: Any, talk: Any, fields: Mapping[str, Fields]) -> str:
    """A note with the link to what the open tab shows."""
    tab = reload.tab_of(page, tuple(fields)) or "chat"
    if tab == "chat":
        picture, words = links.asked(box, talk)
    else:
        values = reload.values(page, fields)
        picture, words = values.get((tab, "picture")), values.get((tab, "words"))
    return links.shown(links.link_to(tab, picture, words, model))
