"""The site of guides and API reference: built strictly, and whole when it is opened from disk with no network."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[1]


class Links(HTMLParser):
    """What a page names: the targets of its links and everything that it loads, and the places within it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.places |= {named["id"]} if named.get("id") else set()
        if tag == "a" and named.get("href"):
            self.links.add(named["href"])
        self.loaded |= {named[key] for key in ("src", "href") if tag in ("script", "img", "link") and named.get(key)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


def test_every_link_of_the_site_leads_somewhere_on_disk_and_nothing_is_fetched(site: Path) -> None:
    pages = {page: Links(page) for page in site.rglob("*.html") if page.name != "404.html"}
    assert len(pages) > 15
    for page, found in pages.items():
        assert not [name for name in found.loaded if re.match(r"(https?:)?//", name)], page
        inner = {name for name in found.links if not re.match(r"https?:|mailto:", name)}
        for name in inner | found.loaded:
            path, _, place = unquote(name).partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), (page.name, name)
            if place and target in pages and not place.startswith("__"):
                assert place in pages[target].places, (page.name, name)
    assert (site / "search" / "search_index.js").is_file()


def test_the_reference_has_every_public_name(site: Path) -> None:
    import playground

    shown = (site / "api" / "playground.html").read_text(encoding="utf-8")
    for name in playground.__all__:
        assert re.search(rf'id="playground\.(\w+\.)*{name}"', shown), name


def test_the_picture_of_the_rooms_is_of_today() -> None:
    spec = importlib.util.spec_from_file_location("draw_rooms", ROOT / "docs" / "draw_rooms.py")
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    assert drawing.FILE.read_text(encoding="utf-8") == drawing.draw(), "python docs/draw_rooms.py draws it anew"


def test_every_tab_has_its_place_in_the_guide() -> None:
    from playground.ui.app import tabs_of_the_page

    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / "tabs.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [tab.label for tab in tabs_of_the_page()]


def test_every_task_for_programs_is_named_in_the_guide() -> None:
    from playground.ui.app import build

    served = {event.api_name for event in build().fns.values() if event.api_visibility == "public"}
    guide = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    assert served == set(re.findall(r"`/(\w+)`", guide))


EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "playground").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", EXAMPLES)
def test_the_examples_of_the_docstrings_are_so(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried and not failed
