"""Kinds of TIFF that Pillow reads wrongly unless it is told how their pixels lie."""

from __future__ import annotations

from PIL import Image

_BITS, _PHOTOMETRIC, _PLANES = 258, 262, 284  # tags
_YCBCR, _SEPARATE = 6, 2


def mended(image: Image.Image) -> Image.Image:
    """The image, opened and not loaded, with its tiles described rightly.

    Uncompressed YCbCr is left to libtiff, which knows its subsampling; uncompressed planes of 16 bits are named so
    (Pillow 12 takes them for planes of 8).
    """
    if image.format != "TIFF" or not image.tile or image.tile[0].codec_name != "raw":
        return image
    tags, first = image.tag_v2, image.tile[0]
    if tags.get(_PHOTOMETRIC) == _YCBCR and image.mode == "RGB":
        image.use_load_libtiff = True
        whole = (0, 0, *image.size)
        image.tile = [first._replace(codec_name="libtiff", extents=whole, offset=0, args=("RGBX", "raw", False, 0))]
    elif tags.get(_PLANES) == _SEPARATE and set(tags.get(_BITS, ())) == {16} and len(first.args[0]) == 1:
        order = ";16L" if tags.prefix == b"II" else ";16B"
        image.tile = [tile._replace(args=(tile.args[0] + order, *tile.args[1:])) for tile in image.tile]
    return image
