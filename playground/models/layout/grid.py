"""One view of a picture: a grid of tokens, and which pixels of the original picture each of them shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Box = tuple[float, float, float, float]
Span = tuple[float, float]


class NoLayout(ValueError):
    """It is not known which part of a picture the model's image tokens show; the message says why."""


@dataclass(frozen=True)
class View:
    """A grid of tokens over a picture or a part of it.

    image: which picture, counted from 0. across, down: what each column and each row shows, in pixels of the
    picture (outside it where padded). before, after: tokens around the grid that show no place of their own (a
    class token, an end mark); row_end: the same after every row.
    """

    image: int
    across: tuple[Span, ...]
    down: tuple[Span, ...]
    before: int = 0
    row_end: int = 0
    after: int = 0

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.down), len(self.across)

    def __len__(self) -> int:
        """How many tokens the view has in the sequence, those without a place included."""
        return self.before + len(self.down) * (len(self.across) + self.row_end) + self.after

    def placed(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Those of the view's tokens that show a place, row by row."""
        rows, columns = self.grid
        starts = [self.before + row * (columns + self.row_end) for row in range(rows)]
        return tuple(token for start in starts for token in tokens[start : start + columns])

    def boxes(self, size: tuple[int, int]) -> tuple[Box, ...]:
        """(x0, y0, x1, y1) of each token with a place, row by row, clipped to a picture of (width, height)."""
        xs, ys = _clipped(self.across, size[0]), _clipped(self.down, size[1])
        return tuple((x0, y0, x1, y1) for y0, y1 in ys for x0, x1 in xs)


def evenly(shown: Span, count: int) -> tuple[Span, ...]:
    """A span of the picture, cut into equal parts."""
    start, end = shown
    edges = [start + (end - start) * place / max(1, count) for place in range(count + 1)]
    return tuple(zip(edges, edges[1:], strict=False))


def strided(shown: Span, length: int, stride: float) -> tuple[Span, ...]:
    """What tokens of `stride` pixels see of a model input of `length` pixels that shows a span of the picture.

    Where the length is no multiple of the stride the rest at the end is not seen.
    """
    count = int(length // stride)
    start, end = shown
    return evenly((start, start + (end - start) * count * stride / length), count)


def whole(picture: tuple[int, int]) -> tuple[Span, Span]:
    """The spans across and down of a picture of (width, height) that is shown completely."""
    return (0.0, float(picture[0])), (0.0, float(picture[1]))


def squared(picture: tuple[int, int]) -> tuple[Span, Span]:
    """The spans of a picture that was padded on both sides to a square."""
    side = max(picture)
    left, top = ((side - length) // 2 for length in picture)
    return (float(-left), float(side - left)), (float(-top), float(side - top))


def runs(ids: list[int], token: int) -> list[tuple[int, int]]:
    """Start and end of every unbroken run of a token."""
    starts = [i for i, found in enumerate(ids) if found == token and (i == 0 or ids[i - 1] != token)]
    ends = [i + 1 for i, found in enumerate(ids) if found == token and (i + 1 == len(ids) or ids[i + 1] != token)]
    return list(zip(starts, ends, strict=True))


def _clipped(spans: Sequence[Span], length: int) -> list[Span]:
    return [(min(max(start, 0.0), length), min(max(end, 0.0), length)) for start, end in spans]
