"""What a map of random patches scores on average: one draw may hit by luck, so many are taken."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from playground.interpret.metrics.score import MapScore, otsu_threshold

DRAWS = 200


def random_scores(mask: np.ndarray, *, draws: int = DRAWS, seed: int = 0, grid: tuple[int, int] = (12, 12)) -> MapScore:
    """The mean scores of `baseline("random")` over many draws, against a mask (height, width); `hit` is their share.

    A map of patches is known by its patches, so nothing is painted: 200 draws take some 20 ms, and those against the
    last masks are remembered. As `score_map` of each where the patches are equally large, and within a per cent
    elsewhere.
    """
    return _mean_scores(np.packbits(mask.astype(bool)).tobytes(), mask.shape, draws, seed, grid)


@lru_cache(maxsize=32)
def _mean_scores(packed: bytes, shape: tuple[int, int], draws: int, seed: int, grid: tuple[int, int]) -> MapScore:
    mask = np.unpackbits(np.frombuffer(packed, np.uint8), count=shape[0] * shape[1]).reshape(shape).astype(bool)
    grid = tuple(min(parts, side) for parts, side in zip(grid, shape, strict=True))
    edges = [-(-np.arange(parts + 1) * side // parts) for side, parts in zip(mask.shape, grid, strict=True)]
    inside = np.add.reduceat(np.add.reduceat(mask.astype(int), edges[0][:-1], 0), edges[1][:-1], 1).ravel()
    pixels = np.outer(*(np.diff(each) for each in edges)).ravel()
    middles = [(each[:-1] + each[1:] - 1) // 2 for each in edges]
    hits = mask[np.ix_(*middles)].ravel()
    rng = np.random.default_rng(seed)
    rows = [_scores(rng.random(grid).ravel(), inside, pixels, hits) for _ in range(draws)]
    return MapScore(*np.mean(rows, axis=0).tolist(), float(mask.mean()))


def _scores(values: np.ndarray, inside: np.ndarray, pixels: np.ndarray, hits: np.ndarray) -> tuple[float, ...]:
    """Hit, mass, best and Otsu's IoU of one map, from what each of its patches covers of the mask."""
    order = np.argsort(-values)
    selected, right = pixels[order].cumsum(), inside[order].cumsum()
    overlaps = right / (selected + inside.sum() - right)
    cut = int((values >= otsu_threshold(values)).sum())
    mass = float((values * inside).sum() / (values * pixels).sum())
    return float(hits[order[0]]), mass, float(overlaps.max()), float(overlaps[cut - 1])
