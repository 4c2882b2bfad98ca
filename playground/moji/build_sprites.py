"""Rebuild ``assets/sprites/`` from pinned npm packages: ``python -m playground.moji.build_sprites`` (needs npm)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from playground.moji.sprites import SPRITES
from playground.moji.world import EMOJI_NOUNS, NOUNS, STYLES

PACKAGES = {
    "noto": "emoji-datasource-google@16.0.0",
    "twemoji": "emoji-datasource-twitter@16.0.0",
    "fluent": "@lobehub/fluent-emoji-3d@1.1.0",
}
SIDE = 64  # pixels; the largest that all three packages offer


def _sources(modules: Path) -> dict[str, dict[str, Path]]:
    """noun -> style -> picture file, found by the emoji's code point."""
    table = json.loads((modules / "emoji-datasource-google" / "emoji.json").read_text())
    codes = {name: row["unified"].lower() for row in table for name in row["short_names"]}
    google = modules / "emoji-datasource-google" / "img" / "google" / "64"
    twitter = modules / "emoji-datasource-twitter" / "img" / "twitter" / "64"
    fluent = modules / "@lobehub" / "fluent-emoji-3d" / "assets"
    sources = {}
    for word in EMOJI_NOUNS:
        code = codes[NOUNS[word].emoji]
        short = code.removesuffix("-fe0f")
        found = next(path for path in (fluent / f"{short}.webp", fluent / f"{code}.webp") if path.exists())
        sources[word] = {"noto": google / f"{code}.png", "twemoji": twitter / f"{code}.png", "fluent": found}
    return sources


def build(destination: Path = SPRITES) -> None:
    """Install the packages in a temporary folder and write one 64×64 RGBA PNG a noun and style.

    Raises ``subprocess.CalledProcessError`` when npm fails, ``FileNotFoundError`` when a picture is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--prefix", folder, *PACKAGES.values()]
        subprocess.run(command, check=True)
        sources = _sources(Path(folder) / "node_modules")
        for style in STYLES:
            shutil.rmtree(destination / style, ignore_errors=True)
            (destination / style).mkdir(parents=True)
        for word, files in sources.items():
            for style, path in files.items():
                picture = Image.open(path).convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                picture.save(destination / style / f"{word}.png", optimize=True)
    print(f"{len(sources)} nouns in {len(STYLES)} styles → {destination}")


if __name__ == "__main__":
    build()
