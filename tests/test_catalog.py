"""What can be picked, and how the command line and the documentation show it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import family_table
import pytest
from families import FAMILIES

from playground.checkpoints.catalog import ASSETS, CATALOG, TASKS, find, of_kind
from playground.cli import main

ROOT = Path(__file__).parents[1]


def test_the_catalogue_says_what_each_model_is():
    names = [entry.name.casefold() for entry in CATALOG]
    assert len(set(names)) == len(names) >= 12
    for entry in CATALOG:
        assert entry.licence and entry.knows and entry.memory_mb > entry.download_mb * 0.9 and entry.tasks
        assert (entry.download_mb == 0) == entry.embedded
        assert set(entry.tasks) <= set(TASKS[entry.kind])
        assert find(entry.name.upper()) is entry is find(entry.source)
    assert find("nobody") is None
    assert [of_kind(kind)[0].name for kind in ("chat", "embed", "segment")] == ["moji-vlm", "moji-clip", "moji-clipseg"]


def test_the_class_of_every_entry_is_one_of_transformers():
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    from playground.checkpoints.architecture import architecture

    for entry in CATALOG:
        assert entry.best_at, entry.name
        if not entry.embedded:
            assert entry.model_type in CONFIG_MAPPING_NAMES, entry.name
            assert architecture(entry.name, {"model_type": entry.model_type})[0] == entry.kind, entry.name
            assert not (entry.verified and entry.estimated), entry.name


def test_each_embedded_model_in_the_assets_is_offered():
    shipped = {folder.name for folder in (ASSETS / "moji").iterdir() if (folder / "config.json").is_file()}
    assert {entry.name for entry in CATALOG if entry.embedded} == shipped


def test_models_on_the_command_line(capsys):
    main(["models"])
    shown = capsys.readouterr().out
    for entry in CATALOG:
        line = next(line for line in shown.splitlines() if line.startswith(entry.name + " "))
        assert entry.licence in line and entry.knows in line and ("embedded" in line) == entry.embedded
        assert ("*" in line) == entry.gated
    main(["models", "--json", "--kind", "segment"])
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == [entry.name for entry in CATALOG if entry.kind == "segment"]
    with pytest.raises(SystemExit):
        main(["models", "--kind", "weather"])
    assert "segment" in capsys.readouterr().err


def test_the_list_of_models_needs_no_torch():
    code = "import sys; from playground.cli import main; main(['models']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


def test_the_table_of_families_is_what_the_tests_drive():
    written = (ROOT / "docs" / "families.md").read_text(encoding="utf-8")
    assert written == family_table.page(family_table.claimed()), family_table.HEAD.splitlines()[-1]
    key, verb = next(iter(family_table.claimed()))
    failed = family_table.page({**family_table.claimed(), (key, verb): False})
    assert family_table.FAILED in failed and FAMILIES[key].name in failed
