"""Made-up pictures that are no scene of Moji's world: what a score of the unknown is shown while it is fitted.

None of them is a photograph. Clouds of noise have the spectrum of photographs, fallen leaves their edges and
occlusions (Lee, Mumford & Huang 2001); beside them pages and windows with text, scenes cut up and mixed, and static.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from playground.moji.scenes import WIDE, make_scene
from playground.moji.world import CANVAS

Rng = np.random.Generator
_TEXT = """the of and to in model words picture settings answer open file home search save menu click here total
value table layer attention chat caption download 12 0.43 7 2026 login"""
_WORDS = _TEXT.split()


def _colour(rng: Rng, near: int | None = None) -> tuple[int, ...]:
    """Any colour, or a grey of about ``near`` with a little of one."""
    drawn = rng.integers(0, 256, 3) if near is None else np.clip(near + rng.integers(-30, 31, 3), 0, 255)
    return tuple(int(part) for part in drawn)


def clouds(rng: Rng) -> np.ndarray:
    """Noise whose strength falls with its frequency, as in photographs."""
    across = np.fft.fftfreq(CANVAS)
    frequency = np.hypot(across[:, None], across[None])
    frequency[0, 0] = 1
    fall = rng.uniform(0.6, 2.2)
    layers = [np.fft.ifft2(np.fft.fft2(rng.normal(size=(CANVAS, CANVAS))) / frequency**fall).real for _ in range(3)]
    grey, own = sum(layers) / 3, rng.uniform(0, 1)
    mixed = np.stack([own * layer / layer.std() + (1 - own) * grey / grey.std() for layer in layers], -1)
    return (128 + rng.uniform(20, 70) * mixed + rng.uniform(-40, 40, 3)).clip(0, 255).astype(np.uint8)


def leaves(rng: Rng) -> np.ndarray:
    """Shapes of all sizes and colours fallen over each other, shaded and often blurred."""
    picture = Image.fromarray(clouds(rng))
    draw = ImageDraw.Draw(picture)
    typical = rng.uniform(10, 90)
    for _ in range(int(rng.integers(15, 250))):
        wide = min(120.0, 3 + typical * rng.pareto(2.0))
        high, colour = wide * rng.uniform(0.3, 1), _colour(rng, None if rng.random() < 0.3 else int(rng.integers(256)))
        x, y = rng.uniform(-20, CANVAS, 2)
        sort = rng.random()
        if sort < 0.4:
            draw.ellipse((x, y, x + wide, y + high), fill=colour)
        elif sort < 0.7:
            corners = rng.uniform(-wide, wide, (int(rng.integers(3, 7)), 2)) + (x, y)
            draw.polygon([tuple(corner) for corner in corners], fill=colour)
        else:
            draw.line([(x, y), tuple(rng.uniform(-99, 99, 2) + (x, y))], fill=colour, width=int(rng.integers(1, 9)))
    shade = np.asarray(Image.fromarray(clouds(rng)).convert("L"), np.float32)[..., None] / 128 - 1
    pixels = np.asarray(picture, np.float32) * (1 + 0.25 * rng.random() * shade)
    picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    blurred = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 2.5))))
    return np.asarray(blurred if rng.random() < 0.6 else picture)


def page(rng: Rng) -> np.ndarray:
    """A page or window with lines of text and fields, as large as a screen and made small."""
    side, ground = int(rng.integers(CANVAS, 900)), int(rng.integers(200, 256))
    ink = (20, 20, 20)
    if rng.random() < 0.25:
        ground, ink = int(rng.integers(0, 50)), (230, 230, 230)
    picture = Image.new("RGB", (side, side), (ground,) * 3)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, 10))):
        x, y, wide, high = *rng.uniform(0, side, 2), rng.uniform(10, side / 1.5), rng.uniform(8, side / 4)
        colour = _colour(rng, None if rng.random() < 0.3 else ground)
        filled = colour if rng.random() < 0.5 else None
        draw.rounded_rectangle((x, y, x + wide, y + high), int(rng.integers(0, 8)), filled, colour)
    size = int(rng.integers(8, 22))
    font, y = ImageFont.load_default(size), rng.uniform(0, 30)
    while y < side:
        if rng.random() < 0.85:
            draw.text((rng.uniform(2, side / 3), y), " ".join(rng.choice(_WORDS, int(rng.integers(1, 14)))), ink, font)
        y += size * rng.uniform(1.1, 3)
    return np.asarray(picture.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR))


def mixed_up(rng: Rng) -> np.ndarray:
    """A scene cut into squares that are laid out anew."""
    pixels = make_scene(rng, int(rng.integers(4, 7)), variety=WIDE).pixels
    side = int(rng.choice((12, 24, 48)))
    count = CANVAS // side
    squares = pixels.reshape(count, side, count, side, 3).transpose(0, 2, 1, 3, 4).reshape(-1, side, side, 3)
    squares = squares[rng.permutation(len(squares))].reshape(count, count, side, side, 3)
    return squares.transpose(0, 2, 1, 3, 4).reshape(CANVAS, CANVAS, 3)


def static(rng: Rng) -> np.ndarray:
    """Noise of one grain, grey or coloured."""
    side = int(rng.choice((192, 96, 64, 32, 16, 8)))
    grains = rng.integers(0, 256, (side, side, 3 if rng.random() < 0.6 else 1)).repeat(1, -1)
    picture = Image.fromarray(np.broadcast_to(grains, (side, side, 3)).astype(np.uint8))
    smooth = Image.Resampling.NEAREST if rng.random() < 0.5 else Image.Resampling.BICUBIC
    return np.asarray(picture.resize((CANVAS, CANVAS), smooth))


_SORTS: tuple[Callable[[Rng], np.ndarray], ...] = (clouds, leaves, leaves, leaves, page, page, mixed_up, static)


def made_elsewhere(count: int, seed: int) -> np.ndarray:
    """uint8 (count, 192, 192, 3): pictures of every sort in turn; the same seed, the same pictures."""
    rngs = (np.random.default_rng((seed, index)) for index in range(count))
    return np.stack([_SORTS[index % len(_SORTS)](rng) for index, rng in enumerate(rngs)])
