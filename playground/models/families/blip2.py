"""BLIP-2 (Li et al. 2023, arXiv:2301.12597) and InstructBLIP (Dai et al. 2023, arXiv:2305.06500).

A query transformer draws a few tokens out of the picture, which stand before the words. Its processor puts their marks
there by itself. BLIP-2 continues what it is given: nothing for a caption, and a question as its authors asked it,
`Question: … Answer:`. InstructBLIP reads a message as it stands. Maps and continued conversations are switched off.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from playground.models.families.base import Family
from playground.models.prompt_text import asked_for, plain

if TYPE_CHECKING:
    from transformers import ProcessorMixin

    from playground.models.messages import Message

_SETTINGS = {"num_query_tokens": attrgetter("num_query_tokens")}


def _continued(processor: ProcessorMixin, message: Message) -> str:
    text = plain(processor, asked_for(message, "", "")).strip()
    return f"Question: {text} Answer:" if text.endswith("?") and not text.startswith("Question:") else text


def _instructed(processor: ProcessorMixin, message: Message) -> str:
    return plain(processor, message.text)


BLIP2 = Family("BLIP-2", ("blip-2",), pictures=(1, 1), without_template=_continued, processor_settings=_SETTINGS)
INSTRUCTBLIP = Family(
    "InstructBLIP", ("instructblip",), pictures=(1, 1), without_template=_instructed, processor_settings=_SETTINGS
)
