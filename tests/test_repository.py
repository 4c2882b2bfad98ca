"""What everybody downloads stays small."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def test_the_repository_is_small():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
    large = {str(path.relative_to(ROOT)): path.stat().st_size for path in files if path.stat().st_size > 9e6}
    assert not large
    assert sum(path.stat().st_size for path in files) < 160e6


def test_weights_are_safetensors_only():
    pickles = {".bin", ".pt", ".pth", ".pkl", ".ckpt"}
    assert not [path for path in (ROOT / "assets").rglob("*") if path.suffix in pickles]
    assert len(list((ROOT / "assets" / "moji").glob("*/*.safetensors"))) >= 3


def test_the_workflows_run_what_the_makefile_has():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    called = {word for job in jobs.values() for step in job["steps"] for word in _made(step.get("run", ""))}
    assert called >= {"test", "newest", "lessons"} and called <= targets
    for name in ("locked", "newest"):
        assert jobs[name]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
        assert jobs[name]["strategy"]["matrix"]["system"] == ["ubuntu-latest", "macos-latest"]
    assert workflow[True]["schedule"]  # YAML reads the key "on" as true
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"], "a commit fetches nothing"


def _made(script: str) -> list[str]:
    return re.findall(r"make (\w+)", script)
