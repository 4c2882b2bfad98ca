"""Pictures at the size that they were brought in, for what goes out again: overlays, cut-outs, masks."""

from __future__ import annotations

from playground.imaging.opening import MediaError, Picture, Source, open_picture

MOST_PIXELS = 50_000_000
"""Larger pictures are scaled down to this many pixels (a phone's largest photographs have 48 million)."""


def open_full(source: Source) -> Picture:
    """Open a picture as `open_picture` does, at its own size; its `notes` say where that is too large.

    Raises:
        MediaError: what `open_picture` raises.
    """
    read = open_picture(source)
    if read.image.size == read.size or isinstance(source, Picture):
        return read
    pixels, longest = read.size[0] * read.size[1], None
    if pixels > MOST_PIXELS:
        longest = int(max(read.size) * (MOST_PIXELS / pixels) ** 0.5)
    try:
        return open_picture(source, longest_side=longest)
    except MediaError:  # it can be shrunk while it is decoded, and takes too much memory otherwise
        return read
