"""What each stage of a picture's way through a model is, in words and numbers; see `anatomy` beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.interpret.anatomy.hidden_states import ForwardRecord, HiddenStateRecorder, Layer
from playground.interpret.anatomy.parts import Parts, parameters

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PIXELS, PATCHES, VISION, PROJECTOR = "Pixels", "Patches", "Vision layers", "Projector"
TOKENS, ENCODER, LANGUAGE, NEXT = "Tokens among words", "Encoder layers", "Language layers", "Next word"


@dataclass(frozen=True, eq=False)
class Stage:
    """One stop of the way.

    name: for people. text: what happens here, in one to three sentences, with this model's numbers.
    shape: of what stands here, without a batch of one, and axes: what each of its numbers counts; both () where this
        family has no such stage, which `text` then says.
    parameters: weights of this part that no stage before has counted; all stages together have the model's.
    layers: what can be shown: one entry for each layer, or a single one; () where nothing stands here.
    """

    name: str
    text: str
    shape: tuple[int, ...] = ()
    axes: tuple[str, ...] = ()
    parameters: int = 0
    layers: tuple[Layer, ...] = ()

    @property
    def norm(self) -> float | None:
        """The mean length of the vectors that leave this stage; None where there are none."""
        return self.layers[-1].norm if self.layers else None


def stages_of(model: PreTrainedModel, parts: Parts, walk: ForwardRecord) -> tuple[Stage, ...]:
    """All stages in their order, from what a run left behind."""
    weights = _weights(model, parts)
    return (
        _pixels(walk),
        _patches(walk, weights[PATCHES]),
        _vision(walk, weights[VISION]),
        _projector(walk, weights[PROJECTOR]),
        _tokens(walk, parts, weights[TOKENS]),
        *([_encoder(walk, weights[ENCODER])] if parts.encoder is not None else []),
        _language(walk, parts, weights[LANGUAGE]),
        _next(walk, weights[NEXT]),
    )


def _weights(model: PreTrainedModel, parts: Parts) -> dict[str, int]:
    """How many weights each part has. Those that two parts share are counted once; what is in no part (the mark at
    the end of a row of image tokens) goes with the projector."""
    own = {
        PATCHES: parts.patching,
        PROJECTOR: parts.projector,
        VISION: (parts.tower,),
        TOKENS: (model.get_input_embeddings(),),
        ENCODER: () if parts.encoder is None else (parts.encoder,),
        NEXT: (parts.head,),
        LANGUAGE: (parts.decoder,),
    }
    counted: set[int] = set()
    found = {name: parameters(modules, counted) for name, modules in own.items()}
    found[PROJECTOR] += parameters((model,), counted)
    return found


def _pixels(walk: ForwardRecord) -> Stage:
    pixels = walk.inputs["pixel_values"].detach().float().cpu().numpy()
    shape = pixels.shape
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    axes = ("patches", "numbers") if len(shape) == 2 else ("views", "colours", "rows", "columns")[-len(shape) :]
    several = walk.views is not None and len(walk.views) > 1
    cut = f" It is cut into {len(walk.views)} views, one of them of the whole." if several else ""
    norms = np.linalg.norm(pixels, axis=-1 if pixels.ndim == 2 else -3).ravel()
    return Stage(
        PIXELS,
        "The picture is brought to the size that the model was taught with, and every colour becomes a number near 0: "
        f"that is all it reads.{cut}",
        tuple(shape),
        axes,
        layers=(Layer(norms),),
    )


def _patches(walk: ForwardRecord, weights: int) -> Stage:
    first, *_ = walk.vision.layers
    grid = f"{first.grid[0]} × {first.grid[1]} patches" if first.grid else "patches"
    extra = len(first.norms) - first.grid[0] * first.grid[1] if first.grid else 0
    before = " One more vector stands before them, to gather what the picture shows as a whole." if extra == 1 else ""
    return Stage(
        PATCHES,
        f"The picture is cut into {grid}, and one matrix turns the pixels of each into a vector of "
        f"{walk.vision.size:,} numbers; its place is added.{before}",
        walk.vision.shape,
        _axes(walk.vision),
        weights,
        (first,),
    )


def _vision(walk: ForwardRecord, weights: int) -> Stage:
    layers = tuple(walk.vision.layers[1:])
    looks = (
        "Each looks at its neighbours, and channels look at each other; between stages the grid is halved."
        if walk.vision.convolved
        else "In each every patch looks at the others and takes from them, so patches of one thing become alike."
    )
    return Stage(
        VISION,
        f"{_count(len(layers), 'layer')}. {looks}",
        walk.vision.last_shape,
        _axes(walk.vision),
        weights,
        layers,
    )


def _projector(walk: ForwardRecord, weights: int) -> Stage:
    if not walk.projected.layers:
        return Stage(
            PROJECTOR,
            "This model has none. The picture's vectors stay in their own space beside the words, and the language "
            "layers have cross-attention to look at them.",
            parameters=weights,
        )
    came, goes = walk.vision.layers[-1], walk.projected.layers[-1]
    fewer = len(came.norms) >= 2 * len(goes.norms)
    merged = f" It makes {len(goes.norms):,} tokens of {len(came.norms):,} patches." if fewer else ""
    if len(came.norms) - len(goes.norms) == 1:
        merged = " The vector before them is left out."
    return Stage(
        PROJECTOR,
        "The bridge from seeing to speaking: it turns each vector of the picture into one of the language model's "
        f"size, {walk.projected.shape[-1]:,} numbers, as if it were a word.{merged}",
        walk.projected.shape,
        _axes(walk.projected),
        weights,
        (goes,),
    )


def _tokens(walk: ForwardRecord, parts: Parts, weights: int) -> Stage:
    reading = walk.writing if parts.encoder is None else walk.reading
    pictures = sum(token.picture for token in walk.tokens)
    if walk.beside:
        text = (
            f"The {len(walk.tokens)} tokens of the question stand alone; the picture's {walk.beside:,} vectors wait "
            "beside them."
        )
    else:
        text = (
            f"The picture's {pictures:,} vectors stand in one row with the {len(walk.tokens) - pictures:,} tokens of "
            "the words around them. From here on the model treats both alike."
        )
    return Stage(TOKENS, text, reading.shape, _axes(reading, "tokens"), weights, tuple(reading.layers[:1]))


def _encoder(walk: ForwardRecord, weights: int) -> Stage:
    layers = tuple(walk.reading.layers[1:])
    looks = (
        "the words look at each other and, by cross-attention, at the picture"
        if walk.beside
        else "picture and words look at each other, in both directions"
    )
    return Stage(
        ENCODER,
        f"{_count(len(layers), 'layer')} that only read: {looks}. What writes the answer looks at what they give.",
        walk.reading.last_shape,
        _axes(walk.reading, "tokens"),
        weights,
        layers,
    )


def _language(walk: ForwardRecord, parts: Parts, weights: int) -> Stage:
    layers = tuple(walk.writing.layers[1:])
    if parts.encoder is not None:
        looks = "Each looks at the answer so far and, by cross-attention, at what the encoder read."
    elif walk.beside:
        looks = (
            "In each the words look at each other and then, by cross-attention, at the picture's "
            f"{walk.beside:,} vectors."
        )
    else:
        looks = "In each of them every token looks at those before it, words and picture alike (self-attention)."
    return Stage(
        LANGUAGE,
        f"{_count(len(layers), 'layer')}. {looks} Each adds something to every vector; the last one becomes the next "
        "word.",
        walk.writing.last_shape,
        _axes(walk.writing, "tokens"),
        weights,
        layers,
    )


def _next(walk: ForwardRecord, weights: int) -> Stage:
    words = len(walk.probabilities)
    shared = "" if weights else " It is the table of the words' own vectors, used backwards, so it has no new weights."
    return Stage(
        NEXT,
        f"The last vector is compared with all {words:,} tokens of the vocabulary. Each gets a probability; together "
        f"they are 1.{shared}",
        (words,),
        ("tokens of the vocabulary",),
        weights,
    )


def _axes(passage: HiddenStateRecorder, counted: str = "vectors") -> tuple[str, ...]:
    if passage.convolved:
        return ("views", "numbers", "rows", "columns")[-len(passage.shape) :]
    return ("views", counted, "numbers")[-len(passage.shape) :]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
