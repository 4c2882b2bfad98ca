"""PaliGemma (Beyer et al. 2024, arXiv:2407.07726): a SigLIP tower before Gemma, taught tasks by their words.

It comes without a chat template and reads one message with pictures before it, as it stands, so its task words work
(`caption en`, `detect cat`, `ocr`); a question is asked as `answer en …`, an empty message means `caption en`
(appendix B). It reads picture and prompt in both directions and only the answer from left to right, so what follows
changes what came before: the token types say which is which, and a conversation cannot be continued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.models.families.base import Family
from playground.models.layout.patches import one_grid
from playground.models.prompt_text import asked_for, plain

if TYPE_CHECKING:
    from transformers import ProcessorMixin

    from playground.models.messages import Message


def _task(processor: ProcessorMixin, message: Message) -> str:
    text = asked_for(message, "caption en", "describe en")
    text = plain(processor, text, allowed=r"<(loc\d{4}|seg\d{3})>") or "caption en"
    asked = f"answer en {text}" if text.endswith("?") and not text.startswith("answer ") else text
    return processor.image_token * len(message.images) + asked


PALIGEMMA = Family(
    "PaliGemma",
    ("paligemma",),
    pictures=(1, None),
    without_template=_task,
    answer_kind=1,
    encoding="stacked",
    views=one_grid,
    cache_miss_reason="It reads its prompt in both directions, so what follows changes what came before.",
)
