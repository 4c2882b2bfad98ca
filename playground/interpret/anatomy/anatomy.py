"""A picture's way through a chat model, stage by stage: from pixels to the probabilities of the next word.

One run of the model as it answers, with hooks on its own modules: nothing is computed anew, so what is shown is what
happened.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.imaging.opening import Source, open_picture
from playground.interpret.anatomy.hidden_states import ForwardRecord, Grid, HiddenStateRecorder, Likely, Token
from playground.interpret.anatomy.parts import Parts, parts_of
from playground.interpret.anatomy.stages import Stage, stages_of
from playground.models.families.registry import family_of
from playground.models.messages import Message

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import nn

    from playground.models.chat import ChatModel

_LENS_WORDS, _NEXT_WORDS = 5, 10


class NoAnatomy(ValueError):
    """A model's inside cannot be walked through; the message says why."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The way of one picture and one question through one model.

    stages: in their order; only a family with an encoder for words has "Encoder layers".
    views: uint8 (views, height, width, 3), the picture as the model reads it, several where it was cut into tiles;
        None where it is not known here. shown: which of them the layers of the vision encoder are shown for.
    tokens: the sequence that the words stand in. beside: how many vectors of the picture stand beside it, to be looked
        at by cross-attention; 0 where they stand in it.
    probabilities: float32 (vocabulary,), of the token that comes next; they sum to 1. likely: the likeliest of them.
    notes: what was done to the picture as it was opened, one sentence each.
    """

    model: str
    question: str
    stages: tuple[Stage, ...]
    views: np.ndarray | None
    shown: int
    tokens: tuple[Token, ...]
    beside: int
    probabilities: np.ndarray
    likely: Likely
    notes: tuple[str, ...] = ()

    def stage(self, name: str) -> Stage | None:
        """The stage of this name, such as "Projector"; None where there is none."""
        return next((stage for stage in self.stages if stage.name == name), None)


def anatomy(model: ChatModel, image: Source, question: str, *, stop: threading.Event | None = None) -> Anatomy:
    """Run the model up to the first word of its answer and keep what can be shown of every stage.

    Of a picture that is cut into tiles, the vision encoder is shown for the view of the whole. Florence-2 has to begin
    with a fixed token: for it the next word is the one after that. stop: ends it, within a layer.
    Raises NoAnatomy where the model is on a server, where its parts are not known, or where it was stopped; and what
    `ChatModel.prepare` raises.
    """
    if not hasattr(model, "model"):
        raise NoAnatomy("The model runs on a server, which does not show what goes on inside it.")
    try:
        parts = parts_of(model.model)
    except ValueError as error:
        raise NoAnatomy(str(error)) from error
    picture = open_picture(image)
    walk = _walk(model, parts, picture.image, question, stop)
    return Anatomy(
        model.name,
        question,
        stages_of(model.model, parts, walk),
        walk.views,
        walk.view % len(walk.views) if walk.views is not None else 0,
        walk.tokens,
        walk.beside,
        walk.probabilities,
        walk.likely,
        picture.notes,
    )


def _walk(
    model: ChatModel, parts: Parts, image: Image.Image, question: str, stop: threading.Event | None
) -> ForwardRecord:
    from playground.interpret.anatomy.pixels import as_read
    from playground.interpret.encoder_attention import patch_grid, reading_order

    messages = [Message("user", question, (image,))]
    inputs = model.prepare(messages)
    view = family_of(model.model.config).whole_view
    grid = patch_grid(model.model, inputs)
    order = reading_order(model.model, inputs, grid) if grid else None
    lens = partial(_words_after, model, parts)
    vision, reading = HiddenStateRecorder(grid, order, view), HiddenStateRecorder()
    projected = HiddenStateRecorder(_token_grid(model, inputs, image, view) or grid, None, view)
    writing = HiddenStateRecorder(likely=lens)
    logits: list[torch.Tensor] = []
    with contextlib.ExitStack() as hooks:
        hooks.enter_context(vision.follow(parts.tower_layers))
        hooks.enter_context(reading.follow(parts.encoder_layers))
        hooks.enter_context(writing.follow(parts.decoder_layers))
        if parts.projector:
            # A projector that is part of the tower gives its tokens in an order that the tower then puts right.
            last = parts.tower if parts.inside else parts.projector[0]
            hooks.enter_context(_overheard(last, lambda output: projected.take(_features(output))))
        hooks.enter_context(_overheard(parts.writer, lambda output: logits.append(output.logits[0, -1].detach())))
        model.generate(messages, max_new_tokens=1 + (_forced(model) is not None), stop=stop)
    if not logits:
        raise NoAnatomy("It was stopped before the first word.")
    probabilities = logits[-1].float().softmax(-1)
    tokens = _tokens(model, inputs)
    beside = vision.layers[-1].norms.size if not any(token.picture for token in tokens) else 0
    likely = _likeliest(model, probabilities, _NEXT_WORDS)
    views = as_read(model.processor.image_processor, inputs)
    walked = (vision, projected, reading, writing)
    return ForwardRecord(inputs, views, view, *walked, tokens, beside, probabilities.cpu().numpy(), likely)


@contextlib.contextmanager
def _overheard(part: nn.Module, listen: Callable[[Any], None]) -> Iterator[None]:
    """While this is open, hand what the module gives in this thread to `listen`."""
    here = threading.get_ident()

    def leave(module: nn.Module, arguments: tuple, output: Any) -> None:
        if threading.get_ident() == here:
            listen(output)

    hook = part.register_forward_hook(leave)
    try:
        yield
    finally:
        hook.remove()


def _features(output: Any) -> torch.Tensor:
    """The projected vectors in what a projector, or a tower that has one, gives."""
    pooled = getattr(output, "pooler_output", None)
    found = output if pooled is None else pooled
    return found[0] if isinstance(found, tuple | list) else found


def _forced(model: ChatModel) -> int | None:
    """The token that every answer of this model has to begin with; None where it is free."""
    return model.model.generation_config.forced_bos_token_id


def _token_grid(model: ChatModel, inputs: Mapping[str, torch.Tensor], image: Image.Image, view: int) -> Grid | None:
    """Rows and columns of the shown view's image tokens; None where they are not known here."""
    from playground.models.layout.positions import NoLayout, image_layouts

    try:
        layouts = image_layouts(model.model, model.processor, inputs, [image])
    except NoLayout:
        return None
    grid_view = family_of(model.model.config).grid_view
    return layouts[view if grid_view is None else grid_view].grid


def _tokens(model: ChatModel, inputs: Mapping[str, torch.Tensor]) -> tuple[Token, ...]:
    from playground.models.generation.detokenize import token_text
    from playground.models.layout.positions import image_positions

    family = family_of(model.model.config)
    ids = family.tokens_read(model.model, inputs["input_ids"][0].tolist())
    pictures = set() if family.beside else set(image_positions(model.model, inputs))
    texts = {number: token_text(model.processor.tokenizer, number) for number in set(ids)}
    return tuple(Token(texts[number], place in pictures) for place, number in enumerate(ids))


def _words_after(model: ChatModel, parts: Parts, state: torch.Tensor) -> Likely:
    """What one vector (size,) of the decoder would become if no layer followed (logit lens, nostalgebraist 2020)."""
    norm = getattr(parts.decoder, "norm", None)  # BLIP's and BART's layers end with a norm of their own
    state = state[None] if norm is None else norm(state[None])
    weight = next(parts.head.parameters())
    logits = parts.head(state.to(weight.device, weight.dtype))
    return _likeliest(model, logits[0].float().softmax(-1), _LENS_WORDS)


def _likeliest(model: ChatModel, probabilities: torch.Tensor, count: int) -> Likely:
    from playground.models.generation.detokenize import token_text

    best = probabilities.topk(min(count, len(probabilities)))
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return tuple((token_text(model.processor.tokenizer, number), value) for number, value in pairs)
