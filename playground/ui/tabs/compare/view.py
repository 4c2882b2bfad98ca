"""Two answers beside each other: what stands over and under each map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from playground.ui.components import snippets
from playground.ui.tabs.attention import words as attention_words
from playground.ui.tabs.attention.figures import peak

if TYPE_CHECKING:
    from playground.interpret.metrics.score import MapScore
    from playground.tasks.compare import Side

_BLIND = {"centre": "a blob in the middle", "random": "random patches, many draws", "uniform": "everywhere alike"}


def head(found: Side, question: str) -> str:
    """The model, what it was asked, its answer and what that took, and how it brings picture and words together."""
    figures = found.statistics
    sure = "how sure it is, the server does not tell"
    facts = [
        sure if found.probability is None else f"{snippets.percent(found.probability)} sure of the whole answer",
        snippets.seconds(figures.seconds),
        "picture tokens unknown" if figures.image_tokens is None else f"{figures.image_tokens} picture tokens",
    ]
    return (
        f'<div class="side-result"><h3>{escape(found.name)}</h3><p class="side-facts">“{escape(question)}”</p>'
        f'<p class="answer-text">{escape(found.text) or "(it said nothing)"}</p>'
        f'<p class="side-facts">{escape(" · ".join(facts))}</p><p class="side-fusion">{escape(found.fusion)}</p></div>'
    )


def failed(name: str, sentence: str) -> str:
    """In place of `head`: why this model gave no answer."""
    return f'<div class="side-result"><h3>{escape(name)}</h3>{snippets.trouble(sentence)}</div>'


def verdict(word: str, noun: str, scored: Mapping[str, MapScore], label: str, note: str = "") -> str:
    """How well the map points at the true thing, in a sentence, and beside maps that have not seen the picture.

    scored: what `beside_baselines` of `playground.interpret.metrics.baselines` gives. label: of the method that drew
    the map.
    """
    own = scored["map"]
    said = (
        f"For “{word}” {snippets.percent(own.mass)} of the map lies on the true {noun} "
        f"({snippets.percent(own.area)} of the picture). Its peak {'hits' if own.hit else 'misses'}."
    )
    rows = {name: scored[name] for name in ("map", *_BLIND)}
    body = "".join(
        f'<tr{" class=own" * (name == "map")}><th scope="row">{escape(_BLIND.get(name, label))}</th>'
        f"<td>{snippets.percent(score.mass)}</td><td>{peak(name, score)}</td><td>{score.best_iou:.2f}</td></tr>"
        for name, score in rows.items()
    )
    return (
        f"{snippets.notes([said])}"
        f'<table class="scores"><thead><tr><th scope="col">map</th><th scope="col">on the {escape(noun)}</th>'
        f'<th scope="col">peak</th><th scope="col">best overlap</th></tr></thead><tbody>{body}</tbody></table>'
        f"{snippets.small_print(note) if note else ''}"
    )


def little(sentence: str, note: str = "") -> str:
    """In place of `verdict`, for a word whose map means little."""
    return f"{snippets.notes([sentence])}{snippets.small_print(note) if note else ''}"


def marks(field: str, words: Sequence[str], leans: Sequence[float]) -> str:
    """Which words are dotted, and how much each leans on the picture; the line below says so."""
    return attention_words.styled(field, words, leans) + attention_words.legend(leans)
