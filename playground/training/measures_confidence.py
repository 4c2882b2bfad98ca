"""Does "90 % sure" mean right nine times in ten? (Guo et al. 2017)"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playground.training.measures_answers import Asked, Reply, is_right
from playground.training.scoring import calibration, calibration_error


def measure_confidence(asked: Sequence[Asked], replies: Sequence[Reply]) -> dict:
    """``error``, the expected calibration error over ten ranges, and the ``rows`` it comes from."""
    rights = [is_right(item, reply) for item, reply in zip(asked, replies, strict=True)]
    rows = calibration([reply.probability for reply in replies], rights)
    return {"error": calibration_error(rows), "rows": [vars(row) for row in rows]}


def draw_reliability(rows_by_model: dict[str, Sequence[dict]], file: Path) -> None:
    """A reliability diagram of the ``rows`` of each model, as a PNG; a larger dot stands for more answers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2, 4), dpi=150, layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--", label="as sure as right")
    for name, rows in rows_by_model.items():
        sure, right = [row["sure"] for row in rows], [row["right"] for row in rows]
        total = sum(row["answers"] for row in rows)
        (line,) = axes.plot(sure, right, linewidth=1)
        sizes = [12 + 200 * row["answers"] / total for row in rows]
        axes.scatter(sure, right, sizes, color=line.get_color(), label=name)
    axes.set(xlabel="probability of the answer", ylabel="share that is right", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(loc="upper left", frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
