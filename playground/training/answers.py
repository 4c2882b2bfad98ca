"""What a language model thinks of given answers: its logits where answers stand in packed talks."""

from __future__ import annotations

import torch
from transformers import LlavaForConditionalGeneration


def answer_logits(
    vlm: LlavaForConditionalGeneration,
    pixels: torch.Tensor,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor,
    weights: torch.Tensor,
    attention_mask: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Next-token logits at every answer token, and the tokens that stand there.

    ``pixels`` (rows, 3, side, side), the rest as ``Packer.pack`` makes it; answer tokens are those with a weight.
    Returns float32 (answer tokens, vocabulary) and int64 (answer tokens,), row after row.
    """
    hidden = vlm.model(
        pixel_values=pixels,
        input_ids=input_ids,
        position_ids=position_ids,
        attention_mask=attention_mask,
        use_cache=False,
    ).last_hidden_state
    wanted = weights[:, 1:] > 0
    return vlm.lm_head(hidden[:, :-1][wanted]).float(), input_ids[:, 1:][wanted]
