"""The picture that a field shows of an upload, and the upload itself, at its own size and under its own name.

A browser cannot show every upload (TIFF, HEIC, 16 bits), so a field shows a PNG of how models see it. That file says
in a text of its own what it was made of, so that nothing has to be kept for it, and a reload loses nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from PIL import Image, PngImagePlugin

from playground.imaging.opening import Picture
from playground.ui.gradio_patches import get_upload_folder, save_bytes_to_cache
from playground.ui.uploads import in_cache

_KEY = "upload"


class UploadPath(str):
    """Where an upload lies here; `own_name` is what it was called where it came from, "" where that is not known."""

    own_name: str = ""

    @classmethod
    def named(cls, path: str, own_name: str | None) -> UploadPath:
        """The path with the name."""
        made = cls(path)
        made.own_name = own_name or ""
        return made


def shown_copy(picture: Picture, path: str) -> str:
    """The path of a PNG of the opened picture, in Gradio's cache; `path` is where the upload lies."""
    name = getattr(path, "own_name", "") or Path(path).name
    text = PngImagePlugin.PngInfo()
    text.add_itxt(_KEY, json.dumps({"path": str(path), "name": name}))
    file = io.BytesIO()
    picture.image.save(file, "PNG", pnginfo=text)
    return save_bytes_to_cache(file.getvalue(), f"{Path(name).stem or 'picture'}.png", get_upload_folder())


def upload_of(path: str) -> tuple[Path, str]:
    """Where the upload lies that a shown picture was made of, and its own name; the picture itself where it is none."""
    with contextlib.suppress(Exception), Image.open(path, formats=["PNG"]) as shown:
        made_of = json.loads(shown.info[_KEY])
        # Somebody may write such a text himself: nothing is read for him that the app would not serve him anyway.
        if in_cache(made_of["path"]) and Path(made_of["path"]).is_file():
            return Path(made_of["path"]), str(made_of["name"])
    return Path(path), getattr(path, "own_name", "") or Path(path).name
