"""The card beside a model picker: what the model knows, costs and can do, and how far its download is."""

from __future__ import annotations

from html import escape

from playground.checkpoints.catalog import TASKS, Entry, Kind, find, of_kind, shown
from playground.checkpoints.download import Progress
from playground.models.loading import is_address
from playground.ui import loaded
from playground.ui.loaded import Costs

_CAN: dict[Kind, str] = {
    "chat": "Talk about pictures, answer, describe",
    "segment": "Segment what you name or click",
    "detect": "Draw boxes around what you name",
    "embed": "Say how well words and pictures fit each other",
}
_FOLDED = ("unloaded", "loading", "loaded")


def card_of(
    name: str, kind: Kind, state: str, model: object = None, costs: Costs | None = None, seconds: int = 0
) -> str:
    """What the chosen model knows, costs and can do.

    Args:
        state: "unloaded", "asking", "offered", "downloading", "loading" or "loaded".
        model: the loaded one, where there is one.
        costs: of a download that waits to be wanted.
        seconds: how long it has been loading; screen readers are not told every second.
    """
    title, entry = loaded.title(name), find(name)
    status = {
        "unloaded": f"{title} is not loaded yet; your first question loads it",
        "asking": f"Asking the Hub about {title}…",
        "offered": f"{title} is not on this machine yet. The earlier model answers until you load it",
        "downloading": f"Downloading {title}…",
        "loading": f"Loading {title}…",
        "loaded": f"{title} is loaded",
    }[state]
    facts = {
        "Knows": entry.knows if entry else "What it was trained on; it is not in this catalogue.",
        "Costs": _costs(name, entry, costs),
        "Licence": _licence(name, entry, costs),
        "Can": _abilities(kind, model),
        "Note": " ".join(getattr(model, "notes", ())),
    }
    if entry and entry.embedded:
        facts["Photos"] = _for_photographs(kind)
    rows = "".join(f"<dt>{term}</dt><dd>{escape(text)}</dd>" for term, text in facts.items() if text)
    since = f'<span class="since" aria-hidden="true">{seconds} s</span>' if seconds else ""
    told = f'<p class="status {state}" role="status">{escape(status)}{since}</p>'
    listed = f"<dl>{rows}</dl>"
    if state in _FOLDED:  # on a phone, by page.js; what a download costs is always in sight
        listed = f"<details open><summary>What it is</summary>{listed}</details>"
    return f'<div class="card">{told}{listed}</div>'


def progress_of(step: Progress) -> str:
    """How far a download is, as a bar and in figures; screen readers are not told of every step."""
    figures = f"{shown(step.done / 1e6)} of {shown(step.total / 1e6)}"
    return (
        f'<p class="small-print download"><progress max="{max(1, step.total)}" value="{step.done}" '
        f'aria-label="{escape(step.hub_id)}"></progress> {escape(figures)}</p>'
    )


def choice(entry: Entry) -> str:
    """A catalogue entry's line in the list of models."""
    where = "comes with the app" if entry.embedded else f"{shown(entry.download_mb)} download"
    return f"{entry.name} · {where}"


def _costs(name: str, entry: Entry | None, costs: Costs | None) -> str:
    if is_address(name):
        return "Nothing here; it runs on that server."
    if costs and not entry:
        return f"{shown(costs.megabytes)} download, once, and memory for its weights."
    if entry is None:
        return "A download if it is on the Hub, and memory for its weights."
    if entry.embedded:
        return f"No download; about {shown(entry.memory_mb)} of memory."
    return f"{shown(entry.download_mb)} download, once; about {shown(entry.memory_mb)} of memory."


def _licence(name: str, entry: Entry | None, costs: Costs | None) -> str:
    if costs:
        gate = " The Hub wants you to log in and accept it first (hf auth login)." if entry and entry.gated else ""
        return f"{costs.licence} ({', '.join(costs.pages)}).{gate}"
    return f"{entry.licence}." if entry and not entry.embedded else ""


def _for_photographs(kind: Kind) -> str:
    """Which model of the list to take for photographs, where the chosen one knows only its own small world."""
    able = (entry for entry in of_kind(kind) if TASKS[kind][0] in entry.tasks)
    other = next((entry.name for entry in able if not entry.embedded and not entry.gated), None)
    return f"Pick another model of the list for them, such as {other}." if other else ""


def _abilities(kind: Kind, model: object) -> str:
    reason = getattr(model, "attention_reason", None)
    if kind != "chat" or model is None:
        return f"{_CAN[kind]}."
    return f"{_CAN[kind]}; {f'no attention maps: {reason}' if reason else 'show where it looks.'}"
