"""requirements.txt is a full lock: what it installs is known to the last package, today and next year."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = ("app", "notebooks", "docs", "dev")
"""The extras that are locked; the others are for those who ask for them."""
LINES = [
    line for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
]
LOCKED = [Requirement(line) for line in LINES]


def ranges() -> list[Requirement]:
    """What pyproject.toml asks for, in the base and in the extras that are locked."""
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(each for extra in EXTRAS for each in extras[extra])]
    return [each for each in map(Requirement, wanted) if each.name != PROJECT["name"]]


def pins() -> dict[str, str]:
    """The version of each package that is locked for this machine."""
    here = [each for each in LOCKED if each.marker is None or each.marker.evaluate()]
    versions = {canonicalize_name(each.name): next(iter(each.specifier)).version for each in here}
    assert len(versions) == len(here), "a package is locked twice for one machine"
    return versions


def test_every_line_pins_one_version_and_names_no_index() -> None:
    for line, each in zip(LINES, LOCKED, strict=True):
        assert re.fullmatch(r"[\w.\-]+==[\w.]+( ; .+)?", line), line
        assert [part.operator for part in each.specifier] == ["=="] and each.url is None


def test_the_lock_agrees_with_the_ranges() -> None:
    locked = {canonicalize_name(each.name): each.specifier for each in LOCKED}
    for wanted in ranges():
        pinned = next(iter(locked[canonicalize_name(wanted.name)])).version
        assert wanted.specifier.contains(pinned), f"{wanted} is locked as {pinned}: run make lock"


def test_ranges_have_a_lower_bound_and_gradio_stays_in_its_minor_version() -> None:
    assert all(any(part.operator == ">=" for part in wanted.specifier) for wanted in ranges())
    gradio = next(wanted for wanted in ranges() if wanted.name == "gradio")
    assert not gradio.specifier.contains("6.32.0") and gradio.specifier.contains("6.31.5")


def test_the_readme_names_the_versions_of_the_lock() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"sdk_version: {pins()['gradio']}\n" in readme and 'python_version: "3.11"' in readme
    assert PROJECT["requires-python"] == ">=3.11"


def reached(wanted: list[Requirement]) -> Iterator[str]:
    """Every installed package that these need here, and what those need, and so on."""
    seen: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(each.name), extra) for each in wanted for extra in ("", *each.extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for needed in map(Requirement, metadata.requires(name) or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), each) for each in ("", *needed.extras)]
    return (name for name, _ in seen)


@pytest.mark.skipif("PLAYGROUND_NEWEST" in os.environ, reason="this environment holds the newest versions on purpose")
def test_the_lock_is_whole_and_is_what_is_installed() -> None:
    locked, needed = pins(), set(reached(ranges()))
    assert not needed - locked.keys(), "needed, but not locked: run make lock"
    installed = {name: metadata.version(name) for name in needed}
    assert installed == {name: locked[name] for name in needed}


OPTIONAL = {"bitsandbytes", "pillow_heif", "resvg_py", "spaces"}
"""Used where they are there, and done without where they are not."""


def imported(path: Path) -> Iterator[str]:
    """The packages that a module imports, at its top or later."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        yield from (name.partition(".")[0] for name in names)


@pytest.mark.parametrize("room", ["library", "app"])
def test_what_the_code_imports_is_asked_for(room: str) -> None:
    """The base names all that the library needs; the extra "app" names what the pages need beside that."""
    package, extras = ROOT / "playground", PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(extras["app"] if room == "app" else ())]
    named = {canonicalize_name(Requirement(each).name) for each in wanted}
    holders = metadata.packages_distributions()
    for path in package.rglob("*.py"):
        if ((package / "ui") in path.parents) != (room == "app"):
            continue
        for name in {*imported(path)} - sys.stdlib_module_names - OPTIONAL - {"playground", "__future__"}:
            held = {canonicalize_name(each) for each in holders[name]}
            assert held & named or held & SURE, f"{path.relative_to(ROOT)} imports {name}: name it in pyproject.toml"


SURE = {"typing-extensions", "gradio-client", "pydantic-core"}
"""Parts of pydantic and of gradio that are published under names of their own."""
