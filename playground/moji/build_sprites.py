"""Rebuild ``assets/sprites/`` from pinned npm packages: ``python -m playground.moji.build_sprites``.

It needs npm, and resvg-py for drawings that come as SVG (``pip install vlm-playground[sprites]``).
``--styles noto-v1 emojione`` rebuilds some of the styles and leaves the others as they are.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from playground.moji.sprites import SPRITES
from playground.moji.world import ALL_STYLES, EMOJI_NOUNS, NOUNS

PACKAGES = {
    "noto": "emoji-datasource-google@16.0.0",
    "twemoji": "emoji-datasource-twitter@16.0.0",
    "fluent": "@lobehub/fluent-emoji-3d@1.1.0",
    "fluent-flat": "@iconify-json/fluent-emoji-flat@1.2.6",
    "fluent-contrast": "@iconify-json/fluent-emoji-high-contrast@1.2.6",
    "noto-v1": "@iconify-json/noto-v1@1.2.5",
    "fxemoji": "@iconify-json/fxemoji@1.2.2",
    "emojione": "@iconify-json/emojione@1.2.3",
}
SIDE = 64  # pixels; the largest that the packages with bitmaps offer
COLOURS_KEPT = 128  # of a drawing in flat colours: what a palette of a byte a pixel holds without a visible loss

# Names of FxEmoji that follow neither the Unicode name nor the short name of the emoji.
_FXEMOJI = {
    "cow": "cow", "pig": "pigside", "rabbit": "bunnyside",
    "camel": "bactriancamel", "tiger": "tigerside", "horse": "horse", "fish": "tropicalfish", "bee": "honeybee",
    "whale": "whale", "apple": "redapple", "corn": "earofmaize", "eggplant": "aubergine", "pepper": "chilipepper",
    "pizza": "sliceofpizza", "cake": "shortcake", "donut": "doughnut", "coffee": "hotbeverage", "beer": "beermug",
    "tea": "teacupwithouthandle", "truck": "deliverytruck", "car": "automobile", "train": "highspeedtrain",
    "palm": "palmtree", "tree": "deciduoustree", "clover": "fourleafclover", "house": "housebuilding",
    "castle": "europeancastle", "shirt": "mansshirt", "hat": "womanshat", "shoe": "mensshoe", "phone": "cellphone",
    "computer": "personalcomputer", "bulb": "lightbulb", "clock": "alarmclock", "ball": "soccerball",
    "piano": "musicalkeyboard", "book": "closedbook", "pencil": "lowerleftpencil", "gift": "present",
    "snowman": "snowmanwithoutsnow", "moon": "crescentmoon", "sun": "sunwithface", "ladybug": "ladybeetle",
    "wolf": "wolfface", "panda": "pandaface", "chicken": "chicken",
}  # fmt: skip


def _code(noun: str, table: dict[str, dict]) -> tuple[str, str]:
    """Code points of a noun's emoji, with and without the sign that asks for the coloured form."""
    code = table[NOUNS[noun].emoji]["unified"].lower()
    return code, code.removesuffix("-fe0f")


def _bitmaps(style: str, modules: Path, table: dict[str, dict]) -> dict[str, Path]:
    """noun -> picture file of a package with bitmaps."""
    if style == "fluent":
        folder, ending = modules / "@lobehub" / "fluent-emoji-3d" / "assets", "webp"
    else:
        owner = {"noto": "google", "twemoji": "twitter"}[style]
        folder, ending = modules / f"emoji-datasource-{owner}" / "img" / owner / "64", "png"
    found = {}
    for noun in EMOJI_NOUNS:
        paths = [folder / f"{code}.{ending}" for code in _code(noun, table)]
        found[noun] = next((path for path in paths if path.exists()), paths[0])
    return found


def _icon_names(noun: str, style: str, table: dict[str, dict], unicode_names: dict[str, str]) -> list[str]:
    """What a set of icons may call a noun, the likeliest first."""
    row = table[NOUNS[noun].emoji]
    official = row["name"].lower().replace(" ", "-")
    listed = [unicode_names[code] for code in _code(noun, table) if code in unicode_names]
    if style == "fxemoji":
        return [_FXEMOJI[noun]] if noun in _FXEMOJI else [official.replace("-", ""), noun]
    return [*listed, official, NOUNS[noun].emoji.replace("_", "-"), noun]


def _icons(style: str, modules: Path, table: dict[str, dict]) -> dict[str, str]:
    """noun -> SVG of a package of icons; nouns that it does not draw are left out."""
    folder = modules / PACKAGES[style].rpartition("@")[0]
    drawn = json.loads((folder / "icons.json").read_text())
    # every set of the same owner may have left this file empty; the one of Fluent lists all names of Unicode
    unicode_names = json.loads((modules / "@iconify-json" / "fluent-emoji-flat" / "chars.json").read_text())
    svgs = {}
    for noun in EMOJI_NOUNS:
        names = _icon_names(noun, style, table, unicode_names)
        names = [drawn.get("aliases", {}).get(name, {}).get("parent", name) for name in names]
        icon = next((drawn["icons"][name] for name in names if name in drawn["icons"]), None)
        if icon:
            wide, high = (icon.get(side, drawn.get(side, 16)) for side in ("width", "height"))
            left, top = icon.get("left", 0), icon.get("top", 0)
            svgs[noun] = (
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" color="#141414" '
                f'viewBox="{left} {top} {wide} {high}">{icon["body"]}</svg>'
            )
    return svgs


def _from_bitmap(path: Path) -> Image.Image:
    return Image.open(path).convert("RGBA").resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _from_svg(svg: str) -> Image.Image:
    import resvg_py  # for this command alone, so the app and the recipes need no rasteriser

    png = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True))
    return Image.open(BytesIO(png)).convert("RGBA").quantize(COLOURS_KEPT, Image.Quantize.FASTOCTREE)


def _write(style: str, pictures: dict, draw: Callable[..., Image.Image], destination: Path) -> None:
    shutil.rmtree(destination / style, ignore_errors=True)
    (destination / style).mkdir(parents=True)
    for noun, source in pictures.items():
        draw(source).save(destination / style / f"{noun}.png", optimize=True)
    print(f"{len(pictures)} of {len(EMOJI_NOUNS)} nouns in {style} → {destination / style}")


def build(styles: tuple[str, ...] = ALL_STYLES, destination: Path = SPRITES) -> None:
    """Install the packages in a temporary folder and write one 64×64 PNG with transparency a noun and style.

    Raises ``subprocess.CalledProcessError`` when npm fails, ``FileNotFoundError`` when a bitmap is missing. A noun that
    a set of icons does not draw gets no picture in that style.
    """
    wanted = {PACKAGES[style] for style in styles} | {PACKAGES["noto"], PACKAGES["fluent-flat"]}
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--prefix", folder, *sorted(wanted)]
        subprocess.run(command, check=True)
        modules = Path(folder) / "node_modules"
        rows = json.loads((modules / "emoji-datasource-google" / "emoji.json").read_text())
        table = {name: row for row in rows for name in row["short_names"]}
        for style in styles:
            if PACKAGES[style].startswith("@iconify-json/"):
                _write(style, _icons(style, modules, table), _from_svg, destination)
            else:
                _write(style, _bitmaps(style, modules, table), _from_bitmap, destination)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--styles", nargs="+", choices=ALL_STYLES, default=ALL_STYLES, help="all by default")
    build(tuple(parser.parse_args().styles))
