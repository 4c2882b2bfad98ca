"""What a language model thinks of given answers: its logits where answers stand in packed talks."""

from __future__ import annotations

import torch
from torch.nn import functional as F
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


def answer_log_probabilities(
    vlm: LlavaForConditionalGeneration, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """log p of every whole answer, and its length in tokens; both (answers,), row after row.

    ``batch`` holds what `answer_logits` takes. Answers are the runs of tokens that have a weight.
    """
    logits, target = answer_logits(vlm, **batch)
    each = logits.log_softmax(-1).gather(-1, target[:, None])[:, 0]
    wanted = F.pad(batch["weights"] > 0, (1, 0))  # (rows, tokens + 1): a run begins where it changes to True
    begins = wanted[:, 1:] & ~wanted[:, :-1]
    number = begins.flatten().cumsum(0).view_as(begins)[wanted[:, 1:]] - 1
    none = each.new_zeros(int(begins.sum()))
    return none.index_add(0, number, each), none.index_add(0, number, torch.ones_like(each))
