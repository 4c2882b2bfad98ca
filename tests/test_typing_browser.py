"""What a person types is never lost: not while a message travels, not when it is refused, not when the page is loaded
anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from app_process import SLOW_APP, running_app
from browsing import Browser, Page, expect, open_tab, seen, upload

from playground.tasks.examples import examples

WAIT = 60_000


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app whose model takes half a second for every piece; one more than it answers may wait."""
    log = tmp_path_factory.mktemp("typing") / "app.log"
    with running_app(log, {"HF_HUB_OFFLINE": "1", "PLAYGROUND_QUEUE": "1"}, program=SLOW_APP) as url:
        yield url


@pytest.fixture
def page(app: str, browser: Browser) -> Iterator[Page]:
    """A visitor whose every request takes 300 ms longer."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(app)
    expect(page.locator(".status.loaded").first).to_be_visible(timeout=WAIT)
    network = context.new_cdp_session(page)
    slow = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    yield page
    context.close()


def show(page: Page) -> None:
    """Put a picture into the message."""
    upload(page, "dogs.png", examples()[0].path.read_bytes())
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)


def test_letters_typed_just_after_enter_stay(page: Page) -> None:
    box = seen(page, ".chat-box textarea")
    show(page)
    box.fill("is there a dog?")
    box.press("Enter")
    page.wait_for_timeout(150)
    expect(box).to_have_value("")
    box.press_sequentially("and where is the cat?", delay=25)
    expect(page.locator(".chat .bot")).to_contain_text("new token", timeout=WAIT)
    expect(page.locator(".chat .user img")).to_have_count(1)
    expect(box).to_have_value("and where is the cat?")
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(0)
    box.press("Enter")
    expect(page.locator(".chat .bot").last).to_contain_text("new token", timeout=WAIT)
    expect(page.locator(".chat .user").last).to_contain_text("and where is the cat?")


def test_a_refused_message_comes_back_before_what_was_typed_since(page: Page) -> None:
    box = seen(page, ".chat-box textarea")
    letter = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"dear sirs"}
    page.get_by_role("tabpanel").locator("input[type=file]").first.set_input_files(letter)
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)
    box.fill("is there a dog?")
    box.press("Enter")
    page.wait_for_timeout(100)
    box.press_sequentially("hello", delay=20)
    expect(seen(page, ".trouble")).to_contain_text("not a picture")
    expect(box).to_have_value("is there a dog?\nhello")
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)
    expect(page.locator(".chat .user")).to_have_count(0)


def test_a_draft_is_still_there_when_the_page_is_loaded_anew(page: Page) -> None:
    box = seen(page, ".chat-box textarea")
    show(page)
    box.press_sequentially("is there a")
    page.wait_for_timeout(1000)
    page.reload()
    expect(box).to_have_value("is there a", timeout=WAIT)
    expect(seen(page, ".chat-box .thumbnail-item img")).to_have_count(1)
    box.press_sequentially(" dog?")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_contain_text("new token", timeout=WAIT)
    page.reload()
    expect(page.locator(".chat .user")).to_contain_text("is there a dog?", timeout=WAIT)
    expect(box).to_have_value("")


def crowd(app: str, browser: Browser) -> list[Page]:
    """Two visitors who fill the line: the first is answered for two minutes, the second waits."""
    others = [browser.new_context().new_page() for _ in range(2)]
    for other in others:
        other.goto(app)
        expect(other.locator(".status.loaded").first).to_be_visible(timeout=WAIT)
        upload(other, "dogs.png", examples()[0].path.read_bytes())
        expect(seen(other, ".chat-box .thumbnail-item")).to_have_count(1)
        seen(other, ".chat-box textarea").fill("describe the picture in detail.")
        seen(other, ".chat-box textarea").press("Enter")
        expect(other.locator(".chat .bot")).to_contain_text("…" if other is others[1] else "a ball")
    others[1].wait_for_timeout(1000)
    return others


def test_a_full_line_keeps_nobody_from_coming_in_or_stopping(app: str, browser: Browser) -> None:
    first, second = crowd(app, browser)
    late = browser.new_context().new_page()
    late.goto(app)
    expect(late.locator(".status.loaded").first).to_be_visible(timeout=WAIT)
    expect(late.locator(".toast-body")).to_have_count(0)
    seen(first, ".chat-box .stop-button").click()
    expect(first.locator(".chat .bot")).to_contain_text("stopped")
    expect(second.locator(".chat .bot")).to_contain_text("a ball")
    for visitor in (first, second, late):
        visitor.context.close()


def test_who_finds_the_line_full_keeps_his_message(app: str, page: Page, browser: Browser) -> None:
    others = crowd(app, browser)
    box = seen(page, ".chat-box textarea")
    show(page)
    box.fill("is there a dog?")
    box.press("Enter")
    expect(seen(page, ".trouble")).to_contain_text("Send it once more")
    expect(box).to_have_value("is there a dog?")
    expect(page.locator(".chat .user")).to_have_count(0)
    open_tab(page, "Ask")
    upload(page, "dogs.png", examples()[0].path.read_bytes())
    expect(seen(page, ".image-frame img")).to_have_count(1)
    seen(page, "textarea").first.fill("is there a cat?")
    seen(page, "textarea").first.press("Enter")
    expect(seen(page, ".trouble")).to_contain_text("too many wait here")
    expect(page.get_by_role("tabpanel").get_by_text("Error").locator("visible=true")).to_have_count(0)
    expect(seen(page, "textarea").first).to_have_value("is there a cat?")
    open_tab(page, "Caption")
    upload(page, "dogs.png", examples()[0].path.read_bytes())
    expect(seen(page, ".image-frame img")).to_have_count(1)
    page.get_by_role("button", name="Describe", exact=True).click()
    page.wait_for_timeout(1500)
    expect(page.get_by_role("button", name="Describe", exact=True)).to_be_enabled()
    expect(seen(page, "textarea").first).to_have_value("")
    for other in others:
        other.context.close()
    open_tab(page, "Ask")
    seen(page, "textarea").first.press("Enter")
    expect(seen(page, ".answer .asked")).to_have_text("is there a cat?", timeout=WAIT)
    open_tab(page, "Chat")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_contain_text("new token", timeout=WAIT)
