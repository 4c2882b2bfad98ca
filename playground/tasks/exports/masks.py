"""Masks to files that other programs read: COCO's JSON, one picture of labels, a PNG each in a ZIP.

Masks are bool (P, H, W) at the size of the picture that they belong to, with a name each; a name may come again.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from playground.imaging.drawing import Colour, colours, cut_out, masks_over

FILES = ("overlay.png", "cutout.png", "labels.png", "masks.zip", "masks.coco.json")
"""What `write_masks` writes."""


def write_masks(
    folder: Path,
    image: Image.Image,
    names: Sequence[str],
    masks: np.ndarray,
    *,
    overlay: Image.Image | None = None,
    mask_colours: Sequence[Colour] | None = None,
    file_name: str = "picture.png",
    about: str = "",
) -> tuple[Path, ...]:
    """Write `FILES` into a folder that exists, and return their paths.

    Args:
        image: the picture, at the size of the masks.
        overlay: what the first file shows; None: the masks laid over the picture, half transparent.
        mask_colours: a colour for each mask, in the overlay and in the palette of the labels; None: those of
            `drawing.colours`.
        file_name: what the picture is called in the COCO file.
        about: a sentence for that file, such as which model made the masks.

    Raises:
        ValueError: masks of another size than the picture, or another number of names.
    """
    if len(names) != len(masks) or masks.shape[1:] != (image.height, image.width):
        raise ValueError(f"{len(names)} names and masks of shape {masks.shape} for a picture of {image.size}")
    paths = tuple(folder / name for name in FILES)
    shown, cut, labels, zipped, listed = paths
    (overlay or masks_over(image, masks, mask_colours=mask_colours)).save(shown)
    cut_out(image, masks).save(cut)
    labels.write_bytes(label_png(names, masks, mask_colours))
    zipped.write_bytes(mask_zip(names, masks))
    listed.write_text(json.dumps(coco(names, masks, file_name, about), ensure_ascii=False), encoding="utf-8")
    return paths


def coco(names: Sequence[str], masks: np.ndarray, file_name: str = "picture.png", about: str = "") -> dict:
    """The masks as a data set of one picture in COCO's format (Lin et al. 2014), for `json.dump`.

    Each mask is one annotation, its pixels run-length encoded as `pycocotools` writes them; one without pixels is
    left out, its name stays among the categories. `bbox` is left, top, width and height, `area` counts pixels.
    """
    from pycocotools import mask as rle

    numbers = {name: index + 1 for index, name in enumerate(dict.fromkeys(names))}
    annotations = []
    for name, mask in zip(names, masks, strict=True):
        if not mask.any():
            continue
        encoded = rle.encode(np.asfortranarray(mask, dtype=np.uint8))
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": 1,
                "category_id": numbers[name],
                "segmentation": {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")},
                "area": int(rle.area(encoded)),
                "bbox": rle.toBbox(encoded).tolist(),
                "iscrowd": 0,
            }
        )
    height, width = masks.shape[1:]
    return {
        "info": {"description": about},
        "images": [{"id": 1, "file_name": file_name, "width": width, "height": height}],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": annotations,
    }


def label_png(names: Sequence[str], masks: np.ndarray, mask_colours: Sequence[Colour] | None = None) -> bytes:
    """One PNG with a palette: 0 (black) where no mask is, i + 1 in the colour of the i-th mask; later ones lie on
    earlier ones.

    The names stand in the file's text “labels”, a line each: number, tabulator, name.

    Raises:
        ValueError: more than 255 masks.
    """
    if len(masks) > 255:
        raise ValueError(f"{len(masks)} masks do not fit into one picture of labels; 255 do")
    labels = np.zeros(masks.shape[1:], np.uint8)
    for index, mask in enumerate(masks):
        labels[mask] = index + 1
    image = Image.frombytes("P", labels.shape[::-1], labels.tobytes())
    palette = [(0, 0, 0), *(mask_colours or colours(len(masks)))]
    image.putpalette([band for colour in palette for band in colour])
    text = PngImagePlugin.PngInfo()
    text.add_itxt("labels", "\n".join(f"{index + 1}\t{name}" for index, name in enumerate(names)))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def mask_zip(names: Sequence[str], masks: np.ndarray) -> bytes:
    """A ZIP with a black and white PNG for each mask, called by its number and name: “1-red-circle.png”."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # a PNG is compressed already
        for index, (name, mask) in enumerate(zip(names, masks, strict=True)):
            png = io.BytesIO()
            Image.fromarray(mask).save(png, "PNG")
            archive.writestr(f"{index + 1}-{_plain(name)}.png", png.getvalue())
    return file.getvalue()


def _plain(name: str) -> str:
    """The name as a part of a file name on any system: letters and digits, up to 40 of them."""
    return re.sub(r"[\W_]+", "-", name)[:40].strip("-") or "mask"
