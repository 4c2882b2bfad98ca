"""Links that reproduce a question about an example scene: ?tab=ask&example=two-dogs&question=…&model=…

Whatever a link says was written by a stranger. So it fills fields and runs nothing, names pictures only among the
example scenes, and models only among those that are offered anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape, unescape
from typing import Any
from urllib.parse import urlencode

from playground.checkpoints.catalog import find
from playground.imaging.opening import open_picture
from playground.tasks.examples import Example, example_of, examples
from playground.ui.components import snippets

LONGEST = 4000
"""Characters of a question that a link may carry; the tabs take no more either."""
_ONLY_SCENES = (
    "A link can carry only the example scenes, because other pictures stay with you. "
    "Click a scene in this tab, then copy the link."
)


@dataclass(frozen=True)
class Link:
    """What a link asks for; "" or None where it says nothing usable.

    notes: sentences on what was left out.
    """

    tab: str = ""
    example: Example | None = None
    question: str = ""
    model: str = ""
    notes: tuple[str, ...] = ()


def read(parameters: Mapping[str, str], tabs: tuple[str, ...]) -> Link:
    """Understand the parameters of a page's address; what is unknown is left out, with a sentence where it matters."""
    said = {name: str(parameters.get(name) or "").strip() for name in ("tab", "example", "question", "model")}
    notes = []
    example = next((scene for scene in examples() if scene.name == said["example"]), None)
    if said["example"] and example is None:
        notes.append("The link names an example scene that is not here.")
    if len(said["question"]) > LONGEST:
        notes.append(f"The link's question is longer than {LONGEST:,} characters, so it was left out.")
        said["question"] = ""
    entry = find(said["model"]) if said["model"] else None
    if said["model"] and (entry is None or entry.kind != "chat"):
        notes.append("The link names a model that is not in the list. Type its name yourself if you trust it.")
    tab = said["tab"] if said["tab"] in tabs else ""
    if example and not tab:
        tab = "ask"
    model = entry.name if entry and entry.kind == "chat" else ""
    return Link(tab, example, said["question"], model, tuple(notes))


def link_to(tab: str, picture: str | None, words: str | None, model: str) -> str:
    """The part of an address from "?" on that leads here, or "" where the picture is no example scene.

    picture: the path of what the tab's picture field holds. model: is named where it is in the catalogue.
    """
    try:
        scene = example_of(open_picture(picture).image) if picture else None
    except Exception:  # whatever is no picture is no example scene either
        scene = None
    if scene is None:
        return ""
    entry = find(model)
    said = {
        "tab": tab,
        "example": scene.name,
        "question": (words or "")[:LONGEST],
        "model": entry.name if entry else "",
    }
    return "?" + urlencode({name: value for name, value in said.items() if value})


def asked(box: Any, talk: Any) -> tuple[str | None, str]:
    """(picture, words) of the chat tab: what lies in its box, else the talk's last question that had a picture."""
    box = box if isinstance(box, dict) else {}
    if files := box.get("files"):
        return str(files[0]), str(box.get("text") or "")
    for message in reversed(talk if isinstance(talk, list) else []):
        parts = message.get("content") if isinstance(message, dict) and message.get("role") == "user" else None
        parts = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        files = [part["file"].get("path") for part in parts if isinstance(part.get("file"), dict)]
        if files:
            return files[0], unescape(" ".join(str(part["text"]) for part in parts if part.get("text")))
    return None, ""


def shown(link: str) -> str:
    """The link as a note, or the sentence that says why there is none."""
    if not link:
        return snippets.trouble(_ONLY_SCENES)
    return (
        '<p class="note" role="status">This link opens the same picture and words; it was copied if your browser '
        f'allows that: <a id="copied" href="{escape(link)}">{escape(link)}</a></p>'
    )
