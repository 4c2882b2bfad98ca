"""What the README and the guides tell people to type does what it says, and what they link to is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    if "HuggingFaceTB/" not in block
]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_code_runs_with_no_network(block, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_it_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"\]\(([^)#:\s]+)[^)\s]*\)", text):
        assert (page.parent / name).exists(), name
    for name in re.findall(r"`((?:docs|benchmarks|notebooks|assets|playground|tests)/[\w./-]+)`", text):
        path = ROOT / name
        assert (path.parent if path.stem == "NAME" else path).exists(), name  # NAME: a file that somebody is to add


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_it_names_can_be_run(page):
    text = page.read_text(encoding="utf-8")
    for module in re.findall(r"python -m (playground[\w.]*)", text):
        assert importlib.util.find_spec(module), module
    for script in re.findall(r"python ((?:benchmarks|docs)/\w+\.py|app\.py)", text):
        assert (ROOT / script).is_file(), script
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)\b", text, re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_the_readme_is_short_and_tells_spaces_what_the_app_is():
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150 and text.count("![") == 1
    told = yaml.safe_load(text.split("---\n")[1])
    assert told["sdk"] == "gradio" and (ROOT / told["app_file"]).is_file()
    assert told["suggested_hardware"] == "cpu-basic" and len(told["short_description"]) <= 60
    from playground.checkpoints.catalog import CATALOG

    assert set(told["models"]) <= {entry.source for entry in CATALOG}
