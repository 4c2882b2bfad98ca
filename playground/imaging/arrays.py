"""Arrays and tensors, as programs hold pictures, to pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from playground.imaging.errors import MediaError
from playground.imaging.levels import extremes, levels_of

_CHANNELS = (1, 2, 3, 4)


def is_tensor(source: Any) -> bool:
    """Whether this is a torch tensor; torch is not imported for that."""
    return type(source).__module__.partition(".")[0] in ("torch", "torchvision") and hasattr(source, "detach")


def from_tensor(tensor: Any) -> tuple[Image.Image, tuple[str, ...]]:
    """A torch tensor on any device as a picture; see `from_array`. Where both orders fit, channels come first.

    Raises:
        MediaError: what `from_array` raises, and for a tensor without values (on the device "meta").
    """
    try:
        plain = tensor.detach().cpu()
        plain = plain.dequantize() if plain.is_quantized else plain
        plain = (plain if str(plain.layout) == "torch.strided" else plain.to_dense()).resolve_neg().resolve_conj()
        values = (plain.float() if plain.is_floating_point() else plain).numpy()
    except Exception as error:  # torch has kinds of tensors that hold no values, and kinds that NumPy has not
        first = str(error).strip().split("\n")[0]
        raise MediaError(
            f"A tensor of {tensor.dtype} on the device “{tensor.device}” cannot be read ({first}). Give one of uint8, "
            "or of floats from 0 to 1."
        ) from error
    return from_array(values, channels_first=True)


def from_array(values: np.ndarray, *, channels_first: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """An array as a picture (L, LA, RGB or RGBA), and notes on how its values were read.

    Args:
        values: (H, W), (H, W, C) or (C, H, W) with 1 to 4 channels: grey, grey and alpha, RGB, RGBA; a leading batch
            of one is taken off. uint8 as it is; bool; floats from 0 to 1; other numbers by what they reach, see
            `playground.imaging.levels`.
        channels_first: which order is meant where both fit.

    Raises:
        MediaError: another shape, a batch of several, no pixel, or values that are no numbers.
    """
    shape = values.shape
    if values.ndim == 4 and shape[0] > 1:
        raise MediaError(f"An array of shape {shape} is a batch of {shape[0]} pictures. Hand them over one by one.")
    if values.ndim == 4:
        values = values[0]
    if values.ndim == 3:
        values = _channels_last(values, channels_first)
    if values is None or values.ndim not in (2, 3) or 0 in shape:
        raise MediaError(
            f"An array of shape {shape} is no picture: (height, width), or with 1, 3 or 4 channels last or first."
        )
    if values.dtype.kind not in "biuf":
        raise MediaError(f"An array of {values.dtype} is no picture: use uint8, uint16, bool or floats from 0 to 1.")
    pixels, notes = _bytes(values)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return Image.fromarray(np.ascontiguousarray(pixels)), notes


def _channels_last(values: np.ndarray, channels_first: bool) -> np.ndarray | None:
    first, last = values.shape[0] in _CHANNELS, values.shape[2] in _CHANNELS
    if first and (channels_first or not last):
        return np.moveaxis(values, 0, -1)
    return values if last else None


def _bytes(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    if values.dtype == np.uint8:
        return values, ()
    if values.dtype == bool:
        return values.astype(np.uint8) * 255, ()
    floats = values.dtype.kind == "f"
    low, high = extremes(values)
    levels = levels_of(low, high, floats=floats, natural=65535 if values.dtype == np.uint16 else None)
    rows = max(1, 4_000_000 // max(1, values[0].size))  # in parts: a float32 copy of all would be four times as large
    pixels = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), rows):
        pixels[start : start + rows] = levels.applied(values[start : start + rows])
    notes = [levels.note] if levels.note else []
    if floats and not all(np.isfinite(values[start : start + rows]).all() for start in range(0, len(values), rows)):
        notes.append("Values that are no numbers were made black or white.")
    return pixels, tuple(notes)
