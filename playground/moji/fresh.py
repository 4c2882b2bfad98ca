"""Scenes to measure with: their seeds begin with a number that no training step uses."""

from __future__ import annotations

import numpy as np

from playground.moji.scenes import Scene, make_scene

EVALUATION = 20_000_003  # first word of every evaluation seed; training seeds begin with the run's own small number


def fresh_scenes(count: int, seed: int, most: int = 6, least: int = 1) -> list[Scene]:
    """``count`` scenes of ``least`` to ``most`` things that training has not seen."""
    rngs = (np.random.default_rng((EVALUATION, seed, least, most, index)) for index in range(count))
    return [make_scene(rng, int(rng.integers(least, most + 1))) for rng in rngs]
