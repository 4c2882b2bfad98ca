"""Where the models, sprites and example scenes are that come with the playground.

In a clone they stand in `assets/` at the top of the repository; the build of the package puts the same folder inside
the package (see `pyproject.toml`), for there is nothing else that an installed package can count on.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "bundled"


def assets(*parts: str) -> Path:
    """A file or folder of the assets by its place in them, such as `assets("examples", "zoo.png")`.

    It need not exist: whoever opens it says what is missing.
    """
    root = _PACKED if _PACKED.is_dir() else _PACKAGE.parent / "assets"
    return root.joinpath(*parts)
