"""The frame around the tabs as a person uses it: reloading, links, light and dark, the tour, memory in use."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from app_process import running_app
from browsing import Browser, Page, expect, open_tab, pick, seen, shoot

WAIT = 60_000


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_app(tmp_path_factory.mktemp("frame") / "app.log", {"HF_HUB_OFFLINE": "1"}) as url:
        yield url


@pytest.fixture
def page(app: str, browser: Browser) -> Iterator[Page]:
    """A visitor who was never here, and may paste what was copied."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=app)
    yield context.new_page()
    context.close()


def enter(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".picker .status.loaded").first).to_be_visible(timeout=WAIT)


def picked(page: Page) -> str:
    return page.get_by_role("combobox", name="Model", exact=True).input_value()


def test_a_reload_finds_tab_model_words_and_picture_again(app: str, page: Page) -> None:
    enter(page, app)
    pick(page, "moji-blip")
    expect(page.locator(".memory-line")).to_contain_text("moji-blip", timeout=WAIT)
    open_tab(page, "Ask")
    seen(page, "button.example").nth(1).click()
    expect(seen(page, ".answer-text")).not_to_be_empty(timeout=WAIT)
    seen(page, "textarea").first.fill("is there a <b>bus</b>?")
    picture = seen(page, "[data-testid='image'] img, .image-frame img").first.get_attribute("src")
    page.wait_for_timeout(500)
    page.reload()
    expect(page.get_by_role("tab", name="Ask", exact=True)).to_have_attribute("aria-selected", "true", timeout=WAIT)
    expect(seen(page, "textarea").first).to_have_value("is there a <b>bus</b>?", timeout=WAIT)
    expect(seen(page, ".image-frame img").first).to_have_attribute("src", picture)
    expect(page.locator(".picker .card").first).to_contain_text("is loaded", timeout=WAIT)
    assert picked(page).startswith("moji-blip")


def test_a_copied_link_opens_the_same_question_and_a_hostile_one_nothing(app: str, page: Page) -> None:
    enter(page, app)
    open_tab(page, "Ask")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator(".note.trouble").first).to_contain_text("only the example scenes")
    seen(page, "button.example").first.click()
    expect(seen(page, ".answer-text")).not_to_be_empty(timeout=WAIT)
    seen(page, "textarea").first.fill("where is the cat & the ball?")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("#copied")).to_be_visible()
    page.wait_for_timeout(500)
    open_tab(page, "Segment")
    expect(page.locator("#copied")).to_have_count(0)
    copied = page.evaluate("navigator.clipboard.readText()")
    said = parse_qs(urlsplit(copied).query)
    assert copied.startswith(app) and said["example"] == ["two-dogs"] and said["model"] == ["moji-vlm"]
    page.evaluate("localStorage.clear()")
    enter(page, copied)
    expect(page.get_by_role("tab", name="Ask", exact=True)).to_have_attribute("aria-selected", "true", timeout=WAIT)
    expect(seen(page, "textarea").first).to_have_value("where is the cat & the ball?")
    expect(seen(page, ".image-frame img").first).to_be_visible()
    expect(page.locator(".tour-offer")).to_be_hidden()
    page.wait_for_timeout(500)
    assert urlsplit(page.url).query == ""
    page.reload()  # what a link filled is kept as if it had been typed
    expect(page.get_by_role("tab", name="Ask", exact=True)).to_have_attribute("aria-selected", "true", timeout=WAIT)
    expect(seen(page, "textarea").first).to_have_value("where is the cat & the ball?")
    expect(seen(page, ".image-frame img").first).to_be_visible()
    seen(page, "textarea").first.fill("is there a bus?")
    open_tab(page, "Caption")
    page.wait_for_timeout(500)
    page.reload()  # and the link itself counts no more
    expect(page.get_by_role("tab", name="Caption", exact=True)).to_have_attribute("aria-selected", "true", timeout=WAIT)
    open_tab(page, "Ask")
    expect(seen(page, "textarea").first).to_have_value("is there a bus?")
    page.evaluate("localStorage.clear()")
    enter(page, f"{app}/?tab=<script>&example=../../etc/passwd&model=http://169.254.169.254/v1&question={'x' * 4001}")
    expect(page.locator(".note")).to_have_count(3)
    assert picked(page).startswith("moji-vlm")
    enter(page, f"{app}/?__theme=dark&tab=segment&example=two-dogs&model=nobody/knows")
    expect(page.get_by_role("tab", name="Segment", exact=True)).to_have_attribute("aria-selected", "true", timeout=WAIT)
    expect(page.locator(".note")).to_contain_text("not in the list")
    page.wait_for_timeout(500)
    assert urlsplit(page.url).query == "__theme=dark"


def test_a_talk_about_a_scene_can_be_linked(app: str, page: Page) -> None:
    enter(page, app)
    seen(page, "button.example").nth(2).click()
    expect(page.locator(".chat .bot")).to_contain_text("new token", timeout=WAIT)
    page.get_by_role("button", name="Copy link").click()
    link = page.locator("#copied").get_attribute("href")
    pick(page, "moji-blip")  # to which the link does not lead
    expect(page.locator("#copied")).to_have_count(0, timeout=WAIT)
    enter(page, f"{app}/{link}")
    expect(seen(page, ".chat-box textarea")).to_have_value("What colour is the circle?", timeout=WAIT)
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(1)


def test_light_and_dark_and_the_tour_are_remembered(app: str, page: Page) -> None:
    enter(page, app)
    dark = "document.body.classList.contains('dark')"
    assert not page.evaluate(dark)
    page.get_by_role("button", name="Light / dark").click()
    assert page.evaluate(dark)
    page.get_by_role("button", name="Take the tour").press("Enter")
    dialog = page.get_by_role("dialog", name="Tour")
    expect(dialog).to_contain_text("Step 1 of 4")
    for step in (2, 3, 4):
        dialog.get_by_role("button", name="Next").press("Enter")
        expect(dialog.locator("section:visible")).to_contain_text(f"Step {step} of 4")
    shoot(page, "tour")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.reload()
    expect(page.locator(".picker .status.loaded").first).to_be_visible(timeout=WAIT)
    assert page.evaluate(dark)
    expect(page.locator(".tour-offer")).to_be_hidden()


def test_models_that_are_not_chosen_can_be_unloaded(app: str, page: Page) -> None:
    enter(page, app)
    open_tab(page, "Segment")
    seen(page, "button.example").first.click()
    expect(seen(page, "#mask-legend label")).to_have_count(3, timeout=WAIT)
    expect(page.locator(".memory-line")).to_contain_text("moji-clipseg", timeout=15_000)
    page.get_by_role("button", name="Unload the others").click()
    expect(page.locator(".memory-line")).not_to_contain_text("moji-clipseg")
    expect(page.locator(".memory-line")).to_contain_text("moji-vlm")
    seen(page, "button.example").nth(1).click()
    expect(seen(page, "#mask-legend label").first).to_contain_text("bus", timeout=WAIT)


def talk_about(page: Page, scene: int) -> str:
    """Begin a talk about an example scene, and wait until the browser keeps its answer; returns what was asked."""
    if page.locator(".chat .bot").count():
        page.get_by_role("button", name="New conversation").click()
        expect(page.locator(".chat .bot")).to_have_count(0)
    seen(page, "button.example").nth(scene).click()
    expect(page.locator(".chat .bot")).to_contain_text("new token", timeout=WAIT)
    page.wait_for_timeout(2000)  # until the browser keeps it: the last words come before that
    return page.locator(".chat .user").first.inner_text().strip()


def test_two_tabs_of_a_browser_keep_a_talk_each(app: str, page: Page) -> None:
    enter(page, app)
    first = talk_about(page, 0)
    with page.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")  # a copy of the tab, as "Duplicate" makes one
    copy, other = opened.value, page.context.new_page()
    enter(other, app)
    expect(other.locator(".chat .user")).to_contain_text(first, timeout=WAIT)  # as after a visit of yesterday
    second = talk_about(other, 1)
    expect(copy.locator(".chat .user")).to_contain_text(first, timeout=WAIT)
    third = talk_about(copy, 2)
    assert len({first, second, third}) == 3
    for each, asked in ((page, first), (other, second), (copy, third)):
        each.reload()
        expect(each.locator(".chat .user")).to_have_count(1, timeout=WAIT)
        expect(each.locator(".chat .user")).to_contain_text(asked)
        expect(each.locator(".chat .bot")).to_contain_text("new token")
    other.get_by_role("button", name="New conversation").click()
    expect(other.locator(".chat .user")).to_have_count(0)
    other.wait_for_timeout(500)
    other.reload()
    page.reload()
    expect(page.locator(".chat .user")).to_contain_text(first, timeout=WAIT)
    expect(other.locator(".chat .user")).to_have_count(0)
