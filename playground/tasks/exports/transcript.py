"""A talk as a file: JSON that any chat server takes and that is read back, or Markdown with its pictures beside it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from playground.imaging.addresses import is_written_out, read_out
from playground.imaging.opening import MediaError, open_picture
from playground.models.messages import Message
from playground.tasks import TaskError, whole_text
from playground.tasks.exports.markdown import portable_markdown

if TYPE_CHECKING:
    from PIL import Image

LIMIT = 400
"""The most messages of a file that are read."""
_SPEAKERS = {"user": "You", "assistant": "Model", "system": "System prompt"}
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_WANTED = 'A talk is JSON of the form {"messages": [{"role": "user", "content": "…"}, …]}, as this page saves it.'


def as_json(messages: Sequence[Message], **request: Any) -> str:
    """The talk as the body of a chat-completions request, pictures as data URLs of lossless PNG.

    request: what else the body shall say, for example model="moji-vlm", temperature=0.0; see the documentation of
        the OpenAI API or of vLLM's server. The words are exactly those of the talk; a server that obeys special
        tokens in them would obey these too.
    """
    body = {**request, "messages": [_sendable(message) for message in messages]}
    return json.dumps(body, ensure_ascii=False, indent=2)


def from_json(text: str | bytes) -> tuple[Message, ...]:
    """The talk of a file that `as_json` wrote, or of any list of messages in that form.

    Raises:
        TaskError: no JSON, not of this form, more than `LIMIT` messages, or a picture that is an address.
        MediaError: a picture that cannot be used.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise TaskError(f"The file is no JSON. {_WANTED}") from None
    listed = body.get("messages") if isinstance(body, dict) else body
    if not isinstance(listed, list) or not listed:
        raise TaskError(f"The file holds no talk. {_WANTED}")
    if len(listed) > LIMIT:
        raise TaskError(f"The talk has {len(listed):,} messages; up to {LIMIT} are read. Shorten it.")
    return tuple(_message(item, place) for place, item in enumerate(listed, 1))


def as_markdown(
    messages: Sequence[Message], *, speakers: Sequence[str] = (), footers: Sequence[str] = (), folder: str = "pictures"
) -> str:
    """The talk for people to read; its pictures are linked as `folder`/1.png, 2.png … in the order of the talk.

    speakers: who says each message (default: You, Model, System prompt). footers: small print under each, "" for
        none. Tags that somebody typed are shown; the Markdown of an answer is Markdown here too.
    """
    blocks, shown = ["# A talk about pictures"], 0
    for place, message in enumerate(messages):
        speaker = speakers[place] if place < len(speakers) else _SPEAKERS[message.role]
        blocks.append(f"## {portable_markdown(speaker)}")
        for _ in message.images:
            shown += 1
            blocks.append(f"![picture {shown}]({folder}/{shown}.png)")
        blocks.append(portable_markdown(message.text))
        if place < len(footers) and footers[place]:
            blocks.append(f"*{portable_markdown(footers[place])}*")
    return "\n\n".join(blocks) + "\n"


def as_zip(messages: Sequence[Message], **options: Any) -> bytes:
    """A ZIP archive with `as_markdown` as talk.md and the pictures as pictures/1.png …; options: those of it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("talk.md", as_markdown(messages, **options))
        pictures = [image for message in messages for image in message.images]
        for number, image in enumerate(pictures, 1):
            archive.writestr(f"pictures/{number}.png", png(image), zipfile.ZIP_STORED)
    return file.getvalue()


def png(image: Image.Image) -> bytes:
    """The pixels as a PNG file, and nothing else that the picture's own file said: no place, no camera."""
    plain = image.convert("RGB")
    plain.info = {}
    file = io.BytesIO()
    plain.save(file, "PNG")
    return file.getvalue()


def _sendable(message: Message) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": message.text}
    urls = [f"data:image/png;base64,{base64.b64encode(png(image)).decode()}" for image in message.images]
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": message.role, "content": [*pictures, {"type": "text", "text": message.text}]}


def _message(item: Any, place: int) -> Message:
    """One message of a stranger's file; `place` counts from 1."""
    role = _ROLES.get(str(item.get("role"))) if isinstance(item, dict) else None
    if role is None:
        raise TaskError(f"Message {place} has no role of user, assistant or system. {_WANTED}")
    content = item.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise TaskError(f"Message {place} has no content that can be read. {_WANTED}")
    words = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    pictures = tuple(_picture(part, place) for part in parts if part.get("type") == "image_url")
    return Message(role, whole_text("\n".join(words), f"Message {place}"), pictures)


def _picture(part: dict[str, Any], place: int) -> Image.Image:
    address = part.get("image_url")
    address = address.get("url") if isinstance(address, dict) else address
    if not is_written_out(str(address)):
        raise TaskError(
            f"Message {place} shows a picture by its address; addresses are not fetched. Put the picture itself into "
            "the file, as a data URL in base64."
        )
    try:
        data = read_out(str(address))
    except MediaError as error:
        raise TaskError(f"Message {place}: {error}") from None
    return open_picture(data).image
