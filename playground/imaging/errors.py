"""The one error of this room."""

from __future__ import annotations


class MediaError(ValueError):
    """A picture that cannot be used; the message is one sentence or two for the person who sent it."""
