"""What everybody downloads stays small."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_repository_is_small():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
    large = {str(path.relative_to(ROOT)): path.stat().st_size for path in files if path.stat().st_size > 9e6}
    assert not large
    assert sum(path.stat().st_size for path in files) < 60e6


def test_weights_are_safetensors_only():
    pickles = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}
    assert not [path for path in (ROOT / "assets").rglob("*") if path.suffix in pickles]
    assert len(list((ROOT / "assets" / "moji").glob("*/*.safetensors"))) >= 3
