"""What was done to a picture, told beside results that have no other place for it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from playground.imaging.opening import Picture, Source, open_picture

if TYPE_CHECKING:
    from PIL import Image

Item = TypeVar("Item")


class PictureChanged(UserWarning):
    """A picture was changed as it was opened; the message is a sentence that says how."""


class Noted(tuple[Item, ...]):
    """A tuple of results, with `notes` on what was done to the picture that they are about."""

    notes: tuple[str, ...]

    def __new__(cls, items: Iterable[Item] = (), notes: tuple[str, ...] = ()) -> Noted[Item]:
        """items: what the tuple holds. notes: a sentence each."""
        made = super().__new__(cls, items)
        made.notes = tuple(notes)
        return made

    def __getnewargs__(self) -> tuple[tuple[Item, ...], tuple[str, ...]]:
        """For copies."""
        return tuple(self), self.notes


def opened_with_warnings(source: Source) -> Image.Image:
    """The picture, opened; what was done to it is told by a warning, but for a `Picture`, whose notes are known."""
    picture = open_picture(source)
    if not isinstance(source, Picture):
        for note in picture.notes:
            warnings.warn(note, PictureChanged, stacklevel=4)
    return picture.image
