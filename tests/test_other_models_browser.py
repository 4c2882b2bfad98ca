"""Models that do not come with the app, by their folder, in a real browser: a click with SAM, a talk about pictures.

Their weights are random, so what they say means nothing; that it arrives, and where, does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from app_process import running_app
from browsing import Browser, Page, address, expect, open_tab, pick, seen, shoot

from playground.tasks.examples import examples


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One visitor of an app that has no network."""
    with running_app(tmp_path_factory.mktemp("others") / "app.log", {"HF_HUB_OFFLINE": "1"}) as url:
        visit = browser.new_page(viewport={"width": 1280, "height": 900})
        visit.goto(url)
        expect(visit.locator(".status.loaded").first).to_be_visible(timeout=60_000)
        yield visit
        visit.close()


def test_a_click_is_cut_out_by_sam(page: Page, checkpoint: Callable[[str], Path]) -> None:
    open_tab(page, "Segment")
    page.get_by_role("tabpanel").locator("input[type=file]").first.set_input_files(examples()[0].path)
    page.get_by_role("button", name="Segmentation model").click()
    pickers = seen(page, "input[aria-label='Model']")
    expect(pickers).to_have_count(2)  # the tab's own has unfolded; before that the last one is that of the chat
    picker = pickers.last
    picker.fill(str(checkpoint("sam")))
    picker.press("Enter")
    expect(seen(page, ".status").last).to_contain_text("sam", timeout=30_000)
    expect(page.get_by_role("button", name="Segment", exact=True)).to_be_disabled()
    seen(page, "[data-testid='image'] img, .image-frame img").first.click(position={"x": 60, "y": 60})
    expect(page.locator("#mask-legend label")).to_have_count(1)
    expect(seen(page, "#masks img")).to_be_visible()
    shoot(page, "segment-sam")


def test_a_talk_about_three_pictures_with_rules(page: Page, checkpoint: Callable[[str], Path]) -> None:
    open_tab(page, "Chat")
    pick(page, str(checkpoint("smolvlm")))
    expect(page.locator(".status.loaded").first).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("System prompt").fill("Answer in one word.")
    field = page.get_by_role("tabpanel").locator("input[type=file]").first
    field.set_input_files([scene.path for scene in examples()[:2]])
    expect(seen(page, ".chat-box .thumbnail-item")).to_have_count(2)
    box = seen(page, ".chat-box textarea")
    box.fill("compare them")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_contain_text("new token", timeout=60_000)
    field.set_input_files(examples()[2].path)
    box.fill("and this one?")
    box.press("Enter")
    expect(page.locator(".chat .bot")).to_have_count(2)
    expect(page.locator(".chat .bot").last).to_contain_text("new token", timeout=60_000)
    expect(page.locator(".chat .user img")).to_have_count(3)
    expect(seen(page, ".note")).to_have_count(0)
    shoot(page, "chat-three-pictures")


def test_why_shows_each_picture_of_the_talk(page: Page) -> None:
    page.locator(".chat").get_by_role("button", name="Why?").locator("visible=true").last.click()
    expect(page.get_by_role("tab", name="Attention")).to_have_attribute("aria-selected", "true")
    expect(seen(page, "#heat img")).to_be_visible(timeout=60_000)
    expect(page.get_by_label("Picture 3", exact=True)).to_be_checked()
    shoot(page, "attention-three-pictures")
    third = address(page, "#heat")
    page.get_by_label("Picture 1", exact=True).check()
    expect(page.locator("#heat img").first).not_to_have_attribute("src", third)
