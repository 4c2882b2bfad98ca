"""How long the next visitor waits after somebody presses Stop, or closes the page, with a model that is slow here.

    python benchmarks/leaving.py [--rounds 3]

The model has the size of SmolVLM-256M and random weights: reading a picture of 1,088 tokens takes it half a minute on
two cores, and it never ends an answer by itself. One visitor asks it in the chat, in a real browser; another one asks
moji-vlm, waits in line behind him, and sees the first word of the answer some time after the first one has stopped or
left. He does so while his picture is being read, and while the answer is being written.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_process import running_app  # noqa: E402
from measuring import noise, print_table, smolvlm_shaped  # noqa: E402
from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

READING, WRITING = "while the picture is read", "while the answer is written"
PATIENCE = 180_000
WANTED = "≤ 1 s"


def main() -> None:
    """Measure and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        model, picture, log = Path(folder) / "slow", Path(folder) / "noise.png", Path(folder) / "app.log"
        noise().save(picture)
        slow = smolvlm_shaped()
        letters = set(slow.processor.tokenizer.convert_tokens_to_ids(list("abcdefghijklmnopqrstuvwxyz")))
        # So that what it writes can be seen.
        slow.model.generation_config.suppress_tokens = sorted(set(range(slow.model.vocab_size)) - letters)
        slow.model.save_pretrained(model)
        slow.processor.save_pretrained(model)
        with running_app(log, {"PLAYGROUND_MODEL": str(model)}) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
            )
            found = {
                f"{what}, {when}": [seconds(browser, url, picture, when, leave) for _ in range(rounds)]
                for when in (READING, WRITING)
                for what, leave in (("Stop", stop), ("a closed page", Page.close))
            }
            browser.close()
    rows = [(name, f"{median(times):.2f} s, at most {max(times):.2f}", WANTED) for name, times in found.items()]
    print_table(f"From leaving to the next one's first word, {rounds} times each", rows)


def seconds(browser: Browser, url: str, picture: Path, when: str, leave: Callable[[Page], None]) -> float:
    """From leaving to the first word that the next visitor sees."""
    contexts = browser.new_context(), browser.new_context()
    first, second = (context.new_page() for context in contexts)
    second.goto(f"{url}/?tab=chat&model=moji-vlm")
    expect(second.locator(".status.loaded").first).to_be_visible(timeout=PATIENCE)
    first.goto(url)
    expect(first.locator(".status.loaded").first).to_be_visible(timeout=PATIENCE)
    ask(first, picture)
    if when == WRITING:
        expect(first.locator(".chat .bot")).not_to_contain_text("…", timeout=PATIENCE)
    else:
        first.wait_for_timeout(3000)  # the picture takes much longer
    second.locator("button.example").first.click()
    expect(second.locator(".chat .user")).to_have_count(1)
    second.wait_for_timeout(1000)  # until he stands in the line
    began = time.perf_counter()
    leave(first)
    second.wait_for_function(
        "() => /[a-z]{2}/.test(document.querySelector('.chat .bot')?.innerText ?? '')", timeout=PATIENCE
    )
    took = time.perf_counter() - began
    for context in contexts:
        context.close()
    return took


def ask(page: Page, picture: Path) -> None:
    """Send a message with a picture."""
    page.get_by_role("tabpanel").locator("input[type=file]").first.set_input_files(picture)
    expect(page.locator(".chat-box .thumbnail-item").first).to_be_visible(timeout=PATIENCE)
    box = page.locator(".chat-box textarea")
    box.fill("what is in the picture?")
    box.press("Enter")
    expect(page.locator(".chat .user")).to_have_count(1, timeout=PATIENCE)


def stop(page: Page) -> None:
    """Press Stop."""
    page.locator(".chat-box .stop-button").click()


if __name__ == "__main__":
    main()
