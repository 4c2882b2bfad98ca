"""What the pages show when something is not as hoped; no browser needed."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.checkpoints.catalog import TASKS, of_kind
from playground.models.messages import Candidate, Likelihood, Statistics
from playground.tasks.answer import Answered
from playground.tasks.bulk.answer_table import Cell
from playground.tasks.choose import Choice, Chosen
from playground.ui import app as page
from playground.ui import error_messages as troubles
from playground.ui.components import picture_input
from playground.ui.components.card import card_of
from playground.ui.components.fields import Turn
from playground.ui.components.tab import Capability, Fields, Page, Tab
from playground.ui.tabs.ask import view as answer_html
from playground.ui.tabs.chat.view import view


def test_a_picture_that_breaks_the_decoder_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(path: str) -> None:
        raise MemoryError

    monkeypatch.setattr(picture_input, "open_picture", exhausted)
    assert "not enough memory" in picture_input.check("huge.png")[1]


def test_the_words_of_strangers_are_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>"
    figures = Statistics(0, 1, 1, 0.1, 0.1, 0.0, False)
    answered = Answered(evil, 0.5, (Candidate(evil, 0.1),), figures)
    chosen = Chosen((Choice(Likelihood(evil, -1.0, 2), 1.0),), "sum", 0.4, evil, figures)
    table = [Cell(evil, evil, evil), Cell(evil, evil, error=evil)]
    for html in (
        answer_html.answer_card(evil, answered, evil),
        answer_html.choice_card(evil, chosen, evil),
        answer_html.answers_table(table, [evil], {}),
        answer_html.progress(1, 2, evil),
    ):
        assert "<img" not in html and "&lt;img" in html
    shown = view((Turn("user", "<script>"), Turn("assistant", "![x](http://example.com/x.png)", footer="<b>")))
    assert shown[0]["content"] == ["&lt;script&gt;"]
    assert "![" not in shown[1]["content"][0] and "<b>" not in shown[1]["content"][1]


def test_an_unexpected_error_is_one_sentence_without_its_details() -> None:
    sentence = troubles.sentence(RuntimeError("/secret/path exploded"))
    assert "RuntimeError" in sentence and "secret" not in sentence


def test_a_tab_is_one_folder_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new tab is laid out, and takes part in links, reloads and what the chosen model can do, unasked."""

    def build(page: Page) -> Fields:
        words, note = gr.Textbox(label="What to count"), gr.HTML()
        return Fields(None, words, Capability(lambda name: (f"counts with {name}",), (note,)))

    monkeypatch.setitem(
        sys.modules, "playground.ui.tabs.count.layout", SimpleNamespace(TAB=Tab("count", "Count", build))
    )
    monkeypatch.setattr(page, "_TABS", (*page._TABS, "count"))
    assert [tab.id for tab in page.tabs_of_the_page()] == list(page._TABS)  # a tab is called as its folder
    config = json.dumps(page.build().get_config_file(), default=str)
    assert "What to count" in config and '"label": "Count"' in config
    for what in ("'words', value", "'tab'"):
        assert f"playground.keep(kept, {what}, 'count')" in config


@pytest.mark.parametrize("kind", TASKS)
def test_every_kind_of_model_has_a_card(kind: str) -> None:
    for entry in of_kind(kind):
        card = card_of(entry.name, kind, "unloaded")
        assert "<dt>Can</dt>" in card and ("<dt>Photos</dt>" in card) == entry.embedded
