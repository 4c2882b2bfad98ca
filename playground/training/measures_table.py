"""The figures of ``evaluate`` as the Markdown tables of docs/moji.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from playground.training.measures_answers import TYPES
from playground.training.measures_worlds import HARDER
from playground.training.measures_yes_no import KINDS_OF_ABSENCE

NOTE = (
    "Answers are compared word for word, but for case and the last full stop. A place within 4 pixels of a border "
    "counts either way."
)


def as_tables(result: dict) -> str:
    """Tables: answers by question type, other figures, harder worlds, looks and styles, how sure against how right."""
    tables = (answers_table, figures_table, worlds_table, looks_table, confidence_table)
    return "\n\n".join((*(table(result) for table in tables), NOTE))


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _share(row: dict | None, key: str = "right") -> str:
    return f"{row[key]:.0%}" if row else "–"


def answers_table(result: dict) -> str:
    """Right answers by kind of question; for each model as training words it and, where that was measured, in wordings
    that it never met."""
    columns: dict[str, dict] = {}
    for name, model in result["chat"].items():
        columns[f"`{name}`"] = model["answers"]
        if "unseen" in model:
            columns[f"`{name}`, unseen wordings"] = model["unseen"]
    first = next(iter(columns.values()))
    rows = [
        (kind, *(_share(each.get(kind)) for each in columns.values()), _share(row, "chance"), str(row["asked"]))
        for kind in (*TYPES, "all")
        if (row := first.get(kind))
    ]
    return _markdown(("question", *columns, "always the same answer", "asked"), rows)


def figures_table(result: dict) -> str:
    """Captions, yes/no, matching, masks, boxes and seconds."""
    models = list(result["chat"].values())
    blank = [""] * (len(models) - 1)

    def each(template: str, *path: str) -> list[str]:
        values = []
        for model in models:
            for key in path:
                model = model[key]
            values.append(template.format(model))
        return values

    rows = [
        ("short caption wholly right", *each("{:.0%}", "captions", "exact")),
        ("things named: precision", *each("{:.2f}", "captions", "precision")),
        ("things named: recall", *each("{:.2f}", "captions", "recall")),
        ("things named: F1", *each("{:.2f}", "captions", "f1")),
        ("right counts of things found", *each("{:.0%}", "captions", "counts")),
        ("detailed caption right word for word", *each("{:.0%}", "captions", "detailed")),
    ]
    for kind in KINDS_OF_ABSENCE:
        rows.append((f"yes/no as in POPE, {kind}: right", *each("{:.0%}", "yes_no", kind, "accuracy")))
        rows.append((f"yes/no as in POPE, {kind}: says yes (should be 50%)", *each("{:.0%}", "yes_no", kind, "yes")))
    cores = models[0]["seconds"]["cores"]
    cores = f"{cores} core{'s' * (cores > 1)}"
    rows += [
        ("the app's examples: captions and questions right", *each("{:d}", "examples", "right")),
        ("calibration error of answers", *each("{:.3f}", "confidence", "error")),
        (f"seconds to the first token, {cores}", *each("{:.2f}", "seconds", "first token")),
        (f"seconds to a whole caption, {cores}", *each("{:.2f}", "seconds", "caption")),
    ]
    found = result["retrieval"]
    others = [
        (f"`moji-clip` zero-shot, one of {result['names_asked']} names", f"{result['zero_shot']:.0%}"),
        (f"`moji-clip` picture to caption, first of {found['among']:,}", f"{found['image to text']:.0%}"),
        (f"`moji-clip` caption to picture, first of {found['among']:,}", f"{found['text to image']:.0%}"),
        (
            "`moji-clipseg` mean IoU, as drawn / augmented",
            f"{result['mask_iou']:.2f} / {result['mask_iou_augmented']:.2f}",
        ),
    ]
    if boxes := result.get("boxes"):
        changed = result["boxes_augmented"]
        others.append(("`moji-owl` AP50 / AP", f"{boxes['ap50']:.2f} / {boxes['ap']:.2f}"))
        others.append(("`moji-owl` AP50 / AP, augmented", f"{changed['ap50']:.2f} / {changed['ap']:.2f}"))
    rows += [(*row, *blank) for row in others]
    if result.get("outside"):
        told = [result["outside"].get(name, {}).get("all") for name in result["chat"]]
        cells = [f"{each['fresh']:.3f} / {each['augmented']:.3f}" if each else "–" for each in told]
        rows.append(("pictures from outside told from fresh / changed scenes, AUROC", *cells))
    return _markdown(("other figures", *(f"`{name}`" for name in result["chat"])), rows)


def worlds_table(result: dict) -> str:
    """Right answers and caption F1 where the world is harder than in training; the first row is as in training."""
    models = result["chat"]
    head = ["world", *(title for name in models for title in (f"`{name}` answers", "caption F1"))]
    rows = []
    for world in ("as in training", *(world.name for world in HARDER)):
        cells = [world]
        for model in models.values():
            row = model["worlds"].get(world, model)
            cells += [_share(row["answers"]["all"]), f"{row['captions']['f1']:.2f}"]
        rows.append(cells)
    return _markdown(head, rows)


def looks_table(result: dict) -> str:
    """Right answers and caption F1 in every look and style, and how many single things `moji-clip` names."""
    models = result["chat"]
    head = ["look", *(title for name in models for title in (f"`{name}` answers", "caption F1")), "`moji-clip` names"]
    rows = []
    for look, named in result["names"].items():
        cells = [look]
        for model in models.values():
            cells += [f"{model['looks'][look]['right']:.0%}", f"{model['looks'][look]['f1']:.2f}"]
        rows.append([*cells, f"{named:.0%}"])
    return _markdown(head, rows)


def confidence_table(result: dict) -> str:
    """Answers of each model by how sure it was."""
    rows = [
        (f"`{name}`", f"{row['sure']:.0%}", f"{row['right']:.0%}", str(row["answers"]))
        for name, model in result["chat"].items()
        for row in model["confidence"]["rows"]
    ]
    return _markdown(("model", "sure on average", "right", "answers"), rows)
