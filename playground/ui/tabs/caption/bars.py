"""What the Caption tab shows beside text fields: candidates with their bars."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from playground.tasks.captions.candidates import CaptionCandidate
from playground.ui.components import snippets

WAITING = '<p class="empty">Several captions appear here, with how probable each is.</p>'
_HIGHEST = 2.5  # of a CLIPScore


def candidates(found: Sequence[CaptionCandidate], judge: str) -> str:
    """Each caption with how probable it is and how well it fits; the best of either kind stands out.

    judge: the name of the encoder that scored them; "" where none did.
    """
    likeliest = max(each.probability for each in found)
    best = max((each.clip_score for each in found if each.clip_score is not None), default=None)
    rows = "".join(
        f'<li><p class="candidate-text">{escape(each.text) or "(nothing)"}</p>'
        + _bar("probable", each.probability, snippets.percent(each.probability), each.probability == likeliest)
        + (_fit(each.clip_score, best) if each.clip_score is not None else "")
        + "</li>"
        for each in found
    )
    told = f" “Fits” is {escape(judge)}'s CLIPScore, from 0 to {_HIGHEST}." if judge else ""
    footer = f'<p class="small-print">“Probable” is the whole caption\'s probability.{told}</p>'
    return f'<ol class="candidates">{rows}</ol>{footer}'


def _fit(score: float, best: float | None) -> str:
    return _bar("fits", score / _HIGHEST, f"{score:.2f}", score == best)


def _bar(label: str, share: float, figure: str, best: bool) -> str:
    kind, width = "candidate-bar best" if best else "candidate-bar", min(100.0, 100 * share)
    return (
        f'<div class="{kind}"><span>{label}</span><span class="bar"><span style="width:{width:.1f}%"></span></span>'
        f'<span class="bar-figure">{figure}</span></div>'
    )
