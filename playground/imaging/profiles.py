"""Colour profiles (ICC): a picture's numbers become those of sRGB, which models were trained on."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageCms

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
_UNSEEN = 3
"""A profile that changes no colour by more than this, of 255, is taken for sRGB."""
_LARGEST = 16_000_000  # bytes; profiles of printers reach some megabytes


@dataclass(frozen=True)
class ToSRGB:
    """What is done to a picture's colours.

    mode: what a picture has to be turned into first. transform: None where that is all. note: a sentence, or "".
    """

    mode: str
    transform: ImageCms.ImageCmsTransform | None
    note: str = ""

    def applied(self, image: Image.Image) -> Image.Image:
        """The picture as RGB."""
        image = image if image.mode == self.mode else image.convert(self.mode)
        if self.transform is not None:
            return ImageCms.applyTransform(image, self.transform)
        return image if image.mode == "RGB" else image.convert("RGB")


def to_srgb(image: Image.Image) -> ToSRGB:
    """How this picture's colours become sRGB: by its profile, where it has one that fits it and can be read."""
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        return ToSRGB("LAB", _from_lab())
    own = "CMYK" if image.mode == "CMYK" else "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not isinstance(profile, bytes) or not profile:
        return ToSRGB(own, None)
    found = _of_profile(profile, own) if len(profile) <= _LARGEST else None
    return found or ToSRGB(own, None, "The picture's colour profile is damaged or does not fit it, and was left aside.")


@lru_cache(maxsize=8)
def _of_profile(profile: bytes, own: str) -> ToSRGB | None:
    """own: the mode of the picture. None for a profile that cannot be used."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(opened.profile.xcolor_space.strip())
        if mode == "L" and own == "RGB" or (mode == "CMYK") != (own == "CMYK") or mode in (None, "LAB"):
            return None
        mode = "RGB" if mode == "RGB" else own  # grey beside a profile of RGB is grey in that profile
        transform = ImageCms.buildTransform(opened, _srgb(), mode, "RGB", flags=ImageCms.Flags.BLACKPOINTCOMPENSATION)
        name = " ".join(ImageCms.getProfileDescription(opened).split())[:60]
        if _changes_nothing(transform, mode):
            return ToSRGB(mode, None)
    except Exception:  # a damaged profile may raise anything
        return None
    return ToSRGB(
        mode, transform, f"The picture's colours were converted to sRGB from the profile “{name or 'unnamed'}”."
    )


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    if mode == "CMYK":
        return False
    if mode == "L":
        probe = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    else:
        steps = np.linspace(0, 255, 9, dtype=np.uint8)
        probe = Image.fromarray(np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3))
    made = np.asarray(ImageCms.applyTransform(probe, transform), np.int16)
    return bool(np.abs(made - np.asarray(probe.convert("RGB"), np.int16)).max() <= _UNSEEN)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _from_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")
