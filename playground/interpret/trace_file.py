"""A trace as one file, to be looked at elsewhere and without the model that gave it.

The file is a safetensors file, so reading one from a stranger runs nothing: the attention and the pictures (as PNG) are
its tensors, and everything else is JSON in its metadata.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from playground.imaging.opening import MAX_PIXELS
from playground.interpret.recorder import Rows
from playground.interpret.trace import Trace, Word
from playground.models.layout.positions import ImageLayout
from playground.models.messages import Answer, GeneratedToken, Message, Statistics

FORMAT = "playground.trace.1"
LARGEST = 48_000_000
"""Attention of more bytes than this is written in 8 bits a number."""


def save_trace(trace: Trace, path: str | Path) -> Path:
    """Write a trace, its pictures included; returns the path.

    Attention of up to `LARGEST` bytes is written as it is. More is written in 8 bits a number, on a scale of sixteen
    steps to each halving: a share is then off by 2.2 % of itself and 1.6e-5 at most. A model of 30 layers and 9
    heads, 1,200 image tokens and 100 new tokens make 33 MB so. Raises OSError where the file cannot be written.
    """
    from safetensors.numpy import save_file

    kept = {"attention": trace.attention} | ({"text": trace.text} if trace.text is not None else {})
    narrow = sum(rows.codes.nbytes for rows in kept.values()) > LARGEST
    tensors = {f"{name}.scales": np.ascontiguousarray(rows.scales) for name, rows in kept.items()}
    for name, rows in kept.items():
        tensors[f"{name}.codes"] = _looked_up(_TO_BYTES, rows.codes) if narrow else np.ascontiguousarray(rows.codes)
    for place, image in enumerate(trace.images):
        tensors[f"image.{place}"] = np.frombuffer(_png(image), np.uint8)
    save_file(tensors, str(path), metadata={"format": FORMAT, "trace": json.dumps(_described(trace))})
    return Path(path)


def load_trace(path: str | Path) -> Trace:
    """Read a trace that `save_trace` wrote.

    Raises ValueError, with a sentence, for any other file; OSError for none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata.get("format") != FORMAT:
            raise ValueError("it was not written by save_trace")
        return _built(json.loads(metadata["trace"]), tensors)
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{Path(path).name} is no trace that can be read here: {error}.") from error


def _described(trace: Trace) -> dict[str, Any]:
    """Everything but attention and pictures, as JSON has it."""
    return {
        "model": trace.model,
        "question": trace.question,
        "text": trace.answer.text,
        "statistics": trace.answer.statistics.as_record(),
        "words": [asdict(word) for word in trace.words],
        "pieces": [asdict(piece) for piece in trace.pieces],
        "layouts": [asdict(layout) for layout in trace.layouts],
        "messages": [
            {"role": message.role, "text": message.text, "images": len(message.images)} for message in trace.messages
        ],
        "image_sizes": trace.image_sizes,
        "text_tokens": trace.text_tokens,
        "leans": trace.leans,
    }


def _built(described: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Trace:
    pieces = tuple(_piece(piece) for piece in described["pieces"])
    attention = _rows(tensors, "attention")
    layouts = tuple(_layout(layout) for layout in described["layouts"])
    if attention.shape[0] != len(pieces) or attention.shape[-1] != sum(len(layout.tokens) for layout in layouts):
        raise ValueError("its attention does not fit its words and pictures")
    sizes = tuple((width, height) for width, height in described["image_sizes"])
    messages = _messages(described["messages"], tensors)
    # A map is as large as its picture: a forged size could ask for any amount of memory.
    if sizes != tuple(image.size for message in messages for image in message.images):
        raise ValueError("its pictures do not have the sizes that it names")
    return Trace(
        tuple(Word(word["text"], tuple(word["pieces"]), word["probability"]) for word in described["words"]),
        pieces,
        layouts,
        attention,
        *attention.shape[1:3],
        Answer(described["text"], pieces, Statistics.of_record(described["statistics"])),
        sizes,
        messages,
        _rows(tensors, "text") if "text.codes" in tensors else None,
        tuple(described["text_tokens"]),
        described["model"],
        _leans(described),
    )


def _leans(described: Mapping[str, Any]) -> tuple[float, ...]:
    """How each word leans on the picture; () in a file that was written before anybody knew."""
    leans = tuple(float(lean) for lean in described.get("leans", ()))
    if leans and not (len(leans) == len(described["words"]) and all(0 <= lean <= 1 for lean in leans)):
        raise ValueError("it does not say for each of its words how much it leans on the picture")
    return leans


def _rows(tensors: Mapping[str, np.ndarray], name: str) -> Rows:
    codes, scales = tensors[f"{name}.codes"], tensors[f"{name}.scales"]
    if codes.ndim != 4 or codes.dtype not in (np.uint8, np.uint16) or scales.shape != codes.shape[:3]:
        raise ValueError("its attention is not laid out as a trace's")
    return Rows(_looked_up(_FROM_BYTES, codes) if codes.dtype == np.uint8 else codes, scales.astype(np.float32))


def _piece(piece: Mapping[str, Any]) -> GeneratedToken:
    others = tuple((text, probability) for text, probability in piece["runners_up"])
    return GeneratedToken(piece["text"], piece["token_id"], piece["probability"], others)


def _layout(layout: Mapping[str, Any]) -> ImageLayout:
    rows, columns = layout["grid"]
    boxes = tuple(tuple(box) for box in layout["boxes"])
    if not len(boxes) == len(layout["tokens"]) == rows * columns:
        raise ValueError("one of its grids does not have as many tokens as places")
    return ImageLayout(tuple(layout["tokens"]), boxes, layout["image"], (rows, columns), layout["sequence"])


def _messages(described: list[Mapping[str, Any]], tensors: Mapping[str, np.ndarray]) -> tuple[Message, ...]:
    messages, start = [], 0
    for message in described:
        end = start + message["images"]
        pictures = tuple(_picture(tensors[f"image.{place}"]) for place in range(start, end))
        messages.append(Message(message["role"], message["text"], pictures))
        start = end
    return tuple(messages)


def _png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    (image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else image.convert("RGB")).save(data, "PNG")
    return data.getvalue()


def _picture(data: np.ndarray) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data.tobytes()), formats=["PNG"])
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("one of its pictures is too large")
        image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError("one of its pictures is damaged") from error
    return image


def _looked_up(table: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Piece by piece: an index of all at once would take eight bytes a number."""
    found = np.empty(codes.shape, table.dtype)
    for piece, values in enumerate(codes):
        found[piece] = table[values]
    return found


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """From 16 bits to 8 and back: 0 stays 0, and 255 down to 1 are sixteenths of a halving."""
    halvings = np.log2(65535 / np.arange(1, 65536))
    narrow = np.concatenate([[0], np.clip(255 - np.rint(16 * halvings), 1, 255)]).astype(np.uint8)
    wide = np.concatenate([[0], np.rint(65535 * 2 ** ((np.arange(1, 256) - 255) / 16))]).astype(np.uint16)
    return narrow, wide


_TO_BYTES, _FROM_BYTES = _tables()
