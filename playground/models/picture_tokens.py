"""How many tokens a picture costs, how long they take, and a limit for both.

Families turn a large picture into more tokens in their own ways: patches at the picture's own size (Qwen-VL, Pixtral),
tiles (SmolVLM, InternVL), or the best of a list of resolutions (LLaVA-NeXT). Each has a setting of its own for the
most; `limit` turns "so many tokens" into it. Families with a fixed number (LLaVA-1.5, PaliGemma, BLIP) have none.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import PreTrainedModel, ProcessorMixin

    from playground.models.base import LocalChat
    from playground.models.messages import Message

DEFAULTS = {"cpu": 2048, "mps": 4096, "cuda": 16384}
"""The most tokens a picture of any size may cost where nothing is chosen, by the kind of device."""


@dataclass(frozen=True)
class PictureTokens:
    """What one picture costs.

    size: (width, height) in pixels. tokens: with the limit. unlimited: as the checkpoint's own settings have it.
    """

    size: tuple[int, int]
    tokens: int
    unlimited: int

    @property
    def limited(self) -> bool:
        """Whether the limit makes a difference."""
        return self.tokens < self.unlimited

    def __str__(self) -> str:
        """Such as "4032 × 3024 → 15,552 tokens, limited to 2,028"."""
        said = f"{self.size[0]} × {self.size[1]} → {self.unlimited:,} tokens"
        return f"{said}, limited to {self.tokens:,}" if self.limited else said


@dataclass(frozen=True)
class Forecast:
    """What a message will cost before its answer begins.

    pictures: each of them. prompt_tokens: words and pictures, as far as it can be told without preparing them.
    seconds: to the first token; unlimited_seconds: the same without the limit.
    """

    pictures: tuple[PictureTokens, ...]
    prompt_tokens: int
    seconds: float
    unlimited_seconds: float

    def __str__(self) -> str:
        """One sentence for people: tokens, time, and what the limit saves."""
        whole = sum(picture.unlimited for picture in self.pictures)
        own = sum(picture.tokens for picture in self.pictures)
        shown = f"{self.pictures[0].size[0]} × {self.pictures[0].size[1]}" if len(self.pictures) == 1 else None
        shown = shown or f"{len(self.pictures)} pictures"
        said = f"{shown} → {whole:,} tokens, {duration(self.unlimited_seconds)}"
        if own < whole:
            said += f"; limited to {own:,} → {duration(self.seconds)}"
        return f"{said}."


def duration(seconds: float) -> str:
    """A time for people, which is a guess: "under a second", "about 12 seconds", "about 9 minutes"."""
    if seconds < 1:
        return "under a second"
    number, unit = (seconds, "second") if seconds < 100 else (seconds / 60, "minute")
    return f"about {number:.0f} {unit}{'s' * (round(number) != 1)}"


def default_limit(processor: ProcessorMixin, device: torch.device) -> int | None:
    """The most tokens for families that take a picture at its own size; None for the others, whose tiles are few."""
    kind = _kind(processor)
    return DEFAULTS.get(device.type) if kind in (_area, _patches) else None


def limit(model: PreTrainedModel, processor: ProcessorMixin, most: int) -> str | None:
    """Let a picture cost no more than so many tokens; returns None, or a sentence that says why that cannot be.

    The settings of this processor (and for LLaVA-NeXT of the model's config) are changed, so that all that reads them
    agrees. A limit below the fewest tokens of a family is met as nearly as it can be.
    """
    kind = _kind(processor)
    if kind is None:
        return "Every picture costs it the same number of tokens, whatever its size: there is nothing to limit."
    kind(model, processor, max(1, most))
    return None


def _kind(processor: ProcessorMixin) -> Callable[[Any, Any, int], None] | None:
    """What limits the pictures of this processor; None where their tokens are fixed."""
    pictures = getattr(processor, "image_processor", None)
    size = getattr(pictures, "size", None) or {}
    if getattr(pictures, "merge_size", None) and size.get("longest_edge") and size.get("shortest_edge"):
        return _area
    if getattr(pictures, "max_image_size", None) is not None and hasattr(pictures, "do_image_splitting"):
        return _splitting
    if getattr(pictures, "max_patches", None) is not None:
        return _tiles
    if getattr(pictures, "image_grid_pinpoints", None):
        return _resolutions
    if "pixtral" in type(pictures).__name__.lower():
        return _patches
    if getattr(pictures, "do_pan_and_scan", None) or getattr(processor, "images_kwargs", {}).get("do_pan_and_scan"):
        return _no_crops
    return None


def _area(model: Any, processor: Any, most: int) -> None:
    """Qwen-VL: its size is an area in pixels, the least and the most; a token is a square of merged patches."""
    pictures = processor.image_processor
    token = (pictures.patch_size * pictures.merge_size) ** 2
    least, largest = pictures.size["shortest_edge"], pictures.size["longest_edge"]
    largest = min(largest, most * token)
    pictures.size = type(pictures.size)(shortest_edge=min(least, largest), longest_edge=largest)


def _splitting(model: Any, processor: Any, most: int) -> None:
    """Idefics3 and SmolVLM: a picture of n × n tiles at most, and the view of the whole."""
    pictures = processor.image_processor
    side, each = pictures.max_image_size["longest_edge"], processor.image_seq_len
    now = max(1, round(pictures.size["longest_edge"] / side))
    tiles = next((n for n in range(now, 1, -1) if (n * n + 1) * each <= most), 1)
    if tiles < now:
        pictures.size = type(pictures.size)(longest_edge=tiles * side)
    if tiles == 1:
        pictures.do_image_splitting = False


def _tiles(model: Any, processor: Any, most: int) -> None:
    """InternVL and Cohere2Vision: so many tiles, and where there are several the view of the whole."""
    pictures = processor.image_processor
    each = getattr(processor, "image_seq_length", None) or processor.patch_size**2
    tiles = max(1, min(pictures.max_patches, most // each - 1))
    pictures.max_patches, pictures.min_patches = tiles, min(pictures.min_patches, tiles)


def _resolutions(model: Any, processor: Any, most: int) -> None:
    """LLaVA-NeXT and LLaVA-OneVision: the resolutions whose tiles and whole cost no more; the smallest one at least."""
    config, pictures = model.config, processor.image_processor
    tile, patch = config.vision_config.image_size, config.vision_config.patch_size
    each = (tile // patch) ** 2
    ratio = getattr(config, "vision_aspect_ratio", "").removeprefix("anyres_max_")

    def cost(resolution: Sequence[int]) -> int:
        tiles = math.prod(side // tile for side in resolution)
        tiles = min(tiles, int(ratio)) if ratio.isdecimal() else tiles
        return each * (1 + tiles) + resolution[0] // patch  # a mark after each row

    points = sorted(map(list, config.image_grid_pinpoints), key=cost)
    kept = [point for point in points if cost(point) <= most] or points[:1]
    config.image_grid_pinpoints = pictures.image_grid_pinpoints = kept


def _patches(model: Any, processor: Any, most: int) -> None:
    """Pixtral and Mistral 3: the longer side, so that a square costs no more."""
    pictures = processor.image_processor
    patch = processor.patch_size * getattr(processor, "spatial_merge_size", 1)
    longest = max(1, math.isqrt(most)) * patch
    if longest < pictures.size["longest_edge"]:
        pictures.size = type(pictures.size)(longest_edge=longest)


def _no_crops(model: Any, processor: Any, most: int) -> None:
    """Gemma 3 with pan and scan: the whole picture, and as many crops of it as there is room for."""
    pictures = processor.image_processor
    crops = max(0, most // processor.image_seq_length - 1)
    for options in (vars(pictures), getattr(processor, "images_kwargs", {})):
        if options.get("do_pan_and_scan") and crops < (options.get("pan_and_scan_max_num_crops") or 4):
            options |= {"pan_and_scan_max_num_crops": crops} if crops > 1 else {"do_pan_and_scan": False}


def count(processor: ProcessorMixin, size: tuple[int, int]) -> int | None:
    """The tokens of a picture of (width, height), its marks included; None where its processor does not tell.

    That is a private part of the processors of transformers, made for servers; where it is gone nothing is told.
    """
    told = getattr(processor, "_get_num_multimodal_tokens", None)
    try:
        if told is None:  # SmolVLM
            views, *_ = processor.image_processor.get_number_of_image_patches(*size[::-1], {})
            return max(1, int(views)) * processor.image_seq_len
        return int(told(image_sizes=[size[::-1]])["num_image_tokens"][0])
    except Exception:  # whatever it is: the number is a courtesy
        return None


def picture_tokens(chat: LocalChat, image: Image.Image) -> PictureTokens | None:
    """What a picture costs this model, and would cost without the limit; None where that cannot be told."""
    tokens = count(chat.processor, image.size)
    if tokens is None:
        return None
    whole = count(chat.unlimited, image.size) if chat.unlimited is not None else tokens
    return PictureTokens(image.size, tokens, max(tokens, whole or tokens))


def forecast(chat: LocalChat, messages: Sequence[Message]) -> Forecast | None:
    """What a conversation will cost up to its answer's first token; None where it shows no picture, or cannot be told.

    The time comes from the answers that this model gave before, else from the number of its weights and a measured
    product of matrices: it is right within a factor of two or so.
    """
    pictures = [picture_tokens(chat, image) for message in messages for image in message.images]
    if not pictures or None in pictures:
        return None
    words = sum(len(chat.processor.tokenizer(message.text)["input_ids"]) for message in messages)
    own, whole = (sum(getattr(each, name) for each in pictures) + words for name in ("tokens", "unlimited"))
    return Forecast(tuple(pictures), own, chat.pace * reckoned(chat, own), chat.pace * reckoned(chat, whole))


def reckoned(chat: LocalChat, tokens: int) -> float:
    """Seconds that reading a prompt of so many tokens, nearly all of pictures, should take."""
    model = chat.model
    text = model.config.get_text_config(decoder=True)
    encoder = model.get_encoder("image")
    seeing = sum(weight.numel() for weight in encoder.parameters()) if encoder is not model else 0
    # The table of words is looked up, not multiplied; a token of a picture is made of some four patches.
    reading = sum(weight.numel() for weight in model.parameters()) - seeing - text.vocab_size * text.hidden_size
    squares = 4 * text.num_hidden_layers * text.hidden_size * tokens / 2
    return tokens * (2 * max(reading, 0) + 4 * 2 * seeing + squares) / _speed(str(model.device), model.dtype)


@functools.cache
def _speed(device: str, dtype: torch.dtype) -> float:
    """Multiplications and additions a second, measured once in some 50 ms on a product as a prompt needs it."""
    import torch

    with torch.inference_mode():
        rows, matrix = (
            torch.ones(512, 1024, dtype=dtype, device=device),
            torch.ones(1024, 1024, dtype=dtype, device=device),
        )
        times = []
        for _ in range(4):
            begun = time.perf_counter()
            float((rows @ matrix)[0, 0])  # waits for the device
            times.append(time.perf_counter() - begun)
    return 2 * 512 * 1024 * 1024 / min(times)
