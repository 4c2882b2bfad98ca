"""The listening point in the language model: an attention function that lets a listener see its weights.

The output is always computed by scaled-dot-product attention. Only while somebody listens, the softmax row
of the last query is computed beside it: the row that produced the next token. `output_attentions=True` would
keep the whole square of every layer instead, and returns nothing at all under SDPA.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "playground_capture"
Listener = Callable[[int, torch.Tensor], None]

_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("attention_listener", default=None)


@contextlib.contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """While this context is open in this thread, call `listener(layer, row)` once per layer and forward pass.

    row: float32 (heads, keys), the attention of the last query over all keys so far; it sums to 1 over keys.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def plug_in(model: PreTrainedModel) -> str | None:
    """Make the language model of `model` attend through this file; returns None, or the reason why not."""
    text = model.config.get_text_config(decoder=True)
    part = next((key for key in model.config.sub_configs if getattr(model.config, key) is text), None)
    if part is None or getattr(model.config, "is_encoder_decoder", False):
        return "Its language model is no separate decoder, so its attention to the picture cannot be read."
    windowed = getattr(text, "sliding_window", None) and getattr(text, "use_sliding_window", True)
    kinds = set(getattr(text, "layer_types", None) or ["sliding_attention" if windowed else "full_attention"])
    if kinds != {"full_attention"}:
        return "Some of its layers do not see the whole input, so there is no complete attention map."
    if text._attn_implementation != "sdpa":
        return f"It runs with {text._attn_implementation} attention, whose weights cannot be read."
    try:
        model.set_attn_implementation({part: NAME})
    except ValueError:
        return "Its attention function cannot be exchanged, so its weights cannot be read."
    return None


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **options,
) -> tuple[torch.Tensor, None]:
    listener = _listener.get()
    if listener is not None:
        listener(module.layer_idx, _last_row(query, key, attention_mask, scaling))
    return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)


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


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, sdpa_mask)  # under the same name, or the mask is silently dropped
