"""The chat-completions API as it goes over the wire: messages to JSON, and what servers send back to pieces."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from playground.models.generation.detokenize import as_plain_text
from playground.models.messages import Message, Piece

if TYPE_CHECKING:
    from PIL import Image

RUNNERS_UP = 5
_LOSSLESS_PIXELS = 1_000_000
# Which marks the server's model obeys is not known here: everything of their shape is broken up.
_MARK = re.compile(r"<[^<>\s]{1,40}>|\[/?[A-Z_]{3,20}\]")


def as_sent(message: Message) -> dict[str, Any]:
    """A message in the words of the chat-completions API; special tokens that somebody typed are broken up."""
    text = as_plain_text(message.text, frozenset(_MARK.findall(message.text)))
    if not message.images:
        return {"role": message.role, "content": text}
    pictures = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in message.images]
    return {"role": message.role, "content": [*pictures, {"type": "text", "text": text}]}


def _data_url(image: Image.Image) -> str:
    """The pixels, and nothing else that the picture's file said: no place, no camera, no orientation."""
    plain = image.convert("RGB")
    plain.info = {}
    file = io.BytesIO()
    if plain.width * plain.height <= _LOSSLESS_PIXELS:
        plain.save(file, "PNG")
    else:
        plain.save(file, "JPEG", quality=95, subsampling=0)
    kind = "png" if file.getvalue().startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def pieces_of(choice: dict[str, Any]) -> Iterator[Piece]:
    """The pieces of one chunk: a piece for each token whose probability came with it, else one for its text.

    Where the tokens' own texts do not spell the chunk's (an incomplete character, an end mark), the last of them
    carries the text, those before it "". Thoughts that come before an answer are no part of it.
    """
    text = (choice.get("delta") or {}).get("content") or ""
    found = [] if thinking(choice) and not text else tokens(choice)
    if not found:
        if text:
            yield Piece(text, None, None, ())
        return
    own = [token.get("token") or "" for token in found]
    texts = own if "".join(own) == text else [*[""] * (len(own) - 1), text]
    for token, part in zip(found, texts, strict=True):
        others = [(other.get("token") or "", probability(other)) for other in token.get("top_logprobs") or ()]
        others = [(word, share) for word, share in others if share is not None and word != token.get("token")]
        number = token.get("id")  # llama.cpp alone says it
        others.sort(key=lambda pair: pair[1], reverse=True)
        yield Piece(part, number, probability(token), tuple(others[:RUNNERS_UP]))


def thinking(choice: dict[str, Any]) -> str:
    """What a chunk adds to the thoughts before an answer; servers name it in two ways."""
    delta = choice.get("delta") or {}
    return delta.get("reasoning_content") or delta.get("reasoning") or ""


def tokens(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The tokens of a choice with their probabilities, where the server sent them."""
    return (choice.get("logprobs") or {}).get("content") or []


def probability(token: dict[str, Any]) -> float | None:
    """A token's probability, 0 to 1."""
    value = token.get("logprob")
    return None if value is None else min(math.exp(value), 1.0)
