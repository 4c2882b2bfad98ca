"""Encoded pictures, kept so that the next question about the same picture need not encode it again."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch
    from PIL import Image

Encoding = TypeVar("Encoding")


class ImageFeatureCache:
    """What models made of the pictures of one session, by content, the longest unused dropped first.

    Make one a session and let it go with the session. Safe to use from several threads; two that meet the same
    new picture at once both encode it.
    """

    def __init__(self, limit_mb: int = 512) -> None:
        """limit_mb: the most that is kept, in megabytes of tensors; what alone is larger is not kept."""
        self.limit = limit_mb * 1_000_000
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """The bytes of all tensors that are kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Any | None:
        """What was kept under this `key_of`, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Hashable, encoding: Any) -> None:
        """Keep tensors, or dicts and sequences of them, under this key; others go where there is no room."""
        size = _nbytes(encoding)
        with self._lock:
            if key in self._kept:
                self._bytes -= self._kept.pop(key)[1]
            if size > self.limit:
                return
            self._kept[key] = (encoding, size)
            self._bytes += size
            while self._bytes > self.limit:
                self._bytes -= self._kept.popitem(last=False)[1][1]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def key_of(model: torch.nn.Module, image: Image.Image) -> Hashable:
    """The key of a picture for this very model: its size and the SHA-256 of its pixels as RGB, which models read.

    The model is held weakly: no cache keeps weights in memory, and no other model answers to a dead one's key.
    """
    pixels = image if image.mode == "RGB" else image.convert("RGB")
    return weakref.ref(model), image.size, hashlib.sha256(pixels.tobytes()).digest()


def encoded(
    seen: ImageFeatureCache | None,
    model: torch.nn.Module,
    image: Image.Image,
    encode: Callable[[Image.Image], Encoding],
) -> Encoding:
    """`encode(image)`, or what it gave before for the same pixels; always anew where `seen` is None."""
    if seen is None:
        return encode(image)
    key = key_of(model, image)
    found = seen.get(key)
    if found is None:
        found = encode(image)
        seen.keep(key, found)
    return found


def _nbytes(encoding: Any) -> int:
    """The memory that tensors hold: a view holds all of what it is a view of, once."""
    storages: dict[int, int] = {}
    waiting = [encoding]
    while waiting:
        item = waiting.pop()
        if hasattr(item, "untyped_storage"):
            storages[item.untyped_storage().data_ptr()] = item.untyped_storage().nbytes()
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)
    return sum(storages.values())
