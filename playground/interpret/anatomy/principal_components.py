"""Vectors as colours: what is alike in a layer gets the same colour, by its three principal components.

Pearson 1901, "On lines and planes of closest fit"; to look at the patches of vision transformers so is usual since
Oquab et al. 2023 (DINOv2), arXiv:2304.07193.
"""

from __future__ import annotations

import numpy as np


def principal(vectors: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """The three directions in which vectors (count, size) differ most: float32 (count, 3), of mean 0.

    like: what an earlier layer gave for the same places. Components have no sign and no fixed order among equals, so
    colours would jump from layer to layer: they are turned, all together, to lie as near to it as can be (orthogonal
    Procrustes, Schönemann 1966). Vectors of less than three numbers have zeros for what is missing.
    """
    centred = np.asarray(vectors, np.float64) - np.mean(vectors, axis=0)
    # The eigenvectors of the smaller square are found much sooner than the singular values of a long table.
    _, directions = np.linalg.eigh(centred.T @ centred)
    found = centred @ directions[:, ::-1][:, :3]
    found = np.pad(found, ((0, 0), (0, 3 - found.shape[1])))
    if like is not None and like.shape == found.shape:
        left, _, right = np.linalg.svd(found.T @ like)
        found = found @ (left @ right)
    return found.astype(np.float32)


def as_colours(components: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Red, green and blue for places row by row: uint8 (rows, columns, 3). The outermost 2 % of each end are cut."""
    low, high = np.percentile(components, (2, 98), axis=0)
    scaled = (components - low) / np.maximum(high - low, 1e-12)
    return (scaled.clip(0, 1) * 255).round().astype(np.uint8).reshape(*grid, 3)
