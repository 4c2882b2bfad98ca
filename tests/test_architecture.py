"""The rooms of the package and the arrows between them: which room may import which, and no circle anywhere."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "playground"

# What each room may import; `docs/architecture.md` draws it. Files at the top of the package are rooms of their own.
MAY_IMPORT = {
    "assets": set(),
    "terminal": set(),
    "settings": {"terminal"},
    "network": {"settings"},
    "imaging": {"assets"},
    "checkpoints": {"assets", "settings", "network"},
    "models": {"checkpoints", "imaging", "assets", "settings", "network"},
    "moji": {"assets", "imaging"},
    "interpret": {"models", "checkpoints", "imaging", "moji", "playground"},
    "tasks": {"interpret", "models", "checkpoints", "imaging", "moji", "assets"},
    "doctor": {"interpret", "models", "checkpoints"},
    "training": {"tasks", "interpret", "models", "checkpoints", "moji", "imaging", "assets", "playground"},
    "ui": {"tasks", "interpret", "models", "checkpoints", "imaging", "assets", "settings", "network", "terminal"},
    "playground": {"interpret", "models"},
}
RESTRICTED = set(MAY_IMPORT)


@cache
def imports() -> dict[str, set[str]]:
    """Each module of the package and the modules of the package that it imports, lazily or for its types too."""
    paths = {name_of(path): path for path in PACKAGE.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, path in paths.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    module = f"{node.module}.{alias.name}"
                    found[name].add(module if module in paths else node.module)
            elif isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names}
        found[name] = {module for module in found[name] if module in paths and module != name}
    return found


def name_of(path: Path) -> str:
    """The dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room that a module is in; "playground" for the package's own front door."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "playground"


def test_no_module_imports_itself_by_a_detour():
    try:
        TopologicalSorter(imports()).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " <- ".join(error.args[1]))


def test_arrows_between_rooms_point_down():
    wrong = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if room_of(module) in RESTRICTED
        and room_of(module) != room_of(other)
        and room_of(other) not in MAY_IMPORT[room_of(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_name_the_whole_path():
    relative = [
        f"{path}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative, "\n".join(relative)
