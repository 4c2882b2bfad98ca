"""What a tab is to the page around it. A new one is a folder in `playground/ui/tabs` and a line in `ui/app.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr


@dataclass(frozen=True)
class Page:
    """What the page shares with every tab.

    Attributes:
        chosen: holds the name of the chat model that answers.
        why: a `playground.ui.components.fields.Why` that is put into it opens the Attention tab with that answer.
    """

    chosen: gr.State
    why: gr.State


@dataclass(frozen=True)
class Capability:
    """What a tab can do with the chosen model: looked up when the page has opened, and when another model is chosen.

    Attributes:
        values: from the model's name to values for `outputs`. It never raises, and may load the model.
        outputs: buttons that go on or off, and notes that say why.
    """

    values: Callable[[str], Sequence[Any]]
    outputs: tuple[gr.components.Component, ...]


@dataclass(frozen=True)
class Fields:
    """What the page needs of a tab that is laid out.

    Attributes:
        picture: the field that a link or a reload can fill, None where the tab has none.
        words: the same for words.
        capability: what depends on the chosen model, None where nothing does that the tab itself does not see to.
    """

    picture: gr.Image | None
    words: gr.Textbox | gr.MultimodalTextbox | None
    capability: Capability | None = None


@dataclass(frozen=True)
class Tab:
    """A tab: its folder's `layout.py` defines one as `TAB`.

    Attributes:
        id: in links and in what the browser keeps; the name of its folder.
        label: for people.
        build: lays it out, inside a `gr.Tab`.
    """

    id: str
    label: str
    build: Callable[[Page], Fields]
