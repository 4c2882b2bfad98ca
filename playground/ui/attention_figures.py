"""HTML of the Attention tab that is about how good a map is: its scores, and the curves of the check."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from playground.ui import snippets

if TYPE_CHECKING:
    import numpy as np

    from playground.inside.check import Check
    from playground.inside.score import MapScore

_ROWS = {"map": "this map", "random": "random", "centre": "the middle", "uniform": "uniform"}


def scores(found: Mapping[str, MapScore], noun: str) -> str:
    """The scores of a map beside those of maps that have not seen the picture."""
    rows = "".join(
        f"<tr class='{'own' if name == 'map' else ''}'><th scope='row'>{_ROWS[name]}</th>"
        f"<td>{'hit' if score.hit else 'missed'}</td><td>{_percent(score.mass)}</td>"
        f"<td>{score.best_iou:.2f}</td><td>{score.otsu_iou:.2f}</td></tr>"
        for name, score in found.items()
    )
    head = "".join(
        f"<th scope='col'>{name}</th>" for name in ("", "peak", "mass inside", "IoU, best cut", "IoU, Otsu’s cut")
    )
    area = _percent(next(iter(found.values())).area)
    note = (
        f"Against the true {noun}, {area} of the picture. Peak: the pointing game. IoU: overlap with the true pixels."
    )
    return (
        '<section class="panel"><h4>How good is this map?</h4>'
        f'<table class="figures"><tr>{head}</tr>{rows}</table>'
        f"{snippets.small_print(note)}</section>"
    )


def checked(check: Check, word: str) -> str:
    """The curves of a check, drawn small, and sentences that read them."""
    better = (
        check.own.insertion_area > check.chance.insertion_area,
        check.own.deletion_area < check.chance.deletion_area,
    )
    said = (
        "Yes, as far as this test can tell: the model needs the places that it marks."
        if all(better)
        else "Half: one of the two curves is no better than chance."
        if any(better)
        else "No: places drawn by chance matter as much to the model."
    )
    unchanged = check.reason
    if check.unchanged is not None:
        unchanged = (
            f"Drawn of the same model with random weights, the map has a rank correlation of {check.unchanged:.2f} "
            "with this one (best near 0; near 1 the method draws the picture, not what was learnt)."
        )
    curves = _curves("Shown first", check.own.insertion, check.chance.insertion, "higher is better")
    curves += _curves("Hidden first", check.own.deletion, check.chance.deletion, "lower is better")
    small = snippets.small_print(
        f"How probable “{word}” stays while the map’s highest places are shown over a blurred picture, or hidden: "
        "RISE (Petsiuk et al. 2018). Dashed: places by chance."
    )
    return (
        f'<section class="panel"><h4>Is this map true to the model?</h4><p>{escape(said)}</p>'
        f'<div class="curves">{curves}</div>{small}<p>{escape(unchanged)}</p></section>'
    )


def _curves(title: str, own: np.ndarray, chance: np.ndarray, better: str) -> str:
    areas = [float((curve[1:] + curve[:-1]).mean() / 2) for curve in (own, chance)]
    said = f"{title}: area {areas[0]:.2f}, by chance {areas[1]:.2f}; {better}"
    return (
        f'<figure><svg viewBox="-2 -4 164 88" role="img" aria-label="{escape(said)}">'
        '<path class="axes" d="M0 0V80H160"/>'
        f'<polyline class="chance" points="{_points(chance)}"/><polyline class="own" points="{_points(own)}"/></svg>'
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def _points(curve: np.ndarray) -> str:
    last = len(curve) - 1
    return " ".join(f"{160 * place / last:.1f},{80 - 80 * float(value):.1f}" for place, value in enumerate(curve))


def _percent(share: float) -> str:
    return escape(snippets.percent(share))
