"""Lay masks and heat maps over pictures, in colours that colour-blind people can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_AT_ONCE = 2_000_000  # pixels that are painted together

Colour: TypeAlias = tuple[int, int, int]

# Okabe & Ito, "Color Universal Design" (2008), without black; then five of Paul Tol's "muted" scheme (2021).
PALETTE: tuple[Colour, ...] = (
    (213, 94, 0), (0, 114, 178), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
    (240, 228, 66), (51, 34, 136), (136, 34, 85), (153, 153, 51), (17, 119, 51), (136, 204, 238),
)  # fmt: skip

# Nine equally spaced colours of matplotlib's "inferno" (CC0): evenly rising in lightness.
_HEAT = np.array(
    [(0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
     (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164)], dtype=np.float32,
)  # fmt: skip


def colours(count: int) -> tuple[Colour, ...]:
    """`count` colours that stay apart for colour-blind people; they repeat after twelve."""
    return tuple(PALETTE[index % len(PALETTE)] for index in range(count))


def enlarged(image: Image.Image, side: int = 768) -> Image.Image:
    """The picture with its longer side at least `side` pixels long, so that overlays have fine edges."""
    scale = side / max(image.size)
    if scale <= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (H, W) of floats, bilinear at `size` (width, height), float32."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def masks_over(
    image: Image.Image,
    masks: np.ndarray,
    opacity: float = 0.5,
    outline: bool = True,
    mask_colours: Sequence[Colour] | None = None,
) -> Image.Image:
    """Paint masks over a picture, each in its colour; later masks lie on earlier ones.

    Args:
        image: the picture.
        masks: bool (P, H, W), H and W those of the picture.
        opacity: 0 shows only the outlines, 1 hides what lies under a mask.
        outline: draw the edges, in the mask's colour beside a white line that is visible on any ground.
        mask_colours: a colour for each mask; None: those of `colours`.

    Raises:
        ValueError: masks of another size than the picture.
    """
    masks = np.asarray(masks, dtype=bool)
    if masks.shape[1:] != (image.height, image.width):
        raise ValueError(f"masks of {masks.shape[1:]} do not fit a picture of {(image.height, image.width)}")
    pixels = np.array(image.convert("RGB"))
    width = max(1, round(max(image.size) / 300))
    edges = [_edges(mask, width) if outline else () for mask in masks]
    own = list(mask_colours or colours(len(masks)))
    rows = max(1, _AT_ONCE // image.width)
    for top in range(0, image.height, rows):  # in parts: large pictures are not to stand there as floats
        part = slice(top, top + rows)
        block = pixels[part].astype(np.float32)
        for mask, edge, colour in zip(masks, edges, own, strict=True):
            inside = mask[part]
            block[inside] = block[inside] * (1 - opacity) + np.float32(colour) * opacity
            if edge:
                block[edge[0][part]], block[edge[1][part]] = 255, colour
        pixels[part] = block.round()
    return Image.fromarray(pixels)


def _edges(mask: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The outer `width` pixels of a mask, and the next ones within; the picture's own border is no edge."""
    from scipy.ndimage import distance_transform_cdt

    outer, inner = np.zeros_like(mask), np.zeros_like(mask)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return outer, inner
    box = slice(max(0, rows[0] - 1), rows[-1] + 2), slice(max(0, columns[0] - 1), columns[-1] + 2)
    if not mask[box].all():
        deep = distance_transform_cdt(mask[box], metric="taxicab")
        outer[box], inner[box] = (deep > 0) & (deep <= width), (deep > width) & (deep <= 2 * width)
    return outer, inner


def cut_out(image: Image.Image, masks: np.ndarray) -> Image.Image:
    """What any of the masks covers, RGBA: all else is transparent. masks: bool (P, H, W) of the picture's size."""
    alpha = masks.any(axis=0) if len(masks) else np.zeros((image.height, image.width), bool)
    cut = image.convert("RGB")  # a copy
    cut.putalpha(Image.fromarray(alpha.astype(np.uint8) * 255))
    return cut


def mark_places(
    image: Image.Image, places: Sequence[tuple[float, float]], crossed: Sequence[tuple[float, float]], colour: Colour
) -> Image.Image:
    """Mark places of a picture, in shares of its width and height: a dot for each of `places`, a cross for `crossed`.

    Both have a white rim, which is visible on any ground.
    """
    marked = image.convert("RGB")  # a copy
    pen = ImageDraw.Draw(marked)
    radius = max(2.0, max(image.size) / 110)
    for x, y in ((x * image.width, y * image.height) for x, y in places):
        for reach, fill in ((radius * 1.6, (255, 255, 255)), (radius, colour)):
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=fill)
    for x, y in ((x * image.width, y * image.height) for x, y in crossed):
        for width, fill in ((radius * 1.6, (255, 255, 255)), (radius * 0.8, colour)):
            for slope in (1, -1):
                ends = (x - radius, y - slope * radius, x + radius, y + slope * radius)
                pen.line(ends, fill=fill, width=max(1, round(width)))
    return marked


def heatmap_over(image: Image.Image, values: np.ndarray, opacity: float = 0.75) -> Image.Image:
    """Show a map of non-negative values over a picture: what has none is dimmed and grey, the peak glows.

    Args:
        image: the picture.
        values: floats (H, W), scaled to the picture's size. The least value is dark and the greatest the
            brightest, whatever the sum, if it is at least four times the mean: a flat map stays dark, for it points
            nowhere. A map of zeros leaves the picture as it is.
        opacity: 0 shows the picture alone, 1 the strongest map.
    """
    pixels = np.array(image.convert("RGB"))
    values = np.nan_to_num(np.asarray(values, dtype=np.float32), posinf=0.0, neginf=0.0).clip(min=0)
    if values.max() <= 0:
        return image.convert("RGB")
    heat = values if values.shape == pixels.shape[:2] else resized(values, image.size)
    low = heat.min()  # what every place has tells them not apart
    heat = (
        (heat - low) / max(heat.max() - low, 4 * heat.mean() - low)
    ) ** 0.75  # the power lifts the weaker places a little
    rows = max(1, _AT_ONCE // image.width)
    for top in range(0, image.height, rows):  # in parts: large pictures are not to stand there as floats
        part = slice(top, top + rows)
        picture = pixels[part].astype(np.float32)
        grey = picture.mean(axis=2, keepdims=True) * 0.55
        dimmed = picture + (grey - picture) * (opacity * 0.8)
        blended = dimmed + (heat_colours(heat[part]) - dimmed) * (heat[part][..., None] * opacity)
        pixels[part] = blended.clip(0, 255).round()
    return Image.fromarray(pixels)


@dataclass(frozen=True)
class Grid:
    """Small maps in rows and columns: the picture of them, and where each stands, to find one again by a click.

    margin: left and top, in pixels, where the labels are. cell: width and height of a map with its gap.
    """

    image: Image.Image
    margin: tuple[int, int]
    cell: tuple[int, int]
    shape: tuple[int, int]

    def at(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of the map at a pixel of the picture; None beside all maps."""
        row, column = (
            (place - start) // size
            for place, start, size in zip((y, x), self.margin[::-1], self.cell[::-1], strict=True)
        )
        inside = 0 <= row < self.shape[0] and 0 <= column < self.shape[1]
        return (int(row), int(column)) if inside else None


def maps_grid(
    maps: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    chosen: tuple[int, int] | None = None,
    width: int = 960,
) -> Grid:
    """Draw maps (R, C, H, W) of non-negative values in a grid, each as bright as its own peak, on a dark ground.

    rows, columns: the labels beside and above them. chosen: row and column of the one that gets a frame. width: about
    how many pixels wide the whole is.
    """
    count_down, count_across, height, wide = maps.shape
    margin, gap = (64, 26), 3
    scale = max(1.0, min((width - margin[0]) / count_across - gap, 96) / wide)
    size = round(wide * scale), round(height * scale)
    cell = size[0] + gap, size[1] + gap
    whole = (margin[0] + count_across * cell[0], margin[1] + count_down * cell[1])
    image = Image.new("RGB", whole, (26, 23, 20))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    for row in range(count_down):
        middle = margin[1] + row * cell[1] + size[1] / 2
        pen.text((margin[0] - 8, middle), rows[row], fill=(234, 224, 210), font=font, anchor="rm")
        for column in range(count_across):
            values = maps[row, column] / max(float(maps[row, column].max()), 1e-12)
            small = Image.fromarray(heat_colours(values).round().astype(np.uint8)).resize(
                size, Image.Resampling.NEAREST
            )
            image.paste(small, (margin[0] + column * cell[0], margin[1] + row * cell[1]))
    for column in range(count_across):
        middle = margin[0] + column * cell[0] + size[0] / 2
        pen.text((middle, margin[1] - 8), columns[column], fill=(234, 224, 210), font=font, anchor="ms")
    if chosen is not None:
        left, top = margin[0] + chosen[1] * cell[0], margin[1] + chosen[0] * cell[1]
        pen.rectangle((left - 2, top - 2, left + size[0] + 1, top + size[1] + 1), outline=(86, 180, 233), width=3)
    return Grid(image, margin, cell, (count_down, count_across))


def heat_colours(values: np.ndarray) -> np.ndarray:
    """Colours (…, 3), float32 of 0–255, for values from 0 (black) over red to 1 (pale yellow)."""
    places = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(values, places, _HEAT[:, band]) for band in range(3)], -1).astype(np.float32)


def draw_boxes(
    image: Image.Image,
    boxes: Sequence[tuple[float, float, float, float]],
    texts: Sequence[str],
    box_colours: Sequence[Colour],
) -> Image.Image:
    """Draw boxes with their texts over a picture; the texts stay within it.

    Args:
        image: the picture.
        boxes: left, top, right and bottom, in pixels of the picture; earlier ones lie on later ones.
        texts: a line for each box, for example “dog 0.93”; none is written where it is empty.
        box_colours: a colour for each box, for example one of `colours` for each name.
    """
    drawn = image.convert("RGB")  # a copy
    pen = ImageDraw.Draw(drawn)
    width = max(1, round(max(image.size) / 250))
    font = ImageFont.load_default(max(10, round(max(image.size) / 45)))
    for box, text, colour in reversed(list(zip(boxes, texts, box_colours, strict=True))):
        pen.rectangle(box, outline=(255, 255, 255), width=width + 2)  # seen on any ground
        pen.rectangle(box, outline=colour, width=width)
        if not text:
            continue
        _, _, right, bottom = pen.textbbox((0, 0), text, font=font)
        across, down = right + 2 * width + 2, bottom + 2 * width + 2
        left = max(0, min(box[0], image.width - across))
        top = box[1] - down if box[1] >= down else max(0, min(box[1], image.height - down))
        pen.rectangle((left, top, left + across, top + down), fill=colour)
        dark = sum(share * band for share, band in zip((0.299, 0.587, 0.114), colour, strict=True)) > 140
        pen.text((left + width + 1, top + width), text, fill=(0, 0, 0) if dark else (255, 255, 255), font=font)
    return drawn
