"""Take the README's screenshots of a running app: ``python docs/take_screenshots.py [http://127.0.0.1:7860]``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
expect.set_options(timeout=30_000)


def seen(page: Page, selector: str) -> Locator:
    """The elements that the open tab shows."""
    return page.locator(selector).locator("visible=true")


def chat(page: Page) -> None:
    """An example scene, and one more question about it."""
    seen(page, "button.example").first.click()
    expect(page.locator(".chat .bot")).to_contain_text("new token")
    seen(page, ".chat-box textarea").fill("Where is the cat?")
    seen(page, ".chat-box textarea").press("Enter")
    expect(page.locator(".chat .bot")).to_have_count(2)
    expect(page.locator(".chat .bot").last).to_contain_text("new token")


def ask(page: Page) -> None:
    """A question whose runners-up are worth a look."""
    seen(page, "button.example").nth(1).click()
    expect(seen(page, ".bars.best .bar-figure").first).to_contain_text("%")


def caption(page: Page) -> None:
    """A scene, described in detail."""
    page.get_by_label("In detail").check()
    seen(page, "button.example").nth(3).click()
    expect(seen(page, ".small-print").last).to_contain_text("new token")


def segment(page: Page) -> None:
    """Three words, three colours."""
    seen(page, "button.example").first.click()
    expect(seen(page, "#mask-legend label")).to_have_count(3)


def attention(page: Page) -> None:
    """What the model looked at when it named a thing."""
    seen(page, "button.example").nth(1).click()
    expect(seen(page, ".note").last).to_contain_text("lay on the true")


def side_by_side(page: Page) -> None:
    """Two ways to join picture and words, and what each looked at."""
    seen(page, "button.example").nth(1).click()
    expect(seen(page, ".note").last).to_contain_text("lies on the true")


def anatomy(page: Page) -> None:
    """The way through the model, its stages opened."""
    seen(page, "button.example").first.click()
    expect(seen(page, ".note").first).to_contain_text("would begin its answer")


def main() -> None:
    """Walk through the tabs and write one PNG for each."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1180, "height": 800})
        page.goto(url)
        expect(page.locator(".status.loaded").first).to_be_visible(timeout=120_000)
        page.get_by_role("button", name="No, thanks").click()
        for show in (chat, ask, caption, segment, attention, side_by_side, anatomy):
            page.get_by_role("tab", name=show.__name__.capitalize().replace("_", " "), exact=True).click()
            show(page)
            page.wait_for_timeout(600)
            page.mouse.move(0, 0)
            page.screenshot(path=FOLDER / f"{show.__name__}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
