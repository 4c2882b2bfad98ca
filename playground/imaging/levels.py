"""Values beyond 8 bits (16-bit grey, 12 bits in 16, 32-bit integers, floats) to grey from 0 to 255.

Which value is white is told by the data, since files rarely say it: the least usual bit depth that holds all values. A
camera's 12 bits in a file of 16 would else come out black.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_DEPTHS = (1, 8, 10, 12, 14, 16)
_FLOAT32 = 1e37  # values below this, and their differences, are numbers in float32 too


@dataclass(frozen=True)
class Levels:
    """Which values are black and white; note: a sentence where that is not what the kind of data says by itself."""

    black: float
    white: float
    note: str = ""

    def applied(self, values: np.ndarray) -> np.ndarray:
        """uint8 of the same shape; what is no number is black. Values are worked on in float32 where they fit."""
        kind = np.float32 if max(abs(self.black), abs(self.white)) < _FLOAT32 else np.float64
        with np.errstate(invalid="ignore", over="ignore"):
            scaled = np.subtract(values, kind(self.black), dtype=kind)
            scaled *= kind(255 / (self.white - self.black))
            np.clip(scaled, 0, 255, out=scaled)
        scaled += np.float32(0.5)
        return np.nan_to_num(scaled, copy=False, nan=0.0).astype(np.uint8)


def levels_of(low: float, high: float, *, floats: bool, natural: float | None) -> Levels:
    """The levels for data from `low` to `high`.

    floats: whether the data is of real numbers; then 0 to 1 is natural. natural: what white is where all is usual:
        65,535 of 16-bit data, None where nothing is (32-bit integers).
    """
    if floats and low >= 0 and high <= 1:
        return Levels(0.0, 1.0)
    if low < 0 or high > 65535 or (floats and high > 255):
        note = (
            f"The picture's values run from {low:,.5g} to {high:,.5g}: they were stretched to run from black to white."
        )
        return _stretched(low, high, note)
    white = 255.0 if floats else next(float(2**bits - 1) for bits in _DEPTHS if high < 2**bits)
    if white == natural or high == 0:
        return Levels(0.0, white)
    reach = "go up to" if high == white else "reach only"
    return Levels(0.0, white, f"The picture's values {reach} {high:,.5g}: {white:,.0f} was taken as white.")


def _stretched(low: float, high: float, note: str) -> Levels:
    """From black to white; data of one value is black. Both stay where their difference is a number."""
    if high <= low:
        return Levels(low, float("inf"), note)
    most = float(np.finfo(np.float64).max) / 4
    return Levels(max(low, -most), min(high, most), note)


def extremes(values: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value that is a number; (0, 0) where there is none."""
    if np.issubdtype(values.dtype, np.floating):
        values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
