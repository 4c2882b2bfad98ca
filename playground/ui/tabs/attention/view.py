"""From what is kept of an answer, and what is set on the page, to what the Attention tab shows.

Everything here gives values by the names of the tab's parts; a part that is not named stays as it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from playground.imaging.drawing import Grid, draw_boxes, heatmap_over, maps_grid, masks_over, resized
from playground.interpret.methods import METHODS
from playground.interpret.metrics.baselines import beside_baselines
from playground.interpret.painting import head_maps
from playground.interpret.token_lookup import box_of, columns_of, tokens_at, words_at
from playground.tasks import TaskError
from playground.tasks.maps import AnswerMaps, View, nouns_of, ready_map
from playground.ui.components import snippets
from playground.ui.tabs.attention import figures as attention_figures
from playground.ui.tabs.attention import words as attention_words
from playground.ui.tabs.attention.picture import named

if TYPE_CHECKING:
    import numpy as np

CONTROLS = ("word", "method", "layer", "head", "opacity", "against", "which", "place")
"""The parts that are read at every redraw, in the order in which functions get them."""
SIDE = 576
"""The longer side of a map as it is shown, in pixels."""
_CLEAR, _FRAME = "", (86, 180, 233)
_NO_TRUTH = "No score here: this is not one of the example scenes, so nobody knows where its things truly are."
_NO_THING = "No score here: this word names no thing of the scene. Choose one above to score the map against it."
_ASK_LENS = "Press the button below to read this place layer by layer."


@dataclass(frozen=True)
class Settings:
    """What is set on the page, as the browser sends it: layer and head 0 are the mean of all, place 0 is none."""

    word: int
    method: str
    layer: int
    head: int
    opacity: float
    against: str | None
    which: int
    place: int

    @property
    def view(self) -> View:
        """The map that is asked for."""
        layer, head = self.layer - 1 if self.layer else None, self.head - 1 if self.head else None
        return View(self.method, self.word, self.which, layer, head)


def settings(maps: AnswerMaps | None, values: Sequence[Any]) -> Settings:
    """Read the controls. Raises TaskError, with a sentence, where nothing is kept or they belong to another answer."""
    if maps is None:
        raise TaskError("No answer is kept here; one is kept for an hour. Ask again, then choose a word.")
    chosen, trace = Settings(*values), maps.trace
    limits = (
        (chosen.word, len(trace.words)),
        (chosen.layer, trace.layers + 1),
        (chosen.head, trace.heads + 1),
        (chosen.which, len(trace.image_sizes)),
    )
    numbers = isinstance(chosen.place, int) and isinstance(chosen.opacity, int | float)
    # What the browser sends may be of the answer before this one.
    if not numbers or chosen.method not in METHODS or any(value not in range(limit) for value, limit in limits):
        raise TaskError("These settings belong to an earlier answer. Ask again.")
    return chosen


def with_method(chosen: Settings, method: str | None = None) -> Settings:
    """The settings with another method, and layer and head 0 where it does not look at them."""
    method = method or chosen.method
    kept = {name: getattr(chosen, name) if name in METHODS[method].controls else 0 for name in ("layer", "head")}
    return replace(chosen, method=method, **kept)


def draw(maps: AnswerMaps, chosen: Settings) -> dict[str, Any]:
    """The map, its verdict and scores, how sure the word was, and who looked at the chosen place; runs no model.

    A map that takes a run of the model and was not drawn before is put into `wanted` instead.
    """
    values = ready_map(maps, chosen.view)
    shown = {"sure": attention_words.sureness(maps, chosen.word), **place_read(maps, chosen)}
    if values is None:
        waiting = f"{METHODS[chosen.method].label} runs the model again; the map comes in a moment."
        return shown | {"wanted": (chosen.view, time.monotonic()), "verdict": snippets.notes([waiting])}
    picture = _painted(maps, chosen, values)
    word = maps.trace.words[chosen.word].text
    told = attention_words.little(word, maps.lean(chosen.word)), attention_words.leans(maps, chosen.word)
    sentences = [sentence for sentence in told if sentence]
    truth = maps.truths[chosen.which]
    score, shown["score"] = None, snippets.small_print(_NO_THING if truth else _NO_TRUTH)
    if truth is not None and chosen.against in truth.nouns:
        mask = truth.mask(chosen.against)
        picture = masks_over(picture, resized(mask, picture.size)[None] > 0.5, opacity=0)
        scores = beside_baselines(values, mask)
        score, shown["score"] = scores["map"], attention_figures.scores(scores, truth.called(chosen.against))
    if values.max() <= 0:
        sentences.append(f"This map of “{word}” is empty: the method finds nothing in the picture.")
    elif score is not None:
        things = truth.called(chosen.against)
        whose = "of its attention to the picture" if chosen.method == "attention" else "of the map"
        sentences.append(
            f"As it wrote “{word}”, {snippets.percent(score.mass)} {whose} lay on the true {things}, which "
            f"{'covers' if things == chosen.against else 'cover'} {snippets.percent(score.area)} of the picture. "
            f"The brightest point {'hits' if score.hit else 'misses'}."
        )
    heat = named(_framed(maps, chosen, picture), maps.trace.model or "answer", word, chosen.method)
    return shown | {"heat": heat, "verdict": snippets.notes(sentences)}


def shortened(question: str, most: int = 90) -> str:
    """A question as it is quoted beside its answer: in one line, and not for long."""
    line = " ".join(question.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def fitted(image: Image.Image) -> Image.Image:
    """The picture with its longer side `SIDE` pixels long: overlays have fine edges, and large ones stay quick."""
    scale = SIDE / max(image.size)
    size = tuple(max(1, round(side * scale)) for side in image.size)
    return image.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2)


def _painted(maps: AnswerMaps, chosen: Settings, values: np.ndarray) -> Image.Image:
    return heatmap_over(fitted(maps.trace.images[chosen.which]), values, float(chosen.opacity))


def _framed(maps: AnswerMaps, chosen: Settings, picture: Image.Image) -> Image.Image:
    """The picture with a frame around the chosen place."""
    found = _centre(maps, chosen)
    if found is None:
        return picture
    scale = max(picture.size) / max(maps.trace.image_sizes[chosen.which])
    box = box_of(maps.trace, found[2])
    return draw_boxes(picture, [tuple(side * scale for side in box)], [""], [_FRAME])


def _centre(maps: AnswerMaps, chosen: Settings) -> tuple[float, float, int] | None:
    """The middle of the chosen place in pixels of the picture, and its image token; None where none is chosen."""
    columns = columns_of(maps.trace, chosen.which)
    if not 0 < chosen.place <= len(columns):
        return None
    left, top, right, bottom = box_of(maps.trace, columns[chosen.place - 1])
    return (left + right) / 2, (top + bottom) / 2, columns[chosen.place - 1]


def place_at(maps: AnswerMaps, x: float, y: float, which: int) -> int:
    """The number of the place at a pixel of the map as it is shown, for the slider; 0 where no token shows it."""
    scale = max(maps.trace.image_sizes[which]) / max(fitted(maps.trace.images[which]).size)
    found = tokens_at(maps.trace, x * scale, y * scale, which)
    return found[0] - columns_of(maps.trace, which)[0] + 1 if found else 0


def place_read(maps: AnswerMaps, chosen: Settings) -> dict[str, Any]:
    """Who looked at the chosen place, and what the logit lens reads there if it was asked once."""
    found = _centre(maps, chosen)
    if found is None:
        return {"lookers": _CLEAR, "lens": _CLEAR}
    x, y, column = found
    tokens = tokens_at(maps.trace, x, y, chosen.which) or (column,)
    view = chosen.view
    shares = words_at(maps.trace, tokens, layer=view.layer, head=view.head)
    of = " in ".join(
        (f"head {chosen.head}" if chosen.head else "the attention of all heads", f"layer {chosen.layer}")
        if chosen.layer
        else (f"the attention of head {chosen.head} in all layers" if chosen.head else "all attention",)
    )
    lens = attention_words.turning(maps.lens[0], column) if maps.lens else _CLEAR
    return {"lookers": attention_words.lookers(maps, shares.tolist(), of), "lens": lens}


def grid(maps: AnswerMaps, chosen: Settings) -> Grid:
    """The attention of all layers and heads for the chosen word, the chosen one framed; the first are the means."""
    each = head_maps(maps.trace, chosen.word, image=chosen.which)
    rows = ["all", *(f"layer {layer}" for layer in range(1, maps.trace.layers + 1))]
    columns = ["all", *(str(head) for head in range(1, maps.trace.heads + 1))]
    columns[1:2] = ["head 1"] if maps.trace.heads < 13 else ["1"]
    return maps_grid(each, rows, columns, (chosen.layer, chosen.head))


def method_parts(maps: AnswerMaps, method: str, layer: int = 0, head: int = 0) -> dict[str, Any]:
    """The choice of methods, what the chosen one shows and where it comes from, and the sliders that it has."""
    able = [(METHODS[name].label, name) for name, why in maps.reasons.items() if why is None]
    about = f"{METHODS[method].label}: {METHODS[method].about} {METHODS[method].paper}"
    return {
        "method": gr.Dropdown(able, value=method, interactive=True),
        "about": snippets.small_print(about) + _missing(maps),
        "layer": _slider("layer", maps.trace.layers, layer, method),
        "head": _slider("head", maps.trace.heads, head, method),
    }


def _slider(name: str, most: int, value: int, method: str) -> gr.Slider:
    """A layer or head to choose, or why there is none to choose by this method."""
    able = name in METHODS[method].controls
    info = "0: the mean of all." if able else f"Not by this method, which takes every {name}."
    return gr.Slider(maximum=most, value=value, interactive=able, info=info)


def _missing(maps: AnswerMaps) -> str:
    """Which methods draw no maps of this answer, those with the same reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for name, why in maps.reasons.items():
        if why:
            by_reason.setdefault(why, []).append(METHODS[name].label)
    return "".join(snippets.small_print(f"Not here: {', '.join(names)}. {why}") for why, names in by_reason.items())


def answer_parts(maps: AnswerMaps, chosen: Settings) -> dict[str, Any]:
    """What is set anew for another answer: its words, methods, pictures, true things and places."""
    trace = maps.trace
    nouns, several = nouns_of(maps, chosen.which), len(trace.image_sizes) > 1
    pictures = [(f"Picture {place + 1}", place) for place in range(len(trace.image_sizes))]
    return {
        "kept": maps,
        "word": gr.Radio(
            [(word.text, at) for at, word in enumerate(trace.words)],
            value=chosen.word,
            label=f"The answer to “{shortened(trace.question)}”: choose a word",
            visible=True,
        ),
        "colours": attention_words.colours(maps),
        "against": gr.Dropdown(nouns, value=chosen.against, visible=bool(nouns)),
        "which": gr.Radio(pictures, value=chosen.which, visible=several),
        "place": gr.Slider(maximum=max(1, len(columns_of(trace, chosen.which))), value=chosen.place),
        "checked": _CLEAR,
        **method_parts(maps, chosen.method, chosen.layer, chosen.head),
    }
