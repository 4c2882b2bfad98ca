"""The model cards of the shipped checkpoints: ``python -m playground.training.cards``.

Each ``assets/moji/<name>/README.md`` is written from three things and nothing else: what stands here and in
``card_texts``, the stages (``stages.STAGES``), and the figures that ``playground.training.evaluate`` saved. So run it
after every evaluation; a test compares. Figures of other weights than those in the folder are not told.
"""

from __future__ import annotations

import argparse
import json
from math import prod
from pathlib import Path

from huggingface_hub import ModelCardData
from safetensors import safe_open

from playground.checkpoints.catalog import ASSETS
from playground.checkpoints.fingerprint import fingerprint
from playground.moji.world import ALL_COLOURS, ALL_SHAPES, ALL_STYLES, COLOURS, EMOJI_NOUNS, SHAPES, STYLES
from playground.training.card_texts import CARDS, DATA, LICENCE, LIMITS, MAKERS, MORE_MAKERS, WIDE, Card
from playground.training.lora import FIGURES, SHARES
from playground.training.measures_table import answers_table, worlds_table
from playground.training.measures_worlds import HARDER
from playground.training.stages import STAGES

MOJI = ASSETS / "moji"
EVALUATION = ASSETS.parent / "docs" / "evaluation.json"


def parameters(folder: Path) -> int:
    """How many weights the safetensors files of a folder hold."""
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            total += sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return total


def chat_figures(result: dict, name: str) -> str:
    """Answers by type, captions, yes/no, harder worlds and speed of a chat model; "" where it was not measured."""
    row = result.get("chat", {}).get(name)
    if not row:
        return ""
    captions, seconds = row["captions"], row["seconds"]
    rows = {
        "short caption wholly right": f"{captions['exact']:.0%}",
        "things named in captions, precision / recall / F1": " / ".join(
            f"{captions[key]:.2f}" for key in ("precision", "recall", "f1")
        ),
        "right counts of things named": f"{captions['counts']:.0%}",
        "detailed caption right word for word": f"{captions['detailed']:.0%}",
    }
    for kind, score in row["yes_no"].items():
        rows[f"“is there a …?” as in POPE, {kind}: right / says yes"] = f"{score['accuracy']:.0%} / {score['yes']:.0%}"
    rows["calibration error of answers"] = f"{row['confidence']['error']:.3f}"
    rows["seconds to the first token / a whole caption"] = f"{seconds['first token']:.2f} / {seconds['caption']:.2f}"
    one = {"chat": {name: row}}
    tables = [answers_table(one), table(rows)]
    if all(world.name in row["worlds"] for world in HARDER):
        tables.append(worlds_table(one))
    return "\n\n".join(tables)


def figures(result: dict, name: str) -> str:
    """The measured figures of one checkpoint as Markdown; "" where there are none."""
    found = result.get("retrieval", {})
    among = f"first of {found.get('among', 0):,}"
    boxes = result.get("boxes", {})
    rows = {
        "moji-clip": {
            f"zero-shot: the right one of {result.get('names_asked', 0)} names": share(result.get("zero_shot")),
            f"picture to caption, {among}": share(found.get("image to text")),
            f"caption to picture, {among}": share(found.get("text to image")),
        },
        "moji-clipseg": {"mean IoU of phrases that name something": number(result.get("mask_iou"))},
        "moji-owl": {"AP50": number(boxes.get("ap50")), "AP": number(boxes.get("ap"))},
    }.get(name)
    if rows is None:
        return chat_figures(result, name)
    rows = {what: value for what, value in rows.items() if value}
    return table(rows) if rows else ""


def share(value: float | None) -> str:
    """0.984 as "98%"; "" for None."""
    return "" if value is None else f"{value:.0%}"


def number(value: float | None) -> str:
    """0.837 as "0.84"; "" for None."""
    return "" if value is None else f"{value:.2f}"


def table(rows: dict[str, str]) -> str:
    """A Markdown table of figures by name."""
    return "\n".join(["| figure | |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows.items())])


def measured(result: dict, name: str, folder: Path) -> str:
    """The section on figures, with the command that makes them; they count for the weights they were measured on."""
    text, known = "", result.get("weights", {}).get(name)
    if (folder / FIGURES).is_file():
        told = json.loads((folder / FIGURES).read_text())
        before, after = told["before"], told["after"]
        rows = {what: f"{before[key]:.0%} → {after[key]:.0%}" for key, what in SHARES.items()}
        command = "python -m playground.training.lora"
        scenes = f"{after['scenes']} fresh scenes of seed {after['seed']}, before → after"
        if told.get("weights") == fingerprint(folder, folder.parent / CARDS[name].base):
            text = table(rows)
    else:
        scenes = f"fresh scenes of seed {result.get('seed')}, which no training step can draw"
        command = f"python -m playground.training.evaluate --scenes {result.get('scenes')} --seed {result.get('seed')}"
        if known and known == fingerprint(folder):
            text = figures(result, name)
    if not text:
        maker = "lora" if CARDS[name].library == "peft" else "evaluate"
        return f"Not measured yet: `python -m playground.training.{maker}`, then `python -m playground.training.cards`."
    return f"On {scenes}:\n\n{text}\n\n```bash\n{command}\n```"


def recipe(name: str) -> str:
    """The stages that make a checkpoint, in order: what learns, what is frozen, what is minimised."""
    lines = ["| stage | learns | frozen | minimised | command |", "|---|---|---|---|---|"]
    for stage, made in STAGES.items():
        if made.makes == name:
            cells = (stage, ", ".join(made.learns), ", ".join(made.frozen) or "nothing", made.objective)
            lines.append(f"| {' | '.join(cells)} | `python -m playground.training.{stage}` |")
    return "\n".join(lines)


def front_matter(card: Card) -> str:
    """What the Hub reads: licence, library, task, tags, base model."""
    data = ModelCardData(
        language="en",
        license="apache-2.0",
        library_name=card.library,
        pipeline_tag=card.pipeline_tag,
        tags=["vlm-playground", "synthetic", "emoji", *card.tags],
        base_model=card.base or None,
    )
    return f"---\n{data.to_yaml()}\n---"


def world_of(name: str) -> dict[str, int | str]:
    """What a model learnt from: how many nouns, styles, shapes and colours, and who made the drawings."""
    styles, shapes, colours = (ALL_STYLES, ALL_SHAPES, ALL_COLOURS) if name in WIDE else (STYLES, SHAPES, COLOURS)
    return {
        "nouns": len(EMOJI_NOUNS),
        "styles": {3: "three", 8: "eight"}[len(styles)],
        "shapes": len(shapes),
        "colours": len(colours),
        "makers": f"{MAKERS},\n{MORE_MAKERS}" if name in WIDE else MAKERS,
    }


def write_card(name: str, folder: Path, result: dict) -> str:
    """The whole card of the checkpoint in ``folder`` as Markdown."""
    card = CARDS[name]
    world = world_of(name)
    limits = "\n".join(f"- {limit.format(**world)}" for limit in (*LIMITS, *card.limits))
    return f"""{front_matter(card)}

# {name}

{card.what} Class: `{card.class_name}`, {parameters(folder) / 1e6:.2g} M weights.

## Load it

From the root of the repository, with the playground:

```python
{card.load.strip()}
```

With plain `transformers`:

```python
{card.plain.strip()}
```

## What it learnt from

{DATA.format(**world).strip()}

## How it was trained

{recipe(name)}

What was tried on the way, and what it gave, stands in `docs/moji.md`.

## What it can do

{measured(result, name, folder)}

## What it cannot do

{limits}

## Licence

{LICENCE.format(**world).strip()}
"""


def main() -> None:
    """Write the cards of all checkpoints that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluation", type=Path, default=EVALUATION, help="what evaluate saved")
    arguments = parser.parse_args()
    result = json.loads(arguments.evaluation.read_text()) if arguments.evaluation.is_file() else {}
    for name in CARDS:
        if (folder := MOJI / name).is_dir():
            (folder / "README.md").write_text(write_card(name, folder, result), encoding="utf-8")
            print(f"{name} → {folder / 'README.md'}")


if __name__ == "__main__":
    main()
