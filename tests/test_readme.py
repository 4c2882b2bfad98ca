"""What the README tells people to type does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "HuggingFaceTB/" not in block]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_code_runs_with_no_network(block, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_every_file_it_names_is_there():
    for name in re.findall(r"\]\(([^)#:]+)\)|`((?:docs|benchmarks|notebooks|assets|playground)/[\w./-]+)`", README):
        path = next(filter(None, name))
        assert (ROOT / path).exists(), path


def test_every_command_it_names_can_be_run():
    import importlib.util

    modules = re.findall(r"python -m (playground[\w.]*)", README)
    assert modules and all(importlib.util.find_spec(module) for module in modules)
    for script in re.findall(r"python (benchmarks/\w+\.py|app\.py)", README):
        assert (ROOT / script).is_file(), script
