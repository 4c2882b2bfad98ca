"""An opened picture: plain data, with what was done to it."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Picture:
    """An opened picture.

    Attributes:
        image: RGB, upright, each side between `SHORTEST_SIDE` and `LONGEST_SIDE` pixels (see `opening`).
        notes: what was done to it that the sender should know, one sentence each; often empty.
        size: width and height in pixels of the picture as it was brought, upright: boxes and masks are told in these.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()
    size: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.size == (0, 0):
            object.__setattr__(self, "size", self.image.size)
