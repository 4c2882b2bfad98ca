"""What a person does on the page: open a tab, give a picture, move a slider, look. Skips without playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from app_process import ROOT

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
Browser, Locator, Page, expect = sync_api.Browser, sync_api.Locator, sync_api.Page, sync_api.expect

SHOTS = ROOT / "artifacts"

expect.set_options(timeout=60_000)  # only what fails waits so long; a busy machine takes its time


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def seen(page: Page, selector: str) -> Locator:
    """The elements that the open tab shows."""
    return page.locator(selector).locator("visible=true")


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def upload(page: Page, name: str, data: bytes) -> None:
    """Give a file to the open tab, in place of the picture that may be there."""
    if seen(page, "button[aria-label='Remove Image']").count():
        seen(page, "button[aria-label='Remove Image']").click()
    panel = page.get_by_role("tabpanel").locator("visible=true")
    file = {"name": name, "mimeType": "image/png", "buffer": data}
    panel.locator("input[type=file]").first.set_input_files(file)


def paste(field: Locator, text: str) -> None:
    """Put a long text into a field at once: `fill` is seen by the page as one event for each of its lines."""
    put = "(field, text) => { field.value = text; field.dispatchEvent(new Event('input', {bubbles: true})) }"
    field.evaluate(put, text)


def address(page: Page, picture: str) -> str:
    """Where the picture in this field comes from: another one, another address."""
    shown = page.locator(f"{picture} img").first
    expect(shown).to_be_visible()
    return shown.get_attribute("src")


@contextmanager
def answered(page: Page) -> Iterator[None]:
    """Wait until what is asked inside was accepted and is no longer in progress."""
    with page.expect_response(lambda response: "/queue/join" in response.url):
        yield
    expect(seen(page, "[data-testid='status-tracker']:not(.hide)")).to_have_count(0)


def slide(page: Page, label: str, value: float) -> None:
    """Type a value into a slider's number field."""
    field = seen(page, f"input[aria-label='number input for {label}']")
    field.fill(str(value))
    field.press("Enter")


def pick(page: Page, name: str) -> None:
    """Type the name of a model into the picker above the tabs."""
    picker = page.get_by_role("combobox", name="Model", exact=True)
    picker.fill(name)
    picker.press("Enter")
