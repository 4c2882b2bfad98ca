"""What all tests share: no network, no GPU, quiet tokenizers, and tiny checkpoints that are built once."""

from __future__ import annotations

import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: threads would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

import pytest  # noqa: E402
from PIL import Image  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--families", type=Path, metavar="FILE", help="write the table of families and verbs to FILE")


def pytest_configure(config: pytest.Config) -> None:
    if file := config.getoption("--families"):
        from family_table import Collector

        config.pluginmanager.register(Collector(file))


@pytest.fixture(scope="session", autouse=True)
def _on_the_cpu() -> Iterator[None]:
    """The same numbers on every machine: no GPU, neither NVIDIA's (see above) nor Apple's, and float32."""
    from playground.checkpoints import device

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "this_machine", lambda: device.Machine(memory=device.free_memory()))
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random checkpoint (see `checkpoints.BUILDERS`), built at its first use."""
    import checkpoints

    folder = tmp_path_factory.mktemp("checkpoints")

    def built(name: str) -> Path:
        return folder / name if (folder / name).is_dir() else checkpoints.write(name, folder / name)

    return built


@pytest.fixture(scope="session")
def contacted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the guard writes down who was to be contacted; the file is there only if somebody was."""
    return tmp_path_factory.mktemp("guard") / "contacted.txt"


@pytest.fixture(scope="session")
def guarded(contacted: Path) -> dict[str, str]:
    """An environment in which every connection out is refused and written down, and nobody was told so."""
    return {
        "PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).with_name("guard"), Path(__file__).parents[1]))),
        "PLAYGROUND_GUARD_REPORT": str(contacted),
        "HF_HUB_OFFLINE": "0",
        "GRADIO_ANALYTICS_ENABLED": "True",
    }


@pytest.fixture(scope="session")
def guarded_app(guarded: dict[str, str], contacted: Path) -> Iterator[str]:
    """The address of an app behind the guard, one for all tests that talk to it as programs."""
    from app_process import running_app

    with running_app(contacted.with_name("app.log"), guarded) as url:
        yield url


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that has no network, one for all tests that need it in no special state."""
    from app_process import running_app

    with running_app(tmp_path_factory.mktemp("shared") / "app.log", {"HF_HUB_OFFLINE": "1"}) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of this machine; without one, or without playwright, the test is skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium was found on this machine")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        _be_patient(chromium)
        yield chromium
        chromium.close()


def _be_patient(browser: Browser) -> None:
    """Let every wait for the page take up to a minute: a busy machine takes its time, and only what fails waits."""
    make = browser.new_context

    def new_context(**options: Any) -> BrowserContext:
        context = make(**options)
        context.set_default_timeout(60_000)
        return context

    def new_page(**options: Any) -> Page:
        return new_context(**options).new_page()

    browser.new_context, browser.new_page = new_context, new_page


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """A wide picture in which every place looks different."""
    across = Image.linear_gradient("L").rotate(90).resize((160, 120))
    down = Image.linear_gradient("L").resize((160, 120))
    return Image.merge("RGB", (across, down, Image.new("L", (160, 120), 90)))
