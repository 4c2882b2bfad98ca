"""What happens while a model is busy: waiting, typing on, stopping, leaving, beginning anew, and who sees what."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from app_process import SLOW_APP, running_app
from browsing import Browser, Page, expect, open_tab, seen

from playground.tasks.examples import examples

Visit: TypeAlias = "Callable[[], Page]"


@pytest.fixture(scope="module")
def slow_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app whose model takes half a second for every piece."""
    log = tmp_path_factory.mktemp("slow") / "app.log"
    with running_app(log, {"HF_HUB_OFFLINE": "1"}, program=SLOW_APP) as url:
        yield url


@pytest.fixture
def visit(slow_app: str, browser: Browser) -> Iterator[Visit]:
    """Opens the app for one more visitor, who shares nothing with the others."""
    contexts = []

    def enter() -> Page:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.goto(slow_app)
        expect(page.locator(".status.loaded").first).to_be_visible(timeout=60_000)
        return page

    yield enter
    for context in contexts:
        context.close()


def ask_for_much(page: Page) -> None:
    """Send a message whose answer takes many pieces, and wait for the first of them."""
    page.get_by_role("tabpanel").locator("input[type=file]").first.set_input_files(examples()[0].path)
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)
    seen(page, ".chat-box textarea").fill("describe the picture in detail.")
    seen(page, ".chat-box textarea").press("Enter")
    expect(page.locator(".chat .bot")).to_contain_text("a")


def said(page: Page) -> str:
    """The model's last words, after the pieces that were on their way have had time to come."""
    time.sleep(1.5)
    return page.locator(".chat .bot").last.inner_text()


def test_a_stopped_answer_stays_and_the_talk_goes_on(visit: Visit) -> None:
    page = visit()
    ask_for_much(page)
    seen(page, ".chat-box .stop-button").click()
    expect(page.locator(".chat .bot")).to_contain_text("stopped")
    assert said(page) == said(page)
    seen(page, ".chat-box textarea").fill("how many dogs are there?")
    seen(page, ".chat-box textarea").press("Enter")
    expect(page.locator(".chat .bot").last).to_contain_text("new token")
    expect(page.locator(".chat .bot")).to_have_count(2)


def test_a_new_conversation_hears_no_more_of_the_old_one(visit: Visit) -> None:
    page = visit()
    ask_for_much(page)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".chat .bot")).to_have_count(0)
    time.sleep(1.5)
    expect(page.locator(".chat .bot")).to_have_count(0)
    seen(page, "button.example").first.click()
    expect(page.locator(".chat .bot")).to_contain_text("new token")
    expect(page.locator(".chat .user")).to_have_count(1)


def test_who_waits_sees_it_keeps_typing_and_sees_nobody_elses_talk(visit: Visit) -> None:
    first, second = visit(), visit()
    ask_for_much(first)
    seen(second, "button.example").nth(1).click()
    expect(second.locator(".chat .user")).to_contain_text(examples()[1].question)
    expect(second.locator(".chat .bot")).to_contain_text("…")
    box = seen(second, ".chat-box textarea")
    box.fill("and then?")
    box.press("Enter")
    expect(seen(second, ".trouble")).to_contain_text("still being answered")
    expect(first.locator(".chat .bot")).not_to_contain_text("new token")  # so the second visitor was in line
    seen(first, ".chat-box .stop-button").click()
    expect(second.locator(".chat .bot")).to_contain_text("new token")
    expect(box).to_have_value("and then?")
    expect(first.locator(".chat .user")).to_have_count(1)
    expect(first.locator(".chat .user")).to_contain_text("in detail")
    expect(second.locator(".chat .user")).to_have_count(1)


def test_who_closes_the_page_holds_nobody_up(visit: Visit) -> None:
    first, second = visit(), visit()
    ask_for_much(first)
    seen(second, "button.example").nth(1).click()
    expect(second.locator(".chat .bot")).to_contain_text("…")
    first.close()
    # The other answer would take two minutes more.
    expect(second.locator(".chat .bot")).to_contain_text("new token", timeout=60_000)


@pytest.mark.parametrize("waits", [0, 600], ids=["at once", "a little later"])
def test_a_folder_goes_on_whenever_it_was_stopped(visit: Visit, tmp_path: Path, waits: int) -> None:
    page = visit()
    for number in range(6):
        shutil.copy(examples()[number].path, tmp_path)
    open_tab(page, "Caption")
    open_tab(page, "A whole folder")
    page.locator("input[type=file][webkitdirectory]").set_input_files(tmp_path)
    expect(seen(page, ".file-preview tr")).to_have_count(6)
    all_of_it, stop = page.get_by_role("button", name="Describe all"), page.get_by_role("button", name="Stop")
    all_of_it.click()
    expect(seen(page, ".captions tr")).not_to_have_count(0)
    stop.click()
    expect(seen(page, ".folder-progress")).to_contain_text("Stopped")
    page.wait_for_timeout(waits)
    all_of_it.click()
    expect(seen(page, ".folder-progress")).to_contain_text("6 of 6 done")


def test_a_second_question_before_the_answer_is_answered_too(visit: Visit) -> None:
    page = visit()
    open_tab(page, "Ask")
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").first.set_input_files(
        examples()[0].path
    )
    expect(seen(page, ".image-frame img")).to_have_count(1)
    for question in ("how many dogs are there?", "is there a <b>cat</b>?", "where is the cat?"):
        seen(page, "textarea").first.fill(question)
        seen(page, "textarea").first.press("Enter")
    expect(seen(page, ".answer .asked")).to_have_text("where is the cat?", timeout=60_000)


def test_a_stopped_caption_is_described_anew_once(visit: Visit) -> None:
    page = visit()
    open_tab(page, "Caption")
    page.get_by_role("tabpanel").locator("visible=true").locator("input[type=file]").first.set_input_files(
        examples()[0].path
    )
    expect(seen(page, ".image-frame img")).to_have_count(1)
    text, describe = seen(page, "textarea").first, page.get_by_role("button", name="Describe", exact=True)
    describe.click()
    expect(text).not_to_have_value("")
    expect(describe).to_be_disabled()
    page.get_by_label("In detail").locator("visible=true").check()
    page.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    expect(describe).to_be_enabled()
    time.sleep(1)
    before = text.input_value()
    time.sleep(2)
    assert text.input_value() == before and before
    describe.click()
    expect(text).to_have_value(re.compile("^a ball at the"), timeout=60_000)
