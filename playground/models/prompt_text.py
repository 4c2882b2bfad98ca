"""A message's text on its way into a prompt: typed marks broken up, and the chat template around it.

Known to the families, which ask in their own ways, and to `playground.models.prompt`, which asks in the usual one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, ProcessorMixin

    from playground.models.messages import Message

# What the app and the tasks ask for, and what Moji was taught: a short and a detailed description.
DESCRIBE = ("describe the picture.", "describe the picture in detail.")


def control_tokens(processor: ProcessorMixin) -> frozenset[str]:
    """The texts that mean more to this model than their letters: end marks, places of images, role marks …"""
    tokenizer = processor.tokenizer
    added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    places = (value for key, value in vars(processor).items() if key.endswith("_token"))
    tokens = {*tokenizer.all_special_tokens, *added, *places}
    return frozenset(token for token in tokens if isinstance(token, str) and len(token.strip()) > 1)


def as_plain_text(text: str, control: frozenset[str]) -> str:
    """Break every control token in `text` with a space after its first character: `<image>` → `< image>`."""
    longest_first = sorted(control, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)
    while pattern.search(text):
        text = pattern.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)
    return text


def chat_template(processor: ProcessorMixin) -> str | dict[str, str] | None:
    """The template that turns a conversation into one text: the processor's own, else its tokenizer's."""
    own = getattr(processor, "chat_template", None)
    return own or getattr(getattr(processor, "tokenizer", None), "chat_template", None)


def pictures_of(messages: Sequence[Message]) -> list[Image.Image]:
    """Only pictures reach a processor, no paths or addresses: it would fetch them."""
    return [image for message in messages for image in message.images]


def plain(processor: ProcessorMixin, text: str, allowed: str = r"(?!)") -> str:
    """The text with its special tokens broken up, but for those that the pattern `allowed` matches."""
    control = control_tokens(processor)
    return as_plain_text(text, frozenset(token for token in control if not re.fullmatch(allowed, token)))


def asked_for(message: Message, *described: str) -> str:
    """The message's text; in place of a request for a description the words that a family was taught for it."""
    text = message.text.strip()
    return dict(zip(DESCRIBE, described, strict=True)).get(text, text)


def through_template(processor: ProcessorMixin, messages: Sequence[Message], **options) -> BatchFeature | str:
    """A conversation as its chat template writes it; options: of `apply_chat_template`.

    Raises ValueError with the template's own words where it refuses the conversation.
    """
    from jinja2 import TemplateError

    conversation = []
    for message in messages:
        pictures = [{"type": "image", "image": image} for image in pictures_of([message])]
        text = {"type": "text", "text": plain(processor, message.text)}
        conversation.append({"role": message.role, "content": [*pictures, text]})
    borrowed = None if getattr(processor, "chat_template", None) else chat_template(processor)
    try:
        return processor.apply_chat_template(
            conversation, chat_template=borrowed, **{"add_generation_prompt": True, **options}
        )
    except TemplateError as error:  # for example, Gemma's template wants user and assistant by turns
        raise ValueError(f"Its chat template says: {error}.") from error
