"""Every task for programs: named endpoints for gradio_client and plain HTTP, and tools for MCP clients.

Gradio describes them by their docstrings: what stands before "Args:" is the description, each parameter has one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial

import gradio as gr

from playground.checkpoints.catalog import CATALOG
from playground.models.messages import Message
from playground.tasks import TaskError, checked_question
from playground.tasks.answer import answer as answered
from playground.tasks.caption import caption as captioned
from playground.tasks.captions.wording import wording
from playground.tasks.chat import PICTURES, checked_message, readable
from playground.tasks.chat import chat as talked
from playground.tasks.choose import choose as compared
from playground.tasks.classify import match as matched
from playground.tasks.segment import phrases as split
from playground.ui import loaded
from playground.ui.api.endpoints_places import attend, detect, segment
from playground.ui.api.requests import Phrases, Said, Upload, figures, here, picture_of, serve
from playground.ui.components.fields import Turn
from playground.ui.components.streaming import growing_while_watched
from playground.ui.session import session_of

TURNS, TURN_LENGTH = 200, 20_000
"""The most earlier turns of a talk that a program may send, and characters of each."""
NEW_TOKENS, TEMPERATURE = 1024, 2.0
"""The longest answer in tokens, and the highest temperature, that a program may ask for."""


def build(app: gr.Blocks) -> None:
    """Add the endpoints to the app; they have no place on the page."""
    serve(app, (models, chat, answer, choose, caption, match, segment, detect, attend))


def models() -> dict:
    """List the models of the catalogue with what each can do, its licence, size and what it knows.

    Returns:
        models: what `playground.checkpoints.catalog.Entry` has of each, its tasks, and ready: whether it is here.
    """
    listed = []
    for entry in CATALOG:
        known = asdict(entry) | {"tasks": list(entry.tasks), "embedded": entry.embedded}
        del known["only"]
        if entry.embedded:
            del known["source"]  # a folder of this machine
        listed.append({**known, "ready": not loaded.must_download(entry.name)})
    return {"models": listed}


def chat(
    message: str,
    pictures: list[Upload] = (),
    history: list[Said] = (),
    system: str = "",
    temperature: float = 0.0,
    max_new_tokens: int = 256,
    model: str = loaded.DEFAULT_CHAT,
    request: gr.Request = None,
) -> Iterator[dict]:
    """Talk about pictures. The answer streams: each result has the text so far, the last one is finished.

    Args:
        message: what to say next; may be empty with a picture, which is then described.
        pictures: pictures that come with the message.
        history: the turns before, oldest first: role ("user" or "assistant"), text, and pictures of each.
        system: rules for the whole talk; left out, with a note, where the model reads none.
        temperature: 0 always takes the likeliest token; up to 2 the more freely they are drawn.
        max_new_tokens: the longest answer, from 1 to 1024 tokens.
        model: a chat model by its name in /models.

    Returns:
        text, finished; and when finished model, statistics and notes on what was left out or done to a picture.
    """
    if not 0 <= temperature <= TEMPERATURE:
        raise TaskError(f"{temperature:g} is no temperature. Choose one from 0 (the likeliest) to {TEMPERATURE:g}.")
    if not 1 <= max_new_tokens <= NEW_TOKENS:
        raise TaskError(f"An answer may have 1 to {NEW_TOKENS:,} new tokens, not {max_new_tokens:,}.")
    turns = [*_turns(history), Turn("user", checked_message(message, len(pictures)), tuple(pictures))]
    talker = loaded.chat_model(here(model))
    heard, dropped = readable(tuple(turns), talker)
    opened = [[picture_of(upload) for upload in turn.images] for turn in heard]
    *earlier, last = (
        Message(turn.role, turn.text, tuple(picture.image for picture in shown))
        for turn, shown in zip(heard, opened, strict=True)
    )
    session = session_of(request)
    limits = {"system": system, "temperature": temperature, "max_new_tokens": max_new_tokens}
    kept = {"conversation": session.talk_with(talker), "seen": session.seen}
    stream = partial(talked, talker, earlier, last.text, last.images, **limits, **kept)
    text = ""
    with closing(growing_while_watched(lambda stop: stream(stop=stop))) as parts:
        for part in parts:
            text, reply = part or (text, None)
            if reply is None:
                yield {"text": text, "finished": False}
    notes = [note for picture in opened[-1] for note in picture.notes]
    yield {
        "text": reply.answer.text.strip(),
        "finished": True,
        "model": model,
        "statistics": figures(reply.answer.statistics),
        "notes": [*notes, *dropped, *reply.notes],
    }


def _turns(history: list[Said]) -> list[Turn]:
    """The earlier turns, as the chat tab keeps them."""
    if len(history) > TURNS:
        raise TaskError(f"The talk has {len(history)} turns; up to {TURNS} are read. Leave out the oldest.")
    turns = []
    for said in history:
        if said.get("role") not in ("user", "assistant"):
            raise TaskError(f"{said.get('role')!r} is no role. A turn's role is user or assistant.")
        text, pictures = said.get("text", ""), tuple(said.get("pictures", ()))
        if len(text) > TURN_LENGTH or len(pictures) > PICTURES:
            raise TaskError(
                f"A turn of the talk may have up to {TURN_LENGTH:,} characters and {PICTURES} pictures; one has "
                f"{len(text):,} and {len(pictures)}. Shorten it."
            )
        turns.append(Turn(said["role"], text, pictures))
    return turns


def answer(
    picture: Upload,
    question: str,
    runners_up: int = 4,
    model: str = loaded.DEFAULT_CHAT,
    request: gr.Request = None,
) -> dict:
    """Answer one question about a picture, and tell how probable the answer is and what the model nearly said.

    Args:
        picture: the picture.
        question: what to ask about it.
        runners_up: how many other answers to look for, from 0 to 8.
        model: a chat model by its name in /models.

    Returns:
        answer, probability (of the whole answer, 0 to 1; null where a server tells none), calibrated (how often such an
        answer was right, 0 to 1; null where that was not measured), runners_up (each with answer and probability,
        likeliest first), model, statistics, and notes on what was done to the picture.
    """
    asked = checked_question(question)
    if not 0 <= runners_up <= 8:
        raise TaskError(f"{runners_up} runners-up cannot be looked for. Choose from 0 to 8.")
    opened = picture_of(picture)
    answerer = loaded.chat_model(here(model))
    found = answered(answerer, opened.image, asked, runners_up=runners_up, seen=session_of(request).seen)
    return {
        "answer": found.text,
        "probability": found.probability,
        "calibrated": found.calibrated,
        "runners_up": [{"answer": other.text, "probability": other.probability} for other in found.runners_up],
        "model": model,
        "statistics": figures(found.statistics),
        "notes": list(opened.notes),
    }


def choose(
    picture: Upload,
    question: str,
    choices: list[str] = ("yes", "no"),
    measure: str = "sum",
    model: str = loaded.DEFAULT_CHAT,
    request: gr.Request = None,
) -> dict:
    """Compare given answers to a question about a picture by how likely the model finds each, not by reading its text.

    Args:
        picture: the picture.
        question: what to ask about it.
        choices: the answers to compare, from 2 to 20; yes and no where none are given.
        measure: sum (each answer as a whole) or mean (by its tokens, where the answers differ much in length).
        model: a chat model by its name in /models.

    Returns:
        best; choices (each with choice, share (together 1) and log_probability, in the order given); covered (how
        probable it is that the model, answering freely, gives one of them); said (what it answers freely); model;
        statistics; and notes on what was done to the picture.
    """
    opened = picture_of(picture)
    chooser, seen = loaded.chat_model(here(model)), session_of(request).seen
    found = compared(chooser, opened.image, question, choices, measure=measure, seen=seen)
    return {
        "best": found.best.text,
        "choices": [
            {"choice": each.text, "share": each.share, "log_probability": each.likelihood.log_probability}
            for each in found.choices
        ],
        "covered": found.covered,
        "said": found.said,
        "model": model,
        "statistics": figures(found.statistics),
        "notes": list(opened.notes),
    }


def caption(
    picture: Upload, style: str = "short", model: str = loaded.DEFAULT_CHAT, request: gr.Request = None
) -> Iterator[dict]:
    """Describe a picture. The text streams: each result has the text so far, the last one is finished.

    Args:
        picture: the picture.
        style: how much to say: short, detailed, or blind (for a blind reader).
        model: a chat model by its name in /models.

    Returns:
        text, finished; and when finished model, statistics, and notes on what was done to the picture or asked instead.
    """
    opened = picture_of(picture)
    teller = loaded.chat_model(here(model))
    told = wording(teller, style).note
    stream, text = partial(captioned, teller, opened.image, style, seen=session_of(request).seen), ""
    with closing(growing_while_watched(lambda stop: stream(stop=stop))) as parts:
        for part in parts:
            text, written = part or (text, None)
            if written is None:
                yield {"text": text, "finished": False}
    yield {
        "text": written.text.strip(),
        "finished": True,
        "model": model,
        "statistics": figures(written.statistics),
        "notes": [*opened.notes, told] if told else list(opened.notes),
    }


def match(picture: Upload, phrases: Phrases, model: str = loaded.DEFAULT_MATCHER, request: gr.Request = None) -> dict:
    """Tell which of some texts fits a picture best, without training for them (zero-shot classification).

    Args:
        picture: the picture.
        phrases: the texts, up to 12, separated by commas (or a list), such as: a picture of a dog, a picture of a cat.
        model: an embedding model by its name in /models.

    Returns:
        fits, best first: phrase and fit (CLIP: shares that sum to 1; SigLIP: each from 0 to 1 by itself); model; notes.
    """
    split(phrases)
    opened = picture_of(picture)
    matcher = loaded.embedding_model(here(model))
    fits = matched(matcher, opened.image, phrases, seen=session_of(request).seen)
    listed = [{"phrase": phrase, "fit": fit} for phrase, fit in fits]
    return {"fits": listed, "model": model, "notes": list(opened.notes)}
