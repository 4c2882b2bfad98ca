"""What a message's pictures will cost, told beside the box before it is sent."""

from __future__ import annotations

import functools
from typing import Any

from playground.checkpoints.catalog import find
from playground.imaging.opening import open_picture
from playground.models.chat import ChatModel
from playground.models.loading import loaded
from playground.models.messages import Message
from playground.ui.components import snippets
from playground.ui.tabs.chat.actions import Draft


def forecast_line(message: dict[str, Any] | None, name: str) -> str:
    """One line of small print: tokens, seconds, and what the limit saves. Empty where no picture is in the box, where
    the model is embedded (its pictures cost next to nothing) or not loaded yet, and where it cannot be told."""
    draft = Draft.of(message)
    entry = find(name)
    if not draft.files or (entry and entry.embedded):
        return ""
    wanted = {name, entry.name if entry else name}
    model = next((each for each in loaded() if isinstance(each, ChatModel) and each.name in wanted), None)
    if model is None:
        return ""
    try:
        found = model.forecast([Message("user", draft.text, tuple(_opened(path) for path in draft.files))])
    except Exception:  # what is wrong with a picture is said when it is sent
        return ""
    return snippets.small_print(str(found)) if found else ""


@functools.lru_cache(maxsize=16)
def _opened(path: str) -> Any:
    """A picture of the box: it is asked for again with every letter that is typed beside it."""
    return open_picture(path).image
