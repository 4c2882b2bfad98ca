"""The listening point in a model: an attention function that lets a listener see its weights.

The output is always computed by scaled-dot-product attention. Only while somebody listens, the softmax row
of the last query is computed beside it: the row that produced the next token. `output_attentions=True` would
keep the whole square of every layer instead, and returns nothing at all under SDPA. BLIP's decoder knows no other
attention function than its own, which computes its weights in any case: there they are taken as they come out.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from functools import partial

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from playground.models.families.base import WhichSequence
from playground.models.families.registry import family_of

NAME = "playground_capture"
Listener = Callable[[int, torch.Tensor, WhichSequence], None]
Watcher = Callable[[torch.nn.Module, torch.Tensor], None]
Substitute = Callable[..., "torch.Tensor | None"]

_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("attention_listener", default=None)
_watcher: contextvars.ContextVar[Watcher | None] = contextvars.ContextVar("attention_watcher", default=None)
_substitute: contextvars.ContextVar[Substitute | None] = contextvars.ContextVar("attention_substitute", default=None)
_NOT_SEPARATE = "Its language model is no separate decoder, so its attention to the picture cannot be read."
# What the layers of a model may see: everything before, or only the nearest part of it.
_SEEING = {"full_attention", "sliding_attention", "chunked_attention"}


@contextlib.contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """While this context is open in this thread, call `listener(layer, row, sequence)` for every forward pass.

    row: float32 (heads, keys), the attention of the last query over all keys so far; it sums to 1 over keys. A layer
    that sees only the nearest part of the sequence may have fewer keys: they are the last ones.
    sequence: what the keys are, as in ImageLayout: "prompt" for the tokens that the answer continues, "encoder" for
    the states that a decoder looks at by cross-attention. A decoder that does both reports both of each layer.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """While this context is open in this thread, call `watcher(module, weights)` for every layer that is plugged in.

    weights: float32 (batch, heads, queries, keys), all of them: for short runs of an encoder.
    """
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


@contextlib.contextmanager
def attending(substitute: Substitute) -> Iterator[None]:
    """While this context is open in this thread, let `substitute` compute the attention of every layer plugged in.

    It is called as `substitute(module, query, key, value, mask, scale)` and gives (batch, heads, queries, size), or
    None for a layer that is computed as ever. query: (batch, heads, queries, size); key and value may have fewer heads.
    mask: bool (True is seen) or added to the scores, None where a decoder sees all before and an encoder everything.
    """
    token = _substitute.set(substitute)
    try:
        yield
    finally:
        _substitute.reset(token)


def is_plugged_in(model: PreTrainedModel) -> bool:
    """Whether all layers of the language model attend through this file."""
    text = model.config.get_text_config(decoder=True)
    return not model.config.is_encoder_decoder and text._attn_implementation == NAME


def plug_in(model: PreTrainedModel) -> str | None:
    """Make the language model of `model` attend through this file; returns None, or the reason why not."""
    if (own := family_of(model.config).own_attention) is not None:
        return _hook_in(own(model))
    text, part = model.config.get_text_config(decoder=True), text_part(model)
    if part is None:
        return _NOT_SEPARATE
    if not set(getattr(text, "layer_types", None) or _SEEING) <= _SEEING:
        return "Some of its layers work without attention, so there is no complete attention map."
    return _exchange(model, part)


def text_part(model: PreTrainedModel) -> str | None:
    """The name of the language model's config within the model's own; None where it is no separate part."""
    text = model.config.get_text_config(decoder=True)
    return next((key for key in model.config.sub_configs if getattr(model.config, key) is text), None)


def plug_in_vision(model: PreTrainedModel) -> str | None:
    """Make the vision tower of `model` attend through this file, for `watching`; returns None, or why not."""
    return _exchange(model, "vision_config")


def _exchange(model: PreTrainedModel, part: str) -> str | None:
    kind = getattr(model.config, part)._attn_implementation
    if kind == NAME:
        return None
    if kind != "sdpa":
        return f"It runs with {kind} attention, whose weights cannot be read."
    try:
        model.set_attn_implementation({part: NAME})
    except ValueError:
        return "Its attention function cannot be exchanged, so its weights cannot be read."
    return None


def _hook_in(modules: list[tuple[torch.nn.Module, WhichSequence]]) -> str | None:
    for module, sequence in modules:
        module.register_forward_hook(partial(_overhear, sequence=sequence))
    return None if modules else _NOT_SEPARATE


def _overhear(module: torch.nn.Module, arguments: tuple, output: tuple, *, sequence: WhichSequence) -> None:
    listener = _listener.get()
    if listener is not None:
        listener(module.layer_idx, output[1][0, :, -1].float(), sequence)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options,
) -> tuple[torch.Tensor, None]:
    listener, watcher = _listener.get(), _watcher.get()
    if listener is not None and (sequence := _sequence(module)):
        listener(module.layer_idx, _last_row(query, key, attention_mask, scaling), sequence)
    if watcher is not None:
        watcher(module, _weights(query, key, attention_mask, scaling))
    if (substitute := _substitute.get()) is not None:
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        if (found := substitute(module, query, key, value, attention_mask, scale)) is not None:
            return found.transpose(1, 2).contiguous(), None
    return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)


def _sequence(module: torch.nn.Module) -> WhichSequence | None:
    """What a layer's keys are; None in an encoder, whose queries are no words of an answer."""
    if not getattr(module, "is_decoder", True) or getattr(module, "layer_idx", None) is None:
        return None
    return "encoder" if hasattr(module, "is_decoder") and not module.is_causal else "prompt"


def _last_row(query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scaling: float | None) -> torch.Tensor:
    """Softmax of the last query over all keys, (heads, keys), float32. Causality hides no key from it."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    # Several heads may share one head of keys (grouped-query attention): group them instead of copying the keys.
    grouped = query[0, :, -1].unflatten(0, (key.shape[1], -1))
    scores = (grouped @ key[0].transpose(1, 2)).flatten(0, 1).float() * scale
    if mask is not None:
        row = mask[0, :, -1, : key.shape[2]]
        scores = scores.masked_fill(~row, float("-inf")) if row.dtype == torch.bool else scores + row
    return scores.softmax(-1)


def _weights(query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scaling: float | None) -> torch.Tensor:
    """Softmax of all queries over all keys, (batch, heads, queries, keys), float32; what is masked has 0."""
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = (query @ key.transpose(2, 3)).float() * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1).nan_to_num(0.0)


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, sdpa_mask)  # under the same name, or the mask is silently dropped
