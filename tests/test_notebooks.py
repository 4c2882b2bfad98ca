"""Every lesson runs from top to bottom, with the network cut."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))

# Run before the first cell: any connection that would leave the machine fails, as in a classroom without network.
_CUT = """
import socket as _socket
_connect = _socket.socket.connect
def _refuse(self, address, _connect=_connect):
    if self.family != _socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise AssertionError(f"this lesson tried to reach {address}")
    return _connect(self, address)
_socket.socket.connect = _refuse
"""


def test_there_are_lessons():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_lesson_runs_afresh(path, monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.cells.insert(0, nbformat.v4.new_code_cell(_CUT))
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}).execute()
    printed = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in printed if "image/png" in output.get("data", {})]
    assert len(pictures) >= 3, "a lesson shows pictures"
    assert os.path.getsize(path) < 3e6
