"""How good a map is: the honest figures to show beside it, against the mask of the thing it should point at."""

from __future__ import annotations

import numpy as np


def pointing_hit(values: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the highest place of a map (height, width) lies inside the mask (the pointing game, Zhang 2016).

    A map of patches is highest on a whole patch: its middle counts. A map that is zero everywhere points
    nowhere. Raises ValueError when the two differ in size.
    """
    mask = _same_size(values, mask)
    if values.max() <= 0:
        return False
    highest = np.argwhere(np.isclose(values, values.max(), rtol=1e-4))
    middle = highest[np.square(highest - highest.mean(axis=0)).sum(axis=1).argmin()]
    return bool(mask[tuple(middle)])


def mass_inside(values: np.ndarray, mask: np.ndarray) -> float:
    """The share of a map (height, width) that lies inside the mask, 0 to 1; by chance it is the mask's own share.

    A map that is zero everywhere has no share anywhere: 0. Raises ValueError when the two differ in size.
    """
    mask = _same_size(values, mask)
    total = float(values.sum())
    return float(values[mask].sum()) / total if total > 0 else 0.0


def _same_size(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if values.shape != mask.shape:
        raise ValueError(f"The map has the size {values.shape} and the mask {mask.shape}; they must be equal.")
    return mask.astype(bool)
