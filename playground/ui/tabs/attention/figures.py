"""HTML of the Attention tab that is about how good a map is: its scores, and the curves of the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING

from playground.ui.components import snippets

if TYPE_CHECKING:
    import numpy as np

    from playground.interpret.metrics.check import Check
    from playground.interpret.metrics.score import MapScore

_ROWS = {"map": "this map", "random": "random patches", "centre": "the middle", "uniform": "uniform"}
_KINDS = (
    ("Shown first", "insertion", max, "higher is better"),
    ("Hidden first", "deletion", min, "lower is better"),
)
_VERDICTS = {
    "yes": "Yes, as far as this test can tell: the model needs the places that it marks.",
    "half": "Half: one of the two curves does not clearly beat the best of the maps drawn by chance.",
    "no": "No: places drawn by chance matter as much to the model.",
}


def scores(found: Mapping[str, MapScore], noun: str) -> str:
    """The scores of a map beside those of maps that have not seen the picture."""
    rows = "".join(
        f"<tr class='{'own' if name == 'map' else ''}'><th scope='row'>{_ROWS[name]}</th>"
        f"<td>{peak(name, score)}</td><td>{_percent(score.mass)}</td>"
        f"<td>{score.best_iou:.2f}</td><td>{score.otsu_iou:.2f}</td></tr>"
        for name, score in found.items()
    )
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("", "peak", "mass inside", "IoU, best cut", "IoU, Otsu’s cut")
    )
    area = _percent(next(iter(found.values())).area)
    note = (
        f"Against the true {noun}, {area} of the picture. Peak: the pointing game. IoU: overlap with the true pixels. "
        "Random patches: the mean of many draws."
    )
    return (
        '<section class="panel"><h4>How good is this map?</h4>'
        f'<table class="figures"><tr>{head}</tr>{rows}</table>'
        f"{snippets.small_print(note)}</section>"
    )


def peak(name: str, score: MapScore) -> str:
    """Whether a map's peak lies on the thing; for random maps, which are many, how often."""
    if name == "random":
        return f"hits in {_percent(score.hit)}".replace(" %", "\N{NO-BREAK SPACE}%")
    return "hit" if score.hit else "missed"


def checked(check: Check, word: str) -> str:
    """The curves of a check, drawn small, and sentences that read them."""
    unchanged = check.reason
    if check.unchanged is not None:
        unchanged = (
            f"Drawn of the same model with random weights, the map has a rank correlation of {check.unchanged:.2f} "
            "with this one (best near 0; near 1 the method draws the picture, not what was learnt)."
        )
    curves = "".join(_curves(check, *each) for each in _KINDS)
    small = snippets.small_print(
        f"How probable “{word}” stays while the map’s highest places are shown over a blurred picture, or hidden: "
        f"RISE (Petsiuk et al. 2018). Dashed: the mean of {len(check.draws)} maps of random patches."
    )
    return (
        f'<section class="panel"><h4>Is this map true to the model?</h4><p>{escape(_said(check, word))}</p>'
        f'<div class="curves">{curves}</div>{small}<p>{escape(unchanged)}</p></section>'
    )


def _said(check: Check, word: str) -> str:
    if check.verdict == "cannot tell":
        return (
            f"This test cannot tell: over a blurred picture “{word}” loses only {snippets.percent(check.lean)} of its "
            "probability, so no place in it matters much."
        )
    return _VERDICTS[check.verdict]


def _curves(check: Check, title: str, kind: str, best: Callable, hint: str) -> str:
    own, chance = (getattr(each, kind) for each in (check.own, check.chance))
    areas = [getattr(each, f"{kind}_area") for each in (check.own, check.chance)]
    extreme = best(getattr(draw, f"{kind}_area") for draw in check.draws)
    said = f"{title}: area {areas[0]:.2f}, by chance {areas[1]:.2f}, at best {extreme:.2f}; {hint}"
    shares = check.own.shares
    return (
        f'<figure><svg viewBox="-2 -4 164 88" role="img" aria-label="{escape(said)}">'
        '<path class="axes" d="M0 0V80H160"/>'
        f'<polyline class="chance" points="{_points(shares, chance)}"/>'
        f'<polyline class="own" points="{_points(shares, own)}"/></svg>'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def _points(shares: np.ndarray, curve: np.ndarray) -> str:
    return " ".join(f"{160 * x:.1f},{80 - 80 * float(y):.1f}" for x, y in zip(shares, curve, strict=True))


def _percent(share: float) -> str:
    return escape(snippets.percent(share))
