"""The chat-completions API as data: messages to JSON, and what servers send back to pieces.

Servers differ: a text may be a string, a list of parts or nothing; thoughts have names of their own, or stand before
the answer between `<think>` marks; a whole `message` may come where a `delta` was asked for.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from playground.models.messages import GeneratedToken, Message

if TYPE_CHECKING:
    from PIL import Image

RUNNERS_UP = 5
DONE = "playground_done"
"""The key of an event that stands for the end mark of a stream, see `playground.models.server.event_stream`."""
_LOSSLESS_PIXELS = 1_000_000
_OPEN, _CLOSE = "<think>", "</think>"
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_CLOSED_ALONE = re.compile(r"\A(?:(?:(?!<think>).)*?\n)?[ \t]*</think>[ \t]*(?:\n\s*|\Z)", re.DOTALL)
# What others call the reasons for which an answer ended.
_REASONS = {
    "max_tokens": "length",
    **dict.fromkeys(("safety", "prohibited_content", "blocklist", "recitation", "spii"), "content_filter"),
}


def as_sent(message: Message) -> dict[str, Any]:
    """A message in the words of the chat-completions API, every letter as it is: servers tell text from marks."""
    if not message.images:
        return {"role": message.role, "content": message.text}
    pictures = [{"type": "image_url", "image_url": {"url": _data_url(image)}} for image in message.images]
    return {"role": message.role, "content": [*pictures, {"type": "text", "text": message.text}]}


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


def choices_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices of a chunk or an answer, those that are some."""
    choices = event.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def usage_of(event: dict[str, Any]) -> dict[str, Any]:
    """What a chunk says about tokens that were read and written; empty where it says nothing."""
    usage = event.get("usage")
    return usage if isinstance(usage, dict) else {}


def text_of(choice: dict[str, Any]) -> str:
    """What a choice adds to the answer's text."""
    return _text(_said(choice).get("content") or choice.get("text"))


def thinking(choice: dict[str, Any]) -> str:
    """What a choice adds to the thoughts before an answer."""
    said = _said(choice)
    parts = said.get("content")
    thoughts = [said.get(name) for name in _THOUGHTS]
    if isinstance(parts, list):
        thoughts += [part.get("thinking") or part.get("reasoning") for part in parts if isinstance(part, dict)]
    return "".join(map(_text, thoughts))


def pieces_of(choice: dict[str, Any]) -> Iterator[GeneratedToken]:
    """The pieces of one chunk: a piece for each token whose probability came with it, else one for its text.

    Where the tokens' own texts do not spell the chunk's (an incomplete character, an end mark), the last of them
    carries the text, those before it "". Thoughts that come before an answer are no part of it.
    """
    text = text_of(choice)
    found = [] if thinking(choice) and not text else tokens(choice)
    if not found:
        if text:
            yield GeneratedToken(text, None, None, ())
        return
    own = [token.get("token") or "" for token in found]
    texts = own if "".join(own) == text else [*[""] * (len(own) - 1), text]
    for token, part in zip(found, texts, strict=True):
        others = [(other.get("token") or "", probability(other)) for other in _listed(token.get("top_logprobs"))]
        others = [(word, share) for word, share in others if share is not None and word != token.get("token")]
        number = token.get("id")  # llama.cpp alone says it
        others.sort(key=lambda pair: pair[1], reverse=True)
        yield GeneratedToken(part, number, probability(token), tuple(others[:RUNNERS_UP]))


def tokens(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """The tokens of a choice with their probabilities, where the server sent them."""
    told = choice.get("logprobs")
    return _listed(told.get("content") if isinstance(told, dict) else None)


def _listed(found: Any) -> list[dict[str, Any]]:
    """The objects of a list; none of anything else."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def probability(token: dict[str, Any]) -> float | None:
    """A token's probability, 0 to 1."""
    value = token.get("logprob")
    return min(math.exp(value), 1.0) if isinstance(value, int | float) and not math.isnan(value) else None


@dataclass
class Ending:
    """How an answer ends, gathered from its chunks.

    reason: what the server calls it ("stop", "length", …), "" where it has not said; refusal, error: its words.
    thought: whether the model thought before, or in place of, an answer. chose: whether there were choices, empty ones
    even: what sends none speaks another language.
    """

    reason: str = ""
    refusal: str = ""
    error: Any = None
    thought: bool = False
    chose: bool = False

    def read(self, event: dict[str, Any]) -> None:
        """Take in one chunk."""
        self.chose = self.chose or "choices" in event
        for choice in choices_of(event):
            self.error = self.error or choice.get("error")
            self.refusal += _text(_said(choice).get("refusal"))
            reason = str(choice.get("finish_reason") or "")
            self.reason = self.reason or _REASONS.get(reason.lower(), reason)
            self.thought = self.thought or bool(thinking(choice))
        if event.get(DONE) and not self.reason:
            self.reason = "stop"


@dataclass
class Thoughts:
    """Leaves out thoughts that stand between `<think>` and `</think>` before an answer, piece by piece.

    A text that only has such marks further on is the answer's own, and stays as it is.
    """

    any: bool = False
    _state: Literal["before", "inside", "behind", "answer"] = "before"
    _held: list[GeneratedToken] = field(default_factory=list)
    _text: str = ""

    def visible(self, piece: GeneratedToken) -> list[GeneratedToken]:
        """What of the answer can be shown now."""
        if self._state == "answer":
            return [piece]
        self._text += piece.text
        if self._state == "before":
            self._held.append(piece)
            begun = self._text.lstrip()
            if _OPEN.startswith(begun):
                return []
            if not begun.startswith(_OPEN):
                return self.rest()
            self._state, self.any, self._held, self._text = "inside", True, [], begun[len(_OPEN) :]
        if self._state == "inside":
            _, mark, behind = self._text.partition(_CLOSE)
            self._state, self._text = ("behind", behind) if mark else ("inside", self._text[-len(_CLOSE) :])
        if self._state == "inside" or not self._text.strip():
            return []
        self._state = "answer"
        return [replace(piece, text=self._text.lstrip())]

    def rest(self) -> list[GeneratedToken]:
        """What was held back and turned out to be the answer."""
        held, self._held, self._state = self._held, [], "answer"
        return held


def behind_thoughts(pieces: list[GeneratedToken]) -> list[GeneratedToken]:
    """The pieces of the answer behind thoughts that end in `</think>` on a line of its own and begin with no mark.

    Templates that write the opening mark into the prompt leave the model to write the closing one alone.
    """
    text = "".join(piece.text for piece in pieces)
    found = _CLOSED_ALONE.match(text) if _CLOSE in text else None
    start, kept = found.end() if found else 0, []
    for piece in pieces:
        if start < len(piece.text) or not start:
            kept.append(replace(piece, text=piece.text[start:]) if start else piece)
        start = max(0, start - len(piece.text))
    return kept


def count(value: Any) -> int | None:
    """A number of tokens as a server tells it; None where it is none."""
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _whole(text: str) -> str:
    """The text without halves of letters (lone surrogates), which nothing can write down."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _said(choice: dict[str, Any]) -> dict[str, Any]:
    """What a choice says, a part of it or the whole."""
    said = choice.get("delta") or choice.get("message")
    return said if isinstance(said, dict) else {}


def _text(content: Any) -> str:
    """A text, however it is sent: by itself, as a part, or as a list of parts; thoughts and pictures are none."""
    if isinstance(content, str):
        return content if content.isascii() else _whole(content)
    if isinstance(content, list):
        return "".join(map(_text, content))
    if isinstance(content, dict) and content.get("type", "text") in ("text", "output_text"):
        return _text(content.get("text"))
    return ""
