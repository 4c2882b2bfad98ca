"""Pictures to check with: drawn, each different from the others, in the shapes that people bring."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

WIDE, HIGH, SMALL = (320, 214), (214, 320), (100, 50)


def drawn(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """Something like a photograph of (width, height): smooth shades, a few discs, noise; the same for the same seed."""
    width, height = size
    made = np.random.default_rng(seed)
    down, across = np.mgrid[0:height, 0:width]
    waves = [
        np.sin(across * (seed + 1) / width * 5 + colour) * np.cos(down / height * (3 + colour)) for colour in range(3)
    ]
    noise = made.normal(0, 12, (height, width, 3))
    picture = Image.fromarray((128 + 90 * np.stack(waves, -1) + noise).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(5):
        x, y, radius = made.uniform(0, width), made.uniform(0, height), made.uniform(0.05, 0.25) * min(size)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(made.integers(0, 255, 3).tolist()))
    return picture
