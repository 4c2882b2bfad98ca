"""Every lesson runs from top to bottom, with the network cut."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))

GUARD = Path(__file__).with_name("guard")  # refuses every connection that leaves the machine, and writes it down


def test_there_are_lessons():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lesson_runs_afresh(path, monkeypatch, tmp_path):
    contacted = tmp_path / "contacted.txt"
    monkeypatch.setenv("PYTHONPATH", str(GUARD))
    monkeypatch.setenv("PLAYGROUND_GUARD_REPORT", str(contacted))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}).execute()
    printed = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in printed if "image/png" in output.get("data", {})]
    assert len(pictures) >= 3, "a lesson shows pictures"
    assert path.stat().st_size < 3e6
    assert not contacted.exists(), f"contacted: {contacted.read_text()}"
