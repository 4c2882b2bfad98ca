"""Pictures as another light, camera or screen shows them: changes of whole pictures, on tensors and on scenes.

Each change of ``LIGHT`` is a function of pixels and one strength a picture, so that training draws it and evaluation
sets it. Names stay true: where a scene holds shapes, whose colours are named, hue and saturation of their pixels do not
change (``named_colours``), and light changes less. What moves or hides pixels (`bordered`, `cut_out`) moves the truth
along. How single things change is in ``moji.looks``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from playground.moji.scenes import Scene, Thing

_LUMA = torch.tensor([0.299, 0.587, 0.114])
_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])


def _each(strength: torch.Tensor | float) -> torch.Tensor:
    """Strengths (pictures,) or one for all, as something that multiplies (pictures, 3, height, width)."""
    return torch.as_tensor(strength, dtype=torch.float32).reshape(-1, 1, 1, 1)


def _grey(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels * _LUMA.to(pixels)[None, :, None, None]).sum(1, keepdim=True)


def brightness(pixels: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
    """Every value times ``factor``; 1 changes nothing."""
    return pixels * _each(factor).to(pixels)


def contrast(pixels: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
    """Away from (above 1) or towards (below 1) the picture's mean grey."""
    mean = _grey(pixels).mean((2, 3), keepdim=True)
    return mean + (pixels - mean) * _each(factor).to(pixels)


def saturation(pixels: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
    """0 is grey, 1 changes nothing, above 1 is more colourful."""
    grey = _grey(pixels)
    return grey + (pixels - grey) * _each(factor).to(pixels)


def hue(pixels: torch.Tensor, degrees: torch.Tensor | float) -> torch.Tensor:
    """Hues turned by ``degrees`` with the lightness kept (a turn of the IQ plane of YIQ)."""
    angle = torch.as_tensor(degrees, dtype=torch.float32).reshape(-1) * (math.pi / 180)
    turn = torch.zeros(len(angle), 3, 3)
    turn[:, 0, 0] = 1
    turn[:, 1, 1] = turn[:, 2, 2] = angle.cos()
    turn[:, 1, 2], turn[:, 2, 1] = -angle.sin(), angle.sin()
    change = (torch.linalg.inv(_YIQ) @ turn @ _YIQ).to(pixels).expand(len(pixels), 3, 3)
    return torch.bmm(change, pixels.flatten(2)).view_as(pixels)


def gamma(pixels: torch.Tensor, exponent: torch.Tensor | float) -> torch.Tensor:
    """Every value to the power of ``exponent``: above 1 darkens the middle tones."""
    return pixels.clamp(0, 1) ** _each(exponent).to(pixels)


def tint(pixels: torch.Tensor, colour: torch.Tensor) -> torch.Tensor:
    """Every channel times its own factor: ``colour`` (pictures, 3) or (3,)."""
    return pixels * colour.to(pixels).reshape(-1, 3, 1, 1)


def blur(pixels: torch.Tensor, deviation: float) -> torch.Tensor:
    """Gaussian blur with this standard deviation in pixels, the same for all pictures."""
    reach = max(1, round(2 * deviation))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(pixels) / max(deviation, 1e-3)) ** 2)
    kernel = kernel / kernel.sum()
    for axis in (2, 3):
        around = [0, 0, reach, reach] if axis == 2 else [reach, reach, 0, 0]
        padded, length = F.pad(pixels, around, mode="replicate"), pixels.shape[axis]
        pixels = sum(weight * padded.narrow(axis, start, length) for start, weight in enumerate(kernel))
    return pixels


def noise(pixels: torch.Tensor, deviation: torch.Tensor | float, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise of this standard deviation (in values of 0–1)."""
    drawn = torch.randn(pixels.shape, generator=generator)
    return pixels + drawn.to(pixels) * _each(deviation).to(pixels)


LIGHT: dict[str, Callable[[torch.Tensor, torch.Tensor | float], torch.Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "hue": hue,
    "gamma": gamma,
}
"""Changes that take pixels in 0–1, (pictures, 3, height, width), and one number a picture. They do not clamp."""


def named_colours(scenes: Sequence[Scene]) -> torch.Tensor:
    """bool (scenes, 1, height, width): pixels of things whose colour is named, which keep their hue."""
    masks = []
    for scene in scenes:
        keeps = np.array([False, *(bool(thing.colour) for thing in scene.things)])
        masks.append(keeps[scene.labels])
    return torch.from_numpy(np.stack(masks))[:, None]


# (lowest, highest) where no colour is named, the same where one is, and the chance of the change.
_DRAWN = {
    "brightness": ((0.3, 1.6), (0.5, 1.35), 0.5),
    "contrast": ((0.35, 1.6), (0.5, 1.4), 0.3),
    "saturation": ((0.0, 1.8), (0.0, 1.8), 0.35),
    "hue": ((-180.0, 180.0), (-180.0, 180.0), 0.2),
    "gamma": ((0.5, 2.0), (0.7, 1.5), 0.2),
}
_KEEPING = ("saturation", "hue")  # changes that leave pixels with a named colour as they are
_TINT, _NOISE, _BLUR = (0.5, 0.15), 0.08, 1.4  # how far a channel may be dimmed (without, with named colours), …
_CHANGED = 0.65  # of the pictures where the share is 1; the others are left as they are
_GREY = 0.3  # of those whose saturation changes


def relit(pixels: torch.Tensor, named: torch.Tensor, rng: np.random.Generator, share: float = 1.0) -> torch.Tensor:
    """``pixels`` (pictures, 3, height, width) in 0–1, in another light each; ``share`` (0–1) scales how many.

    ``named`` as `named_colours` makes it. The same ``rng`` state gives the same pictures.
    """
    count, device = len(pixels), pixels.device
    named = named.to(device)
    colours = named.flatten(1).any(1).cpu().numpy()
    chosen = rng.random(count) < _CHANGED * share

    def drawn(wide: tuple[float, float], narrow: tuple[float, float], chance: float, still: float) -> torch.Tensor:
        low, high = np.where(colours[:, None], narrow, wide).T
        values = np.where(chosen & (rng.random(count) < chance), rng.uniform(low, high), still)
        return torch.from_numpy(values.astype(np.float32))

    result = pixels
    for name, (wide, narrow, chance) in _DRAWN.items():
        still = 0.0 if name == "hue" else 1.0
        strength = drawn(wide, narrow, chance, still)
        if name == "saturation":
            grey = torch.from_numpy(rng.random(count) < _GREY)
            strength = torch.where(grey & (strength != still), torch.zeros(()), strength)
        if (strength == still).all():
            continue
        changed = LIGHT[name](result, strength)
        result = torch.where(named, result, changed) if name in _KEEPING else changed
        result = result.clamp(0, 1)
    dimmed = np.where(colours, _TINT[1], _TINT[0])[:, None] * rng.random((count, 3))
    dimmed *= (chosen & (rng.random(count) < 0.25))[:, None]
    result = tint(result, torch.from_numpy(1 - dimmed).float())
    deviation = np.where(chosen & (rng.random(count) < 0.15), rng.uniform(0, _NOISE, count), 0)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    if deviation.any():
        rows = torch.from_numpy(np.flatnonzero(deviation)).to(device)
        noisy = noise(result[rows], torch.from_numpy(deviation[deviation > 0]).float(), generator)
        result = result.index_copy(0, rows, noisy)
    for row in np.flatnonzero(chosen & (rng.random(count) < 0.12)):
        result[row : row + 1] = blur(result[row : row + 1], float(rng.uniform(0.4, _BLUR)))
    return result.clamp(0, 1)


def bordered(scene: Scene, width: int, colour: tuple[int, int, int]) -> Scene:
    """The scene made smaller inside a border of ``width`` pixels; boxes and masks move along."""
    side = scene.labels.shape[0]
    inner = side - 2 * width
    pixels = np.empty_like(scene.pixels)
    pixels[:] = colour
    labels = np.zeros_like(scene.labels)
    window = (slice(width, width + inner), slice(width, width + inner))
    pixels[window] = np.asarray(scene.image.resize((inner, inner), Image.Resampling.BILINEAR))
    labels[window] = np.asarray(Image.fromarray(scene.labels).resize((inner, inner), Image.Resampling.NEAREST))

    def moved(thing: Thing) -> Thing:
        return replace(thing, box=tuple(round(width + edge * inner / side) for edge in thing.box))

    return Scene(pixels, labels, tuple(moved(thing) for thing in scene.things))


def cut_out(scene: Scene, box: tuple[int, int, int, int], colour: tuple[int, int, int], most: float = 0.3) -> Scene:
    """The scene with a rectangle (left, top, right, bottom) hidden; unchanged where more than ``most`` of a thing is.

    A thing that is partly hidden keeps its box, and loses the hidden pixels of its mask.
    """
    left, top, right, bottom = box
    hidden = np.bincount(scene.labels[top:bottom, left:right].ravel(), minlength=len(scene.things) + 1)[1:]
    whole = np.bincount(scene.labels.ravel(), minlength=len(scene.things) + 1)[1:]
    if (hidden > most * whole).any():
        return scene
    pixels, labels = scene.pixels.copy(), scene.labels.copy()
    pixels[top:bottom, left:right] = colour
    labels[top:bottom, left:right] = 0
    return replace(scene, pixels=pixels, labels=labels)


def reframed(scene: Scene, rng: np.random.Generator, share: float = 1.0) -> Scene:
    """The scene now and then in a border, or with a hole cut out; ``share`` (0–1) scales how often."""
    side = scene.labels.shape[0]
    if rng.random() < 0.12 * share:
        scene = bordered(scene, int(rng.integers(2, max(3, side // 6))), _paint(rng))
    if rng.random() < 0.12 * share:
        wide, high = rng.integers(side // 16, side // 4, 2)
        left, top = int(rng.integers(0, side - wide)), int(rng.integers(0, side - high))
        scene = cut_out(scene, (left, top, left + int(wide), top + int(high)), _paint(rng))
    return scene


def _paint(rng: np.random.Generator) -> tuple[int, int, int]:
    draw = rng.random()
    if draw < 0.6:
        return (0, 0, 0) if draw < 0.35 else (255, 255, 255)
    return tuple(int(part) for part in rng.integers(0, 256, 3))


def share_at(fraction: float, least: float = 0.4, until: float = 0.5) -> float:
    """How much is changed at this ``fraction`` of the budget: from ``least`` up to 1 at ``until``."""
    return min(1.0, least + (1 - least) * fraction / until)
