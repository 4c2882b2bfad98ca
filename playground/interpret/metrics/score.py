"""How good a map is: the honest figures to show beside it, against the mask of the thing it should point at.

`python -m playground maps` prints the table of all methods (see `table` beside this). What a blind map would score is
in `baselines`, what needs no mask in `faithfulness` and `sanity`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MapScore:
    """All scores of one map against one mask, each 0 to 1.

    hit: the pointing game (`pointing_hit`), 0 or 1, and for the mean of many maps the share that hits. mass:
    `mass_inside`. best_iou, otsu_iou: the functions of these names.
    area: the mask's share of the picture, which is what `mass` would be by chance.
    """

    hit: float
    mass: float
    best_iou: float
    otsu_iou: float
    area: float


def score_map(values: np.ndarray, mask: np.ndarray) -> MapScore:
    """All scores of a map (height, width) against a mask of the same size; ValueError where the sizes differ."""
    measured = (score(values, mask) for score in (pointing_hit, mass_inside, best_iou, otsu_iou))
    return MapScore(*measured, float(mask.astype(bool).mean()))


def pointing_hit(values: np.ndarray, mask: np.ndarray) -> bool:
    """Whether the highest place of a map (height, width) lies inside the mask (the pointing game, Zhang 2016).

    A map of patches is highest on a whole patch: its middle counts. A map that is zero everywhere points
    nowhere. Raises ValueError when the two differ in size.

    Example:
        >>> pointing_hit(np.array([[0.25, 0.25], [0.0, 0.5]]), np.array([[False, False], [False, True]]))
        True
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

    Example:
        >>> mass_inside(np.array([[0.25, 0.25], [0.0, 0.5]]), np.array([[False, True], [False, True]]))
        0.75
    """
    mask = _same_size(values, mask)
    total = float(values.sum())
    return float(values[mask].sum()) / total if total > 0 else 0.0


def best_iou(values: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union of mask and map at the threshold that suits the mask best, 0 to 1.

    The most that a map (height, width) could give, since the threshold is chosen with the mask in sight. Places that
    have 0 are never selected. Raises ValueError when the two differ in size.
    """
    mask = _same_size(values, mask)
    order = levels(values).ravel()
    positive = values.ravel() > 0
    if not positive.any():
        return 0.0
    selected = np.bincount(order[positive])[::-1].cumsum()
    inside = np.bincount(order[positive & mask.ravel()], minlength=len(selected))[::-1].cumsum()
    return float((inside / (selected + mask.sum() - inside)).max())


def otsu_iou(values: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union of the mask and what lies above the map's Otsu threshold, 0 to 1.

    What a map (height, width) gives without knowing the mask. A map that is zero everywhere selects nothing, one that
    is the same everywhere selects everything. Raises ValueError when the two differ in size.
    """
    mask = _same_size(values, mask)
    if values.max() <= 0:
        return 0.0
    selected = values >= otsu_threshold(values)
    return float((selected & mask).sum() / (selected | mask).sum())


def otsu_threshold(values: np.ndarray, bins: int = 256) -> float:
    """The threshold that parts a map's values into two groups that differ most (Otsu 1979).

    Of all edges of a histogram of `bins` the one with the largest variance between the groups, each value at or above
    it in the upper one; the middle one of several that are as good. The value itself where all are the same.
    (`skimage.filters.threshold_otsu` takes the first of those, which for a map of few values is next to the lower one.)
    """
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        return low
    counts, edges = np.histogram(values.astype(np.float64), bins)
    middles = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()[:-1] / counts.sum()
    mean_below = (counts * middles).cumsum()[:-1] / counts.sum()
    mean = float((counts * middles).sum() / counts.sum())
    between = np.square(mean * below - mean_below) / (below * (1 - below))
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1:-1][best[len(best) // 2]])


def levels(values: np.ndarray) -> np.ndarray:
    """The order of a map's values, int of the same shape, 0 for the lowest; what differs by rounding alone is level.

    The pixels of a patch have one value but for the last bits of float32; they are told apart by nothing.
    """
    logarithms = np.log(values, out=np.full(values.shape, -np.inf), where=values > 0)
    return np.unique(logarithms.round(4), return_inverse=True)[1].reshape(values.shape)


def _same_size(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if values.shape != mask.shape:
        raise ValueError(f"The map has the size {values.shape} and the mask {mask.shape}; they must be equal.")
    return mask.astype(bool)
