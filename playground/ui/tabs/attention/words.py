"""HTML of the Attention tab that is about words: their colours, how sure each was, and who looked at a place."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from playground.interpret.forward.image_dependence import BLANK, says_little
from playground.ui.components import snippets

if TYPE_CHECKING:
    from playground.interpret.forward.logit_lens import Lens
    from playground.models.messages import GeneratedToken
    from playground.tasks.maps import AnswerMaps

_DOTTED = '<span class="little">dotted</span><span>its map means little</span>'
_SCALE = (
    '<span>leans on the words before it</span><span class="scale" aria-hidden="true"></span>'
    "<span>leans on the picture</span>"
)


def colours(maps: AnswerMaps) -> str:
    """How the words of the answer are painted, and the legend that says what the colour means.

    The words are the labels of a group of radio buttons, so that the keyboard reaches each: the arrow keys choose the
    word before and after, and Tab goes to a word that Space then chooses. Only numbers get into this style sheet.
    """
    styles = styled("answer-words", [word.text for word in maps.trace.words], maps.leans)
    unknown = "" if maps.leans else snippets.small_print("How much each word leans on the picture is not known here.")
    return styles + legend(maps.leans) + unknown


def legend(leans: Sequence[float]) -> str:
    """What the colours and the dots of words mean; nothing on colours where nobody knows how the words lean."""
    return f'<p class="leaning-legend">{_SCALE if leans else ""}{_DOTTED}</p>'


def styled(field: str, words: Sequence[str], leans: Sequence[float]) -> str:
    """A style sheet for the radio buttons of the field with this id: how each word leans, dotted where that is little.

    leans: 0 to 1 for each word; () where nobody knows.
    """
    rules = []
    for index, text in enumerate(words):
        lean = leans[index] if leans else None
        marked = "--mark: dotted; " if says_little(text, lean) else ""
        rules.append(f"#{field} label:nth-of-type({index + 1}) {{ {marked}--lean: {100 * (lean or 0):.0f}%; }}")
    return f"<style>{' '.join(rules)}</style>"


def little(text: str, lean: float | None) -> str | None:
    """A sentence that says that a word's map means little, and why; None where it means something."""
    if not says_little(text, lean):
        return None
    if lean is not None and lean < BLANK:
        why = f"over a blurred picture it loses only {snippets.percent(lean)} of its probability"
    else:
        why = "grammar asks for it, not the picture"
    return f"The map of “{text}” means little: {why}."


def leans(maps: AnswerMaps, word: int) -> str | None:
    """A sentence on how much a word needs the picture; None while nobody knows, or where its map means little."""
    text, lean = maps.trace.words[word].text, maps.lean(word)
    if lean is None or says_little(text, lean):
        return None
    return f"“{text}” leans on the picture: blurred, it loses {snippets.percent(lean)} of its probability."


def sureness(maps: AnswerMaps, word: int) -> str:
    """How probable each token of a word was, and what nearly stood in its place, as bars."""
    pieces = [maps.trace.pieces[place] for place in maps.trace.words[word].pieces]
    several = len(pieces) > 1
    parts = [_piece(piece, several) for piece in pieces]
    whole = maps.trace.words[word].probability
    title = f"How sure it was of “{maps.trace.words[word].text}”: {snippets.percent(whole)}"
    return f'<section class="panel"><h4>{escape(title)}</h4>{"".join(parts)}</section>'


def _piece(piece: GeneratedToken, several: bool) -> str:
    rows = [_bar(_shown(piece.text), piece.probability, "best")]
    rows += [_bar(_shown(text), share) for text, share in piece.runners_up[:4]]
    name = f"<h5>the token {escape(_shown(piece.text))}</h5>" if several else ""
    return f'{name}<ul class="bars">{"".join(rows)}</ul>'


def lookers(maps: AnswerMaps, shares: Sequence[float], of: str) -> str:
    """Which words looked at a place, as bars in the order of the answer; `of` says whose attention it is."""
    most = max(shares, default=0)
    rows = "".join(
        _bar(word.text, share, "best" if share == most else "", width=share / most if most else 0)
        for word, share in zip(maps.trace.words, shares, strict=True)
    )
    small = snippets.small_print(
        f"The share of {of} that each word gave to this place. The longest bar is the highest."
    )
    return f'<section class="panel"><h4>Who looked at this place?</h4><ul class="bars">{rows}</ul>{small}</section>'


def turning(lens: Lens, token: int) -> str:
    """Which word an image token is turning into, layer by layer."""
    rows = "".join(
        f"<tr><th scope='row'>{'into the first layer' if place == 0 else f'after layer {place}'}</th>"
        f"<td>{escape(_shown(words[token]))}</td><td>{escape(snippets.percent(float(likely[token])))}</td></tr>"
        for place, (words, likely) in enumerate(zip(lens.words, lens.probability, strict=True))
    )
    head = "<tr><th scope='col'>read</th><th scope='col'>likeliest word</th><th scope='col'>how likely</th></tr>"
    return (
        '<section class="panel"><h4>Which word is this place turning into?</h4>'
        f'<table class="figures">{head}{rows}</table>'
        f"{snippets.small_print('The logit lens (nostalgebraist 2020): each layer read as if it were the last one.')}"
        "</section>"
    )


def _shown(token: str) -> str:
    """A token's text with a sign for what cannot be seen."""
    return token.replace("\n", "↵").strip() or ("(space)" if token else "(end)")


def _bar(label: str, share: float, kind: str = "", width: float | None = None) -> str:
    long = share if width is None else width
    return (
        f'<li class="{kind}"><span class="bar-label">{escape(label)}</span><span class="bar">'
        f'<span style="width:{100 * long:.1f}%"></span></span>'
        f'<span class="bar-figure">{escape(snippets.percent(share))}</span></li>'
    )
