"""A picture of a map whose download is called after what it shows: moji-vlm-taxi-patches.png."""

from __future__ import annotations

from typing import Any

import gradio as gr
from PIL import Image

from playground.ui.gradio_patches import ImageData, get_upload_folder, save_pil_to_cache, subclass

_NAME = "map-name"


def map_field(**options: Any) -> gr.Image:
    """As `gr.Image`, for maps that `named` was told about. options: those of `gr.Image`."""
    return _Named(format="png", interactive=False, buttons=["download", "fullscreen"], **options)


def named(picture: Image.Image, *parts: str) -> Image.Image:
    """The same picture, which is to be downloaded under these names with hyphens between them."""
    picture.info[_NAME] = slug("-".join(parts))
    return picture


def slug(text: str) -> str:
    """Text as a part of a file's name: what is neither letter nor digit, dot or hyphen becomes a hyphen."""
    return "".join(sign if sign.isalnum() or sign in "-." else "-" for sign in text)[-60:].strip("-.")


def _postprocess(self: gr.Image, value: Any) -> Any:
    name = value.info.pop(_NAME, None) if isinstance(value, Image.Image) else None
    if not name:
        return gr.Image.postprocess(self, value)
    # The file itself is called so: its address says more to a browser than the link that leads there.
    return ImageData(path=save_pil_to_cache(value, get_upload_folder(), name, "png"), orig_name=f"{name}.png")


_Named = subclass(gr.Image, postprocess=_postprocess)
