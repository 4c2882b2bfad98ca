"""Run a model once more over a prompt and the answer that it gave, to see what the answer's own run did not keep.

The answer is given, not chosen ("teacher forcing"), so one forward pass shows every token of it at once: the whole
squares of attention, gradients, the hidden states of the picture's tokens, or the probability that the same answer
would have had if the pictures had been others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from playground.models.families.registry import family_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image
    from transformers import PreTrainedModel
    from transformers.utils import ModelOutput

    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


@dataclass(frozen=True, eq=False)
class ForcedRun:
    """What one run over prompt and answer showed.

    logits: float32 (pieces, vocabulary); row t is what the t-th piece was chosen from.
    tokens: the ids that the decoder read (prompt and answer, or for Florence-2 the answer alone).
    rows: the position of the token that the first piece follows; piece t follows position rows + t.
    attention: one (1, heads, tokens, tokens) per layer of the decoder; a batch of one, because a gradient is taken by
        the very tensor. cross: one (1, heads, tokens, encoder tokens) per layer, empty where the picture stands in the
        prompt. encoder: one square per layer of a text encoder (Florence-2), else empty. All three are empty where
        they were not asked for.
    hidden: one (tokens, size) per layer of the decoder, its input first and its normalised output last; empty where
        it was not asked for.
    features: (1, tokens, size), what the vision tower handed over, at the positions that the layouts count; None where
        it was not asked for.
    """

    logits: torch.Tensor
    tokens: tuple[int, ...]
    rows: int
    attention: tuple[torch.Tensor, ...] = ()
    cross: tuple[torch.Tensor, ...] = ()
    encoder: tuple[torch.Tensor, ...] = ()
    hidden: tuple[torch.Tensor, ...] = ()
    features: torch.Tensor | None = None


def teacher_forced_forward(
    model: ChatModel,
    trace: Trace,
    *,
    attention: bool = False,
    hidden: bool = False,
    features: bool = False,
    gradients: bool = False,
) -> ForcedRun:
    """One teacher-forced run of a trace's answer, with what is asked for.

    attention: the squares of every layer, layers × heads × tokens² numbers. gradients: keep what is needed to
    differentiate the logits by the attention, the features, or what a hook makes a leaf. The model is used by nobody
    else meanwhile. Raises Stopped where the event of an open `playground.models.generation.stopping.stopped_by` is set.
    """
    import torch

    from playground.models.generation.stopping import alone

    inputs = forced_inputs(model, trace)
    caught: dict[str, torch.Tensor] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone(model.model, model.lock))
        stack.enter_context(torch.set_grad_enabled(gradients))
        if attention:
            stack.enter_context(_eager(model.model))
        if gradients and attention:
            stack.enter_context(_differentiable(model.model))
        if features:
            stack.enter_context(_caught_features(model.model, caught))
        found = _forward(
            model.model,
            inputs,
            output_attentions=attention,
            output_hidden_states=hidden,
            logits_to_keep=len(trace.pieces),
        )
    read = inputs.get("decoder_input_ids", inputs["input_ids"])[0].tolist()
    states = found.get("decoder_hidden_states") or found.get("hidden_states")
    squares = found.get("decoder_attentions") or found.get("attentions")
    return ForcedRun(
        found.logits[0].float(),
        tuple(read),
        len(read) - len(trace.pieces),
        attention=tuple(squares) if attention else (),
        cross=tuple(found.get("cross_attentions") or ()) if attention else (),
        encoder=tuple(found.get("encoder_attentions") or ()) if attention else (),
        hidden=tuple(layer[0] for layer in states) if hidden else (),
        features=caught.get("features"),
    )


def probabilities(
    model: ChatModel, trace: Trace, shown: Sequence[Sequence[Image.Image]], *, batch: int = 16
) -> np.ndarray:
    """How likely each piece of a trace's answer would have been over other pictures: float32 (runs, pieces).

    shown: for each run, pictures in place of the conversation's, of the same sizes and in the same order. batch: how
    many runs are computed together.
    """
    import torch

    from playground.models.generation.stopping import alone

    chosen = torch.tensor([piece.token_id for piece in trace.pieces], device=model.device)
    rows = []
    for start in range(0, len(shown), batch):
        each = [forced_inputs(model, trace, pictures) for pictures in shown[start : start + batch]]
        inputs = {name: torch.cat([one[name] for one in each]) for name in each[0]}
        with alone(model.model, model.lock), torch.inference_mode():
            logits = _forward(model.model, inputs, logits_to_keep=len(trace.pieces)).logits
        own = chosen.expand(len(each), -1)[..., None]
        rows.append(logits.float().log_softmax(-1).gather(-1, own)[..., 0].exp().cpu())
    return torch.cat(rows).numpy()


def forced_inputs(
    model: ChatModel, trace: Trace, pictures: Sequence[Image.Image] | None = None
) -> dict[str, torch.Tensor]:
    """The inputs of a run over the prompt and the answer but for its last token, which nothing follows.

    pictures: in place of the conversation's own.
    """
    inputs = dict(model.prepare(_with_pictures(trace, pictures)))
    prompt = inputs["input_ids"]
    answer = prompt.new_tensor([[piece.token_id for piece in trace.pieces[:-1]]], dtype=prompt.dtype)
    if model.model.config.is_encoder_decoder:
        settings = model.model.generation_config
        return inputs | {"decoder_input_ids": _joined(answer.new_tensor([[settings.decoder_start_token_id]]), answer)}
    family = family_of(model.model.config)
    prompt = prompt.new_tensor([family.tokens_read(model.model, prompt[0].tolist())])
    inputs["input_ids"] = _joined(prompt, answer)
    mask = inputs["attention_mask"][:, : prompt.shape[1]]
    inputs["attention_mask"] = _joined(mask, answer.new_ones(answer.shape))
    for kinds in ("token_type_ids", "mm_token_type_ids"):
        if kinds in inputs:
            inputs[kinds] = _joined(inputs[kinds], answer.new_full(answer.shape, family.answer_kind))
    return inputs


def pictures_of(trace: Trace) -> tuple[Image.Image, ...]:
    """The pictures that a trace's answer is about, in the order in which its layouts count them."""
    return tuple(image for message in trace.messages for image in message.images)


def _with_pictures(trace: Trace, pictures: Sequence[Image.Image] | None) -> list:
    if pictures is None:
        return list(trace.messages)
    waiting = iter(pictures)
    return [replace(message, images=tuple(next(waiting) for _ in message.images)) for message in trace.messages]


def _joined(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.cat([before, after.to(before.dtype)], dim=1)


def _forward(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor], **options: Any) -> ModelOutput:
    family = family_of(model.config)
    family.forget(model)
    return family.forward(model, inputs, options)


@contextlib.contextmanager
def _eager(model: PreTrainedModel) -> Iterator[None]:
    """Let the language model compute its attention in the open, where it can be read and differentiated."""
    from playground.models.attention import text_part

    part, before = text_part(model), model.config.get_text_config(decoder=True)._attn_implementation
    if part is None or before == "eager" or family_of(model.config).own_attention is not None:
        yield
        return
    model.set_attn_implementation({part: "eager"})
    try:
        yield
    finally:
        model.set_attn_implementation({part: before})


@contextlib.contextmanager
def _differentiable(model: PreTrainedModel) -> Iterator[None]:
    """Everything that is computed from words can be differentiated: the loader froze all weights."""
    weight = model.get_input_embeddings().weight
    before = weight.requires_grad
    weight.requires_grad_(True)
    try:
        yield
    finally:
        weight.requires_grad_(before)


@contextlib.contextmanager
def _caught_features(model: PreTrainedModel, caught: dict[str, torch.Tensor]) -> Iterator[None]:
    """Take the vision tower's features where the language model receives them, as a leaf of the graph."""
    name = "encoder_hidden_states" if family_of(model.config).beside else "inputs_embeds"

    def receive(module: torch.nn.Module, arguments: tuple, options: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        leaf = options[name].detach().requires_grad_()
        caught["features"] = leaf
        return arguments, options | {name: leaf}

    hook = reader(model).register_forward_pre_hook(receive, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def reader(model: PreTrainedModel) -> torch.nn.Module:
    """The part that reads the vision tower's features together with the words."""
    return family_of(model.config).reader(model)
