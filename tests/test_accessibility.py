"""Nobody is shut out: axe-core finds no serious fault in any tab, light or dark, on a desk or a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from browsing import Browser, Page, expect, open_tab, seen

from playground.ui.app import tabs_of_the_page

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
SCRIPT = Path(axe.__file__).with_name("axe.min.js")
TABS = tuple(tab.label for tab in tabs_of_the_page())


RULES = {
    "light": "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}",
    "dark": "{runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}",
}
"""What is looked for: everything in light; in dark, what depends on colours, for nothing else differs there."""


def faults(page: Page, scheme: str) -> list[str]:
    """Each serious or critical fault with an element that has it."""
    found = page.evaluate(f"axe.run(document, {RULES[scheme]})")
    return [
        f"{fault['id']}: {node['target'][0]} {node['html'][:120]}: {node['failureSummary'].splitlines()[-1]}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
        # Gradio's download link holds a button that covers all of it, and that one is measured too.
        if not (fault["id"] == "target-size" and 'class="download-link' in node["html"])
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_can_be_used_by_everybody(shared_app: str, browser: Browser, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(shared_app)
    expect(page.locator(".picker .status.loaded").first).to_be_visible(timeout=60_000)
    page.evaluate(SCRIPT.read_text(encoding="utf-8"))
    found = []
    for name in TABS:
        open_tab(page, name)
        expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
        if scheme == "light":  # empty, as everybody finds it, and with an answer below
            found += [f"{name}, empty: {fault}" for fault in faults(page, scheme)]
        if seen(page, "button.example").count():
            seen(page, "button.example").first.click()
            page.wait_for_timeout(500)
            expect(seen(page, "[data-testid='status-tracker']:not(.hide)")).to_have_count(0, timeout=60_000)
            expect(page.locator(".pending")).to_have_count(0, timeout=60_000)  # what waits for its value is pale
            page.wait_for_timeout(500)  # and takes its colour back slowly
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{name}, {width} px: {fault}" for fault in faults(page, scheme)]
        page.set_viewport_size({"width": 1280, "height": 900})
    page.close()
    assert not found, "\n".join(found)
