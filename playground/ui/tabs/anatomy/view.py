"""The stages of a picture's way through a model as cards, each of which opens to what stands there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from playground.ui.components import snippets
from playground.ui.tabs.anatomy.chart import chart
from playground.ui.tabs.anatomy.pictures import columns, cut, heat, lengths, png, row

if TYPE_CHECKING:
    from playground.interpret.anatomy.anatomy import Anatomy, Token
    from playground.interpret.anatomy.hidden_states import Layer
    from playground.interpret.anatomy.stages import Stage

_MOST_VIEWS, _MOST_TOKENS = 24, 400
_KINDS = ("picture", "words", "last token")


def cards(found: Anatomy) -> str:
    """All stages in their order; the first one is open. Needs no model."""
    from playground.interpret.anatomy import stages as stages

    inside: dict[str, Callable[[Anatomy, Stage], tuple[str, str]]] = {
        stages.PIXELS: _pixels,
        stages.PATCHES: _patches,
        stages.VISION: _vision,
        stages.PROJECTOR: _projector,
        stages.TOKENS: _tokens,
        stages.ENCODER: _growth,
        stages.LANGUAGE: _language,
        stages.NEXT: _next,
    }
    rows = "".join(
        _card(place, stage, *inside[stage.name](found, stage)) for place, stage in enumerate(found.stages, 1)
    )
    word, probability = found.likely[0]
    said = (
        f"Asked “{found.question}”, {found.model} would begin its answer with {_quoted(word)}, which it "
        f"gives {snippets.percent(probability)}. "
        "Open a stage to see what stands there."
    )
    return f'{snippets.notes([said])}<ol class="stages">{rows}</ol>'


def _card(place: int, stage: Stage, small: str, body: str) -> str:
    counted = [
        f"{number:,} {axis.removesuffix('s') if number == 1 else axis}"
        for number, axis in zip(stage.shape, stage.axes, strict=True)
    ]
    facts = {
        "Shape": " × ".join(counted),
        "Mean length": "" if stage.norm is None else _figure(stage.norm),
        "Weights": f"{stage.parameters:,}" if stage.parameters else "none" if stage.shape else "",
    }
    head = (
        f'<span class="stage-name">{escape(stage.name)}</span>'
        f'<span class="stage-text">{escape(stage.text)}</span>{_facts(facts)}{small}'
    )
    if not stage.shape:
        return f'<li class="stage missing"><div class="stage-head">{head}</div></li>'
    return (
        f'<li class="stage"><details{" open" * (place == 1)}><summary class="stage-head">{head}</summary>'
        f'<div class="stage-body">{body}</div></details></li>'
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<span>{term} <b>{escape(text)}</b></span>" for term, text in facts.items() if text)
    return f'<span class="stage-facts">{rows}</span>' if rows else ""


def _pixels(found: Anatomy, stage: Stage) -> tuple[str, str]:
    if found.views is None:
        return "", ""
    several = len(found.views) > 1
    names = [
        "the whole" if several and place == found.shown else f"view {place + 1}" if several else "as it is read"
        for place in range(min(len(found.views), _MOST_VIEWS))
    ]
    figures = [_figured(png(view), name, "read") for view, name in zip(found.views, names, strict=False)]
    return _thumb(found.views[found.shown]), _gallery(figures, "" if several else "large")


def _patches(found: Anatomy, stage: Stage) -> tuple[str, str]:
    (layer,) = stage.layers
    figures = _maps(layer)
    small = ""
    if found.views is not None and layer.grid:
        pieces = cut(found.views[found.shown], layer.grid)
        figures.insert(0, _figured(png(pieces), "the picture, cut", "read"))
        small = _thumb(pieces)
    return small, _gallery(figures, "large")


def _vision(found: Anatomy, stage: Stage) -> tuple[str, str]:
    layers = stage.layers
    named = [f"layer {place}{_adds(layer)}" for place, layer in enumerate(layers, 1)]
    alike = [_figured(png(layer.colours), name) for layer, name in zip(layers, named, strict=True) if layer.grid]
    measured = [
        _figured(heat(layer.norm_map), f"{_figure(layer.norm_map.min())} to {_figure(layer.norm_map.max())}")
        for layer in layers
        if layer.grid
    ]
    if len(alike) < len(layers):  # not known where they stand in the picture
        return "", chart({_KINDS[0]: [layer.norm for layer in layers]}, "layer", "Mean length after each layer", [0])
    body = (
        "<h4>Patches alike in colour have vectors that are alike (three principal components)</h4>"
        f"{_gallery(alike)}<h4>Length of each patch’s vector, from the shortest (dark) to the longest (bright)</h4>"
        f"{_gallery(measured)}"
    )
    return _thumb(layers[-1].colours), body


def _projector(found: Anatomy, stage: Stage) -> tuple[str, str]:
    if not stage.layers:
        return "", ""
    (layer,) = stage.layers
    return _thumb(layer.colours), _gallery(_maps(layer), "large")


def _tokens(found: Anatomy, stage: Stage) -> tuple[str, str]:
    from playground.interpret.anatomy.stages import PROJECTOR

    projector = found.stage(PROJECTOR)
    tints = _tints(found, projector.layers[-1]) if projector and projector.layers else []
    waiting = iter(tints)
    chips = [_chip(token, next(waiting, None) if token.picture else None) for token in found.tokens[:_MOST_TOKENS]]
    if len(found.tokens) > _MOST_TOKENS:
        chips.append(f'<span class="more">and {len(found.tokens) - _MOST_TOKENS:,} more</span>')
    beside = ""
    if found.beside:
        squares = "".join(map(_chip_of_picture, _tints_beside(found)[:_MOST_TOKENS]))
        beside = (
            f"<h4>Beside them, to be looked at in every layer: {found.beside:,} vectors of the picture</h4>"
            f'<p class="token-row">{squares}</p>'
        )
    (layer,) = stage.layers
    means = {name: _figure(norms.mean()) for name, norms in _kinds(found, layer) if norms.size}
    order = "the words alone" if found.beside else "squares are the picture, words are words"
    body = (
        f'<h4>The row that is read: {order}</h4><p class="token-row">{"".join(chips)}</p>'
        f"{beside}<h4>Mean length of their vectors</h4>{_facts(means)}"
    )
    return _thumb(row(found, tints)), body


def _growth(found: Anatomy, stage: Stage) -> tuple[str, str]:
    """How long vectors are after each layer, and how much each layer adds."""
    lines: dict[str, list[float]] = {}
    for layer in stage.layers:
        for name, norms in _kinds(found, layer):
            if norms.size:
                lines.setdefault(name, []).append(float(norms.mean()))
    drawn = chart(lines, "layer", "Mean length after each layer", [_KINDS.index(name) for name in lines])
    shares = [(f"layer {place}", layer.added) for place, layer in enumerate(stage.layers, 1) if layer.added is not None]
    most = max([share for _, share in shares], default=0) or 1
    added = "".join(
        f'<li><span class="bar-label">{name}</span>{_bar(share / most)}'
        f'<span class="bar-figure">{snippets.percent(share)}</span></li>'
        for name, share in shares
    )
    if added:
        added = f'<h4>What each layer adds, as a share of what came in</h4><ul class="bars">{added}</ul>'
    return _thumb(lengths(stage.layers)), f"<h4>Mean length after each layer</h4>{drawn}{added}"


def _language(found: Anatomy, stage: Stage) -> tuple[str, str]:
    small, body = _growth(found, stage)
    if not any(layer.likely for layer in stage.layers):
        return small, body
    rows = "".join(
        f"<tr><th scope='row'>{place}</th>{''.join(_guess(*pair) for pair in layer.likely)}</tr>"
        for place, layer in enumerate(stage.layers, 1)
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("layer", "likeliest", "2nd", "3rd", "4th", "5th"))
    lens = (
        "<h4>What it would say after each layer, if no layer followed (logit lens)</h4>"
        f'<table class="lens"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )
    return small, lens + body


def _next(found: Anatomy, stage: Stage) -> tuple[str, str]:
    rest = 1 - sum(probability for _, probability in found.likely)
    rows = [*((_plain(word), probability) for word, probability in found.likely), ("all others", max(rest, 0.0))]
    bars = "".join(
        f'<li><span class="bar-label">{escape(label)}</span>{_bar(share)}'
        f'<span class="bar-figure">{snippets.percent(share)}</span></li>'
        for label, share in rows
    )
    return _thumb(columns([probability for _, probability in found.likely[:4]])), f'<ul class="bars best">{bars}</ul>'


def _kinds(found: Anatomy, layer: Layer) -> list[tuple[str, np.ndarray]]:
    """The lengths of a layer's vectors, by what they are; where they are not the row that was read, of the last one."""
    if len(layer.norms) != len(found.tokens):
        return [(_KINDS[2], layer.norms[-1:])]
    picture = np.array([token.picture for token in found.tokens])
    return list(zip(_KINDS, (layer.norms[picture], layer.norms[~picture], layer.norms[-1:]), strict=True))


def _tints(found: Anatomy, layer: Layer) -> list[np.ndarray]:
    """A colour for each of the picture's tokens, where the shown view is all that stands in the row."""
    count = sum(token.picture for token in found.tokens)
    if layer.colours is None or layer.grid[0] * layer.grid[1] != count:
        return []
    return list(layer.colours.reshape(-1, 3))


def _tints_beside(found: Anatomy) -> list[np.ndarray | None]:
    """A colour for each vector that the vision encoder gives, none for what stands before the patches."""
    from playground.interpret.anatomy.stages import VISION

    last = found.stage(VISION).layers[-1]
    tints = [] if last.colours is None else list(last.colours.reshape(-1, 3))
    return [None] * (found.beside - len(tints)) + tints


def _chip(token: Token, tint: np.ndarray | None) -> str:
    return _chip_of_picture(tint) if token.picture else f'<span class="word">{escape(_plain(token.text))}</span>'


def _chip_of_picture(tint: np.ndarray | None) -> str:
    style = "" if tint is None else f' style="background:rgb({tint[0]},{tint[1]},{tint[2]})"'
    return f"<i{style}></i>"


def _maps(layer: Layer) -> list[str]:
    if not layer.grid:
        return []
    low, high = _figure(layer.norm_map.min()), _figure(layer.norm_map.max())
    return [
        _figured(png(layer.colours), "alike in colour: alike in their numbers"),
        _figured(heat(layer.norm_map), f"lengths, {low} (dark) to {high} (bright)"),
    ]


def _guess(word: str, probability: float) -> str:
    shade = (
        f"background:color-mix(in srgb, var(--color-accent) {45 * probability:.0f}%, var(--background-fill-secondary))"
    )
    return f'<td style="{shade}">{escape(_plain(word))} <small>{snippets.percent(probability)}</small></td>'


def _bar(share: float) -> str:
    return f'<span class="bar"><span style="width:{100 * share:.1f}%"></span></span>'


def _plain(word: str) -> str:
    """A token that can be seen: blanks and signs that have no form get a name."""
    shown = word.replace("\n", "↵").strip()
    return shown if shown and shown.isprintable() else repr(word)[1:-1].replace(" ", "␣") or "(nothing)"


def _quoted(word: str) -> str:
    return f"“{_plain(word)}”"


def _adds(layer: Layer) -> str:
    return "" if layer.added is None else f", adds {snippets.percent(layer.added)}"


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2g}"


def _gallery(figures: Sequence[str], size: str = "") -> str:
    return f'<div class="gallery {size}">{"".join(figures)}</div>' if figures else ""


def _figured(source: str, caption: str, kind: str = "map") -> str:
    return (
        f'<figure class="{kind}"><img src="{source}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption>'
        "</figure>"
    )


def _thumb(pixels: np.ndarray | None) -> str:
    return "" if pixels is None else f'<img class="thumb" src="{png(pixels)}" alt="">'
