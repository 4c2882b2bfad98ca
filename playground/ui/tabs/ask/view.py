"""The Ask tab's pieces of HTML. Everything a visitor or a model wrote is escaped here."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from playground.ui.components.snippets import percent, small_print

if TYPE_CHECKING:
    from PIL import Image

    from playground.tasks.answer import Answered
    from playground.tasks.bulk.answer_table import Cell
    from playground.tasks.choose import Chosen

_RARE = 0.05  # choices that the model would hardly give are told as such


def answer_card(question: str, found: Answered, footer: str) -> str:
    """The question, its answer in large letters, how sure the model is and how far that is to be believed, and what
    else it nearly said, as bars."""
    rows = [bar(other.text, other.probability) for other in found.runners_up]
    others = f'<h4>What else it nearly said</h4><ul class="bars">{"".join(rows)}</ul>' if rows else ""
    if found.probability is None:
        sure = f'<p class="empty">{escape(found.calibration)}</p>'
    else:
        own = bar("how probable", found.probability)
        if found.calibrated is not None:
            own = bar("right, as measured", found.calibrated) + bar("its own probability", found.probability, "own")
        sure = f'<ul class="bars best">{own}</ul>{small_print(found.calibration)}'
    return f'<div class="answer">{_asked(question)}{_headline(found.text)}{sure}{others}</div>{small_print(footer)}'


def choice_card(question: str, found: Chosen, footer: str) -> str:
    """The question, the likeliest choice in large letters, and all as bars of their shares, in the order given."""
    best = found.best
    rows = "".join(bar(each.text, each.share, "first" if each is best else "") for each in found.choices)
    if found.measure == "sum":
        made = "Bars: each choice's probability as the whole answer, end included, divided by that of all choices."
    else:
        made = "Bars: each choice's mean probability per token, end included, made to add up: long and short compare."
    freely = found.said or "nothing"
    free = f"By itself it says “{freely}”. It gives one of these choices word for word with {percent(found.covered)}."
    caution = "The model would hardly give any of these, so which of them is ahead says little."
    warned = f'<p class="caution">{caution}</p>' if found.covered < _RARE else ""
    return (
        f'<div class="answer">{_asked(question)}{_headline(best.text)}<ul class="bars choices">{rows}</ul>'
        f"{small_print(made)}{small_print(free)}{warned}</div>{small_print(footer)}"
    )


def bar(label: str, share: float, kind: str = "") -> str:
    """One line of a list of bars; `kind` is a class for its look."""
    return (
        f'<li class="{kind}"><span class="bar-label">{escape(label) or "(nothing)"}</span><span class="bar">'
        f'<span style="width:{100 * share:.1f}%"></span></span>'
        f'<span class="bar-figure">{escape(percent(share))}</span></li>'
    )


def map_figure(picture: Image.Image, word: str, method: str) -> str:
    """A small map with what it shows."""
    told = f"Where it looked for “{word}” ({method})"
    return (
        f'<figure class="map-preview"><img src="{_as_address(picture)}" alt="{escape(told)}">'
        f"<figcaption>{escape(told)}. The Attention tab shows every word, layer and head.</figcaption></figure>"
    )


def thumbnail(image: Image.Image) -> str:
    """A picture of at most 48 pixels as an address that holds it."""
    small = image.copy()
    small.thumbnail((48, 48))
    return _as_address(small)


def progress(done: int, total: int, now: str = "") -> str:
    """How far a table is, as a bar and in words."""
    words = f"{done:,} of {total:,} answers" + (f" · {now}" if now else "")
    return (
        f'<p class="small-print download" role="status"><progress max="{max(1, total)}" value="{done}" '
        f'aria-label="answers"></progress> {escape(words)}</p>'
    )


def answers_table(cells: Sequence[Cell], questions: Sequence[str], thumbnails: Mapping[int, str]) -> str:
    """Pictures down, questions across; a picture that cannot be read has its sentence across its row.

    thumbnails: addresses by the picture's place, "" for none.
    """
    head = "".join(f'<th scope="col">{escape(question)}</th>' for question in questions)
    rows = []
    for place, row in groupby(enumerate(cells), key=lambda pair: pair[0] // len(questions)):
        own = [cell for _, cell in row]
        shown = f'<img src="{thumbnails[place]}" alt="">' if thumbnails.get(place) else ""
        name = f'<th scope="row">{shown}<span>{escape(own[0].picture)}</span></th>'
        if len({cell.error for cell in own}) == 1 and own[0].error and len(own) > 1:
            told = f'<td class="refused" colspan="{len(questions)}">{escape(own[0].error)}</td>'
        else:
            told = "".join(_cell(cell) for cell in own) + "<td></td>" * (len(questions) - len(own))
        rows.append(f"<tr>{name}{told}</tr>")
    return (
        '<div class="answers-frame" tabindex="0" role="region" aria-label="Answers"><table class="answers">'
        f'<thead><tr><th scope="col">Picture</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _cell(cell: Cell) -> str:
    if cell.error:
        return f'<td class="refused">{escape(cell.error)}</td>'
    sure = cell.probability if cell.calibrated is None else cell.calibrated
    figure = "" if sure is None else f'<span class="bar-figure">{escape(percent(sure))}</span>'
    return f"<td>{escape(cell.answer) or '(nothing)'}{figure}</td>"


def _asked(question: str) -> str:
    return f'<p class="asked">{escape(question)}</p>'


def _headline(text: str) -> str:
    return f'<p class="answer-text">{escape(text) or "(it said nothing)"}</p>'


def _as_address(image: Image.Image) -> str:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
