"""Maps that have not seen the picture, and what they score: what every method must beat."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from playground.interpret.metrics.score import MapScore, otsu_threshold, score_map

BASELINES = ("random", "centre", "uniform")
DRAWS = 200


def baseline(
    name: str, shape: tuple[int, int], rng: np.random.Generator, grid: tuple[int, int] = (12, 12)
) -> np.ndarray:
    """A map that has not seen the picture, what every method must beat: float32 (height, width) of sum 1.

    name: "random" (one number of 0 to 1 for each part of a grid, as coarse as a map of patches), "centre" (a Gaussian
    around the middle, its deviation a quarter of each side) or "uniform". Raises ValueError for another name.
    """
    height, width = shape
    if name == "random":
        rows, columns = (np.arange(side) * parts // side for side, parts in zip(shape, grid, strict=True))
        values = rng.random(grid)[rows[:, None], columns]
    elif name == "centre":
        down, across = (np.exp(-8 * np.square((np.arange(side) + 0.5) / side - 0.5)) for side in (height, width))
        values = np.outer(down, across)
    elif name == "uniform":
        values = np.ones(shape)
    else:
        raise ValueError(f"There is no baseline “{name}”; there are {', '.join(BASELINES)}.")
    return (values / values.sum()).astype(np.float32)


def beside_baselines(values: np.ndarray, mask: np.ndarray, *, seed: int = 0) -> dict[str, MapScore]:
    """The scores of a map (height, width) as "map", and of each of BASELINES as what it must beat.

    "random" is the mean of many draws (see `random_scores`): a single one may hit by luck.
    seed: of these. ValueError where map and mask differ in size.
    """
    own, rng = score_map(values, mask), np.random.default_rng(seed)
    blind = {name: score_map(baseline(name, values.shape, rng), mask) for name in BASELINES if name != "random"}
    return {"map": own, "random": random_scores(mask, seed=seed), **blind}


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
