"""Where things are, for programs: masks, boxes, and maps of where the model looked; see `endpoints`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from playground.imaging.drawing import colours, draw_boxes, enlarged, heatmap_over, masks_over
from playground.interpret import methods
from playground.tasks import TaskError, checked_question
from playground.tasks.attend import attend as looked
from playground.tasks.attend import score
from playground.tasks.detect import detect as detected
from playground.tasks.examples import truth_of
from playground.tasks.maps import answer_maps, believed
from playground.tasks.segment import phrases as split
from playground.tasks.segment import segment as segmented
from playground.ui import loaded
from playground.ui.api.requests import Phrases, Upload, figures, full_picture_of, here, picture_file, picture_of
from playground.ui.session import session_of

if TYPE_CHECKING:
    from PIL import Image

    from playground.imaging.picture import Picture


def segment(
    picture: Upload,
    phrases: Phrases,
    threshold: float = 0.5,
    model: str = loaded.DEFAULT_SEGMENTER,
    request: gr.Request = None,
) -> tuple[dict, gr.FileData]:
    """Find the pixels of what the phrases name, and colour them.

    Args:
        picture: the picture.
        phrases: what to look for, up to 12 phrases, separated by commas (or a list), such as: dog, red circle.
        threshold: how sure the model must be of a pixel, above 0 and below 1.
        model: a segmentation model by its name in /models.

    Returns:
        masks: for each phrase colour (RGB), area in pixels, share of the picture, box (left, top, right, bottom in
        pixels; null where nothing was found) and rle, the mask as COCO writes it; width and height of the picture;
        model; notes.
        The picture with the masks laid over it.
    """
    split(phrases)  # a slip in the words is said before a model is loaded for them
    if not 0 < threshold < 1:
        raise TaskError(f"{threshold:g} is no threshold. Choose one between 0 (every pixel) and 1 (none).")
    opened = picture_of(picture)
    segmenter = loaded.segmentation_model(here(model))
    found = segmented(segmenter, opened, phrases, seen=session_of(request).seen)
    opened = full_picture_of(picture, opened)
    masks = found.masks(threshold, opened.image.size)
    each = zip(found.phrases, masks, colours(len(masks)), strict=True)
    listed = [{"phrase": phrase, "colour": list(colour), **_region(mask)} for phrase, mask, colour in each]
    return _result(opened, model, masks=listed), picture_file(masks_over(opened.image, masks), picture)


def _result(opened: Picture, model: str, size: tuple[int, int] | None = None, **found: Any) -> dict:
    """What was found in pixels of a picture, with the size that they belong to: its own, unless another is told."""
    width, height = size or opened.image.size
    return {**found, "width": width, "height": height, "model": model, "notes": list(opened.notes)}


def _region(mask: np.ndarray) -> dict[str, Any]:
    """A mask (H, W) as JSON: area, share, box, and the run lengths of Lin et al. 2014 as `pycocotools` writes them."""
    from pycocotools import mask as coco

    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1] if len(rows) else None
    runs = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    rle = {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")}
    area = int(np.count_nonzero(mask))
    return {"area": area, "share": area / mask.size, "box": box, "rle": rle}


def detect(
    picture: Upload,
    names: Phrases,
    threshold: float | None = None,
    model: str = loaded.DEFAULT_DETECTOR,
    request: gr.Request = None,
) -> tuple[dict, gr.FileData]:
    """Find every thing of these names, each with its box.

    Args:
        picture: the picture.
        names: what to look for, up to 12 names, separated by commas (or a list), such as: dog, cat.
        threshold: the least score of a box, 0 to 1; null: what the model's authors ask of it.
        model: a detection model by its name in /models.

    Returns:
        boxes, surest first: name, box (left, top, right, bottom in pixels) and score (0 to 1); width and height of the
        picture; model; notes.
        The picture with the boxes drawn on it.
    """
    asked = split(names)
    opened = picture_of(picture)
    detector = loaded.detection_model(here(model))
    found = detected(detector, opened, names, threshold=threshold, seen=session_of(request).seen)
    size, opened = opened.size, full_picture_of(picture, opened)
    scale = opened.image.width / size[0]
    palette = dict(zip(asked, colours(len(asked)), strict=True))
    drawn = draw_boxes(
        opened.image,
        [tuple(side * scale for side in thing.box) for thing in found],
        [f"{thing.name} {thing.score:.2f}" for thing in found],
        [palette[thing.name] for thing in found],
    )
    boxes = [{"name": thing.name, "box": list(thing.box), "score": thing.score} for thing in found]
    return _result(opened, model, size, boxes=boxes), picture_file(drawn, picture)


def attend(
    picture: Upload,
    question: str,
    word: str = "",
    method: str = "",
    layer: int = 0,
    head: int = 0,
    model: str = loaded.DEFAULT_CHAT,
    request: gr.Request = None,
) -> tuple[dict, gr.FileData]:
    """Answer a question about a picture and show where the model looked as it wrote one word of the answer.

    Args:
        picture: the picture.
        question: what to ask about it.
        word: a word of the answer as it stands there, or its number from 1; empty: the longest.
        method: how the map is made: {methods}; empty: patches, or attention where a layer or head is named.
        layer: a layer from 1, for methods that look at one; 0: the average of all.
        head: a head from 1, for methods that look at one; 0: the average of all.
        model: a chat model by its name in /models; a server's shows no maps.

    Returns:
        answer; words with their probability; word (the one looked at, its number from 1); method; layers and heads (how
        many there are); score against the truth where the picture is an example scene and the word or the question
        names one of its things (noun, mass: the map's share on it, area: its share of the picture, hit: whether the
        peak is on it), else null; statistics; width and height of the picture; model; notes.
        The picture, glowing where the model looked.
    """
    asked = checked_question(question)
    if method and method not in methods.METHODS:
        raise TaskError(f"There is no method {method!r}. Choose one of: {', '.join(methods.METHODS)}.")
    opened = picture_of(picture)
    looker = loaded.chat_model(here(model))
    trace = looked(looker, opened.image, asked, seen=session_of(request).seen)
    place = _place([item.text for item in trace.words], word)
    for number, count, what in ((layer, trace.layers, "layer"), (head, trace.heads, "head")):
        if not 0 <= number <= count:
            raise TaskError(f"There is no {what} {number}. Choose one from 1 to {count}, or 0 for the average of all.")
    if not method:
        method = "attention" if layer or head else believed(answer_maps(trace, looker))
    only = {"layer": layer - 1 if layer else None, "head": head - 1 if head else None}
    values = methods.explain(method, looker, trace, place, **only)
    result = {
        "answer": trace.answer.text.strip(),
        "words": [{"word": item.text, "probability": item.probability} for item in trace.words],
        "word": place + 1,
        "method": method,
        "layers": trace.layers,
        "heads": trace.heads,
        "score": _score(opened.image, [trace.words[place].text, asked], values),
        "statistics": figures(trace.answer.statistics),
    }
    shown = full_picture_of(picture, opened)
    return _result(shown, model, **result), picture_file(heatmap_over(enlarged(shown.image), values), picture)


attend.__doc__ = attend.__doc__.format(methods=", ".join(methods.METHODS))


def _place(words: list[str], wanted: str) -> int:
    """Which word of the answer is meant: by its text (case does not matter), its number from 1, or the longest."""
    if not words:
        raise TaskError("The model said nothing, so there is no word to look at. Ask something else.")
    wanted, lowered = wanted.strip(), [text.casefold() for text in words]
    if not wanted:
        return max(range(len(words)), key=lambda index: len(words[index]))
    if wanted.casefold() in lowered:
        return lowered.index(wanted.casefold())
    if wanted.isdecimal() and 1 <= int(wanted) <= len(words):
        return int(wanted) - 1
    raise TaskError(f"“{wanted}” is no word of the answer. It said: {' '.join(words)}.")


def _score(image: Image.Image, texts: list[str], values: np.ndarray) -> dict[str, Any] | None:
    """How well a map points at what the first of the texts names, where the truth about the picture is known."""
    truth = truth_of(image)
    noun = truth.named_in(texts) if truth else None
    return None if noun is None else {"noun": noun, **asdict(score(values, truth.mask(noun)))}
