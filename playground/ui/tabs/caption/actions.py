"""One picture's captions as they are written: one, several with scores, or those of two models."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from playground.imaging.picture import Picture
from playground.tasks.caption import Style, caption
from playground.tasks.captions.candidates import CaptionCandidate, caption_candidates
from playground.tasks.captions.wording import wording
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.background import awaited
from playground.ui.components.picture_input import chosen_picture
from playground.ui.components.streaming import growing_while_watched
from playground.ui.loaded import chat_model, title
from playground.ui.session import Session, session_of
from playground.ui.tabs.caption import bars as caption_bars
from playground.ui.tabs.caption.judge import judge_named

_SAME: Any = gr.skip()
_MANNER = {"short": "short", "detailed": "in detail", "blind": "for a blind reader"}
_SEARCHING = '<p class="empty">Looking for several captions…</p>'


class Parts(NamedTuple):
    """The tab's outputs, or values for them; what is not named stays as it is."""

    text: Any = _SAME
    footer: Any = _SAME
    second_text: Any = _SAME
    second_footer: Any = _SAME
    candidates: Any = _SAME
    pick: Any = _SAME
    found: Any = _SAME
    note: Any = _SAME
    stop: Any = _SAME


def respond(
    path: str | None,
    style: Style,
    way: str,
    count: int,
    judge: str,
    name: str,
    second: str,
    request: gr.Request = None,
) -> Iterator[Parts]:
    """Values for the outputs, growing as the captions are written. Never raises.

    way: "one", "several" (with `count`, and `judge`: an encoder's name or "") or "two" (with the model `second`).
    """
    try:
        picture = chosen_picture(path)
        nothing = gr.Radio(choices=[], value=None)
        yield Parts(
            _field("", name if way == "two" else ""), "", _field("", second), "", caption_bars.WAITING, nothing, (),
            snippets.notes(picture.notes), gr.Button(interactive=True),
        )  # fmt: skip
        session, said = session_of(request), list(picture.notes)
        if way == "several":
            yield from _several(picture, style, int(count), judge or "", name, session, said)
        else:
            yield from _written(picture, style, name, session, said)
        if way == "two":
            for parts in _written(picture, style, second, session, said):
                yield parts._replace(
                    text=_SAME, footer=_SAME, second_text=parts.text, second_footer=parts.footer
                )  # fmt: skip
        yield Parts(stop=gr.Button(interactive=False))
    except Exception as error:
        trouble = snippets.trouble(troubles.sentence(error))
        yield Parts(candidates=caption_bars.WAITING, note=trouble, stop=gr.Button(interactive=False))


def taken(place: int | None, found: tuple[str, ...]) -> Any:
    """The caption that somebody picked of those that were found."""
    return found[place] if place is not None and place < len(found) else _SAME


def _written(picture: Picture, style: Style, name: str, session: Session, said: list[str]) -> Iterator[Parts]:
    """One model's caption, as the first one; `said` gathers what is noted."""
    model = chat_model(name)
    if note := _new_note(wording(model, style).note, said):
        yield note
    stream = partial(caption, model, picture.image, style, seen=session.seen)
    with closing(growing_while_watched(lambda stop: stream(stop=stop))) as parts:
        for part in parts:
            text, answer = part or (_SAME, None)
            if answer is None:
                yield Parts(text)
    footer = f"{title(name)} · {_MANNER[style]} · {snippets.statistics(answer.statistics)}"
    yield Parts(answer.text.strip(), snippets.small_print(footer))


def _several(
    picture: Picture, style: Style, count: int, judge: str, name: str, session: Session, said: list[str]
) -> Iterator[Parts]:
    """The likeliest captions; the first of them is taken until another one is picked."""
    model, scorer = chat_model(name), judge_named(judge)
    if note := _new_note(wording(model, style).note, said):
        yield note
    yield Parts(candidates=_SEARCHING)

    def search(stop: threading.Event) -> tuple[CaptionCandidate, ...]:
        return caption_candidates(
            model, picture.image, style, count=count, judge=scorer, stop=stop, seen=session.seen
        )  # fmt: skip

    found = yield from awaited(search, Parts())
    texts = tuple(each.text for each in found)
    pick = gr.Radio([(str(place), place - 1) for place in range(1, len(texts) + 1)], value=0)
    footer = snippets.small_print(f"{title(name)} · {_MANNER[style]}")
    yield Parts(texts[0], footer, candidates=caption_bars.candidates(found, judge), pick=pick, found=texts)


def _new_note(note: str, said: list[str]) -> Parts | None:
    if not note or note in said:
        return None
    said.append(note)
    return Parts(note=snippets.notes(said))


def _field(text: str, writer: str) -> gr.Textbox:
    """The field's value and whose caption it is, where several models write."""
    return gr.Textbox(value=text, label=f"Caption by {title(writer)}" if writer else "Caption")
