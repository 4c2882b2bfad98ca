"""What happens in the Segment tab when somebody asks, clicks or forgets; the values of its parts after that."""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.tasks.region import Region
from playground.tasks.segment import phrases, segment
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.card import card_of
from playground.ui.components.picture_input import chosen_picture
from playground.ui.loaded import segmentation_model
from playground.ui.session import session_of
from playground.ui.tabs.segment.click import clicked, for_words
from playground.ui.tabs.segment.view import Segmented, begun, draw

HINT = "Several things, separated by commas. Or click on one in the picture."


def respond(
    path: str | None,
    words: str,
    name: str,
    kept: Segmented | None,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """Values for (kept, *drawn): the masks of the words, and those that were clicked in this picture before.

    On trouble the last picture stays and the note says why.
    """
    try:
        picture = chosen_picture(path)
        phrases(words)  # a slip in the words is said before a model is loaded for them
        found = segment(segmentation_model(name), for_words(picture.image), words, seen=session_of(request).seen)
    except Exception as error:
        return _stay(error)
    now = begun(path, picture.image)
    before = kept.regions if kept and kept.is_of(now) else ()
    named = (Region(phrase, logits) for phrase, logits in zip(found.phrases, found.logits, strict=True))
    now = Segmented(path, now.size, now.shown, (*named, *(region for region in before if region.points)))
    *drawn, _ = draw(now, threshold, opacity, style, view, now.titles)
    return now, *drawn, snippets.notes(picture.notes)


def at_field(
    kept: Segmented | None,
    path: str | None,
    meaning: str,
    words: str,
    name: str,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    ticked: list[str],
    event: gr.SelectData,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """Values for (kept, *drawn) after a click in the picture field: what is kept of another picture is dropped."""
    look = threshold, opacity, style, view, ticked
    try:
        now = begun(path, chosen_picture(path).image)
    except Exception as error:
        return _stay(error)
    place = event.index[0] / now.size[0], event.index[1] / now.size[1]
    return _in_field(kept, now, place, meaning, words, name, look, request)


def at_place(
    kept: Segmented | None,
    path: str | None,
    across: float,
    down: float,
    meaning: str,
    words: str,
    name: str,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    ticked: list[str],
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """As `at_field`, for a place that is told in per cent of the picture, from 0 to 100: `across` from the left."""
    look = threshold, opacity, style, view, ticked
    try:
        now = begun(path, chosen_picture(path).image)
    except Exception as error:
        return _stay(error)
    place = min((across or 0) / 100, 1 - 1e-6), min((down or 0) / 100, 1 - 1e-6)  # the last pixel lies before the edge
    return _in_field(kept, now, place, meaning, words, name, look, request)


def _in_field(
    kept: Segmented | None,
    now: Segmented,
    place: tuple[float, float],
    meaning: str,
    words: str,
    name: str,
    look: tuple[float, float, str, str, list[str]],
    request: gr.Request | None,
) -> tuple[Any, ...]:
    """A click into the picture of the field, `now`: what is kept of another picture is dropped."""
    if kept is not None and kept.is_of(now):
        return _point(kept, place, meaning, words, name, look, request)
    return _point(now, place, meaning, words, name, (*look[:-1], []), request)


def at_overlay(
    kept: Segmented | None,
    meaning: str,
    words: str,
    name: str,
    threshold: float,
    opacity: float,
    style: str,
    view: str,
    ticked: list[str],
    event: gr.SelectData,
    request: gr.Request = None,
) -> tuple[Any, ...]:
    """Values for (kept, *drawn) after a click in the coloured picture."""
    if kept is None:
        return gr.skip(), *draw(None, threshold, opacity, style, view, ticked)
    place = event.index[0] / kept.shown.width, event.index[1] / kept.shown.height
    return _point(kept, place, meaning, words, name, (threshold, opacity, style, view, ticked), request)


def _point(
    kept: Segmented,
    place: tuple[float, float],
    meaning: str,
    words: str,
    name: str,
    look: tuple[float, float, str, str, list[str]],
    request: gr.Request | None,
) -> tuple[Any, ...]:
    """The click itself; a region that it adds is ticked, and so is one that it changes."""
    *how, ticked = look
    try:
        image, model = chosen_picture(kept.path).image, segmentation_model(name)
        now = clicked(kept, image, model, place, meaning, words, how[0], session_of(request).seen)
    except Exception as error:
        return _stay(error)
    return now, *draw(now, *how, [*ticked, now.titles[-1]])


def without_clicks(
    kept: Segmented | None, threshold: float, opacity: float, style: str, view: str, ticked: list[str]
) -> tuple[Any, ...]:
    """Values for (kept, *drawn): the masks of words alone."""
    if kept is not None:
        kept = Segmented(kept.path, kept.size, kept.shown, tuple(each for each in kept.regions if not each.points))
    return kept, *draw(kept, threshold, opacity, style, view, ticked)


def able(name: str) -> tuple[gr.Button, gr.Textbox]:
    """Values for (run, words): a model that only takes clicks has the button switched off, and the box says why."""
    reason = segmentation_model(name).words_reason
    return gr.Button(interactive=reason is None), gr.Textbox(info=reason or HINT)


def loaded_card(kept: Segmented | None, name: str, offered: str) -> Any:
    """The picker's card: the model is loaded once it has answered; a card that offers another one stays."""
    return gr.skip() if kept is None or offered else card_of(name, "segment", "loaded")


def _stay(error: Exception) -> tuple[Any, ...]:
    """Values for (kept, *drawn) on trouble: all stays, and the note says what is wrong."""
    return (gr.skip(),) * 5 + (snippets.trouble(troubles.sentence(error)),)
