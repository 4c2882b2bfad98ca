"""The rooms of the package and the arrows between them: which room may import which, and no circle anywhere."""

from __future__ import annotations

import ast
from collections import Counter
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


# Besides the families, only what reads a config.json before there is a model may ask for its type.
KNOWS_TYPES = ("models/families/", "checkpoints/", "moji/", "training/")
READS_CONFIGS = (*KNOWS_TYPES, "models/loading/own_config.py")


def asked_types(path: Path) -> set[str]:
    """Lines of a file that read the model type of a config, or name a type whose family has a file."""
    from playground.models.families.registry import FAMILIES

    place = path.relative_to(PACKAGE).as_posix()
    named = {pattern for family in FAMILIES for pattern in family.model_types}
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        asks = isinstance(node, ast.Attribute) and node.attr == "model_type"
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
        if (asks or text == "model_type") and not place.startswith(READS_CONFIGS):
            found.add(f"{place}:{node.lineno} asks for the model type")
        if text in named and not place.startswith(KNOWS_TYPES):
            found.add(f"{place}:{node.lineno} names {text}")
    return found


def test_only_the_families_know_what_is_special_about_a_family():
    found = set().union(*map(asked_types, PACKAGE.rglob("*.py")))
    assert not found, "\n".join(sorted(found))


def test_every_family_has_types_of_its_own_and_a_name():
    from playground.models.families.registry import FAMILIES, family_named

    assert all(family.name and family.model_types for family in FAMILIES)
    served = {
        family.model_types: family_named(family.model_types[0])
        for family in FAMILIES
        if family.model_types[0].isidentifier()
    }
    assert all(found.model_types == types for types, found in served.items())
    assert family_named("qwen3_vl_moe").views is family_named("qwen2_5_vl").views
    assert family_named("qwen3_vl_moe").encoding is None and family_named("molmo2").views is None


def test_files_of_the_wrapper_are_one_idea_and_its_rooms_can_be_looked_over():
    files = list((PACKAGE / "models").rglob("*.py"))
    long = [str(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 300]
    rooms = Counter(path.parent for path in files if path.name != "__init__.py")
    assert not long
    assert max(rooms.values()) <= 15, rooms.most_common(1)
