"""A model of the Hub in the app: its licence and size are shown first, its download shows progress and can be ended."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hub_server
import pytest
from app_process import running_app
from browsing import Browser, Page, expect, pick, shoot


@pytest.fixture(scope="module")
def hub(checkpoint: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[hub_server.Hub]]:
    """A slow Hub with one small model."""
    folder = tmp_path_factory.mktemp("hub")
    shutil.copytree(checkpoint("llava_clip"), folder / "first")
    with hub_server.serving(folder) as (handler, endpoint):
        handler.endpoint, handler.seconds_a_kilobyte = endpoint, 0.2
        yield handler


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def page(hub: type[hub_server.Hub], cache: Path, browser: Browser) -> Iterator[Page]:
    environment = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "0"}
    with running_app(cache / "app.log", environment) as url:
        visit = browser.new_page(viewport={"width": 1280, "height": 900})
        visit.goto(url)
        expect(visit.locator(".status.loaded").first).to_be_visible(timeout=180_000)
        yield visit
        visit.close()


def test_a_download_is_offered_with_its_licence_shows_progress_and_can_be_ended(page, hub, cache):
    card = page.locator(".picker .card-frame").first
    load, cancel = (page.get_by_role("button", name=name).first for name in ("Load ·", "Cancel"))
    pick(page, "own/first")
    expect(card).to_contain_text("apache-2.0 (huggingface.co/own/first)", timeout=60_000)
    expect(load).to_have_text("Load · 1 MB download")
    assert hub.requested == ["config.json"], "nothing large is fetched before the button is pressed"
    load.click()
    expect(card.locator("progress")).to_be_visible(timeout=60_000)
    expect(card).to_contain_text("Downloading own/first…")
    expect(card.locator("progress")).not_to_have_attribute("value", "0", timeout=60_000)
    expect(load).to_be_hidden()
    shoot(page, "download")
    cancel.click()
    expect(load).to_be_visible(timeout=60_000)
    expect(cancel).to_be_hidden()
    page.wait_for_timeout(3000)
    assert not list(cache.rglob("*.incomplete")), "the download goes on, or leaves a half-written file"
    expect(card).to_contain_text("is not on this machine yet")
    hub.seconds_a_kilobyte = 0.0
    load.click()
    expect(page.locator(".picker .status").first).to_have_text("own/first is loaded", timeout=180_000)
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("own/first")
    expect(cancel).to_be_hidden()


def test_a_misspelled_or_closed_model_is_refused_before_any_button(page):
    for name, says in (("own/furst", "no public model on the Hub"), ("gated/first", "accept its licence first")):
        pick(page, name)
        expect(page.locator(".picker .trouble").first).to_contain_text(says, timeout=60_000)
        expect(page.get_by_role("button", name="Load ·").first).to_be_hidden()
