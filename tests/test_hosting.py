"""A public page loads what its owner offers, and nothing else that a visitor types."""

from __future__ import annotations

import pytest

from playground.tasks import TaskError
from playground.ui import hosting, loaded


@pytest.fixture(autouse=True)
def on_a_space(monkeypatch):
    for name in ("PLAYGROUND_PUBLIC", "PLAYGROUND_MODEL", "PLAYGROUND_SERVER", "PLAYGROUND_ALLOW_HUB"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPACE_ID", "somebody/playground")


@pytest.mark.parametrize("name", ["http://169.254.169.254/v1", "https://localhost:1", "/etc", "~", ".", "owner/name"])
def test_visitors_reach_no_server_folder_or_hub_id(name):
    for load in (loaded.chat_model, loaded.segmentation_model, loaded.costs, lambda n: next(loaded.fetch(n))):
        with pytest.raises(TaskError, match="This page is public"):
            load(name)


def test_what_the_owner_set_is_offered(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_SERVER", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("PLAYGROUND_MODEL", "owner/name")
    for name in ("moji-vlm", "SmolVLM-256M-Instruct", "owner/name", "http://127.0.0.1:9/v1#one"):
        hosting.check_allowed(name)
    with pytest.raises(TaskError):
        hosting.check_allowed("other/name")
    monkeypatch.setenv("PLAYGROUND_ALLOW_HUB", "1")
    hosting.check_allowed("other/name")
    with pytest.raises(TaskError):
        hosting.check_allowed("http://127.0.0.1:9.evil.example/v1")


def test_on_a_machine_of_ones_own_everything_is_allowed(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_PUBLIC", "0")
    hosting.check_allowed("http://127.0.0.1:9/v1")
