"""The table of a folder's captions with small pictures, and how far it is."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from playground.imaging.opening import open_picture
from playground.tasks.exports.captions import Captioned
from playground.ui.components import snippets

_SIDE = 96  # pixels; shown at half of that, for screens of double density
EMPTY = '<p class="empty">The captions appear here as they are written.</p>'


def thumbnail(path: str) -> str:
    """A small JPEG of the picture as an address that holds it itself. Raises MediaError for what is no picture."""
    image = open_picture(path).image
    image.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


def table(rows: Sequence[tuple[Captioned, str]], left_out: int = 0) -> str:
    """Thumbnail, name and caption of each file, or what is wrong with it.

    rows: each with its thumbnail, "" for none. left_out: how many more are done and not shown.
    """
    if not rows:
        return EMPTY
    more = snippets.small_print(f"{left_out:,} more are done; the downloads have them all.") if left_out else ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Picture", "File", "Caption"))
    body = "".join(_line(row, picture) for row, picture in rows)
    return f'<div class="captions" tabindex="0"><table><tr>{head}</tr>{body}</table></div>{more}'


def _line(row: Captioned, picture: str) -> str:
    shown = f'<img src="{picture}" alt="">' if picture else '<span class="no-picture"></span>'
    said = escape(row.error or row.text or "(it said nothing)")
    kind = ' class="broken"' if row.error else ""
    return f'<tr{kind}><td>{shown}</td><th scope="row">{escape(row.file_name)}</th><td>{said}</td></tr>'


def progress(done: int, total: int, broken: int, said: str = "") -> str:
    """How far a folder is, as a bar and in words; screen readers are told the words."""
    errors = f", {broken:,} of them cannot be read" if broken else ""
    words = f"{done:,} of {total:,} done{errors}. {said}".strip()
    return (
        f'<p class="folder-progress"><progress max="{max(1, total)}" value="{done}" aria-label="Pictures done">'
        f'</progress> <span role="status">{escape(words)}</span></p>'
    )
