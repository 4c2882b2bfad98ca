"""The model picker, and beside it what the chosen model knows, costs and can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape

import gradio as gr

from playground.models.catalog import Entry, Kind, find, of_kind
from playground.ui import loaded, snippets, troubles

_CAN = {
    "chat": "Talk about pictures, answer, describe",
    "segment": "Colour what you name",
    "embed": "Compare pictures and words",
}
_PHOTOGRAPHS = {
    "chat": "Pick a Hub model from the list for them, such as SmolVLM-256M-Instruct.",
    "segment": "Pick clipseg-rd64-refined from the list for them.",
    "embed": "Pick siglip2-base-patch16-224 from the list for them.",
}


@dataclass(frozen=True)
class Picker:
    """What the tabs need of a model picker.

    Attributes:
        chosen: the name of the model that answers; changes only when the new one is loaded.
        offered: the name of a model that was picked but must be downloaded first; "" for none.
        card: what is known of the picked model, or why it cannot be loaded.
    """

    chosen: gr.State
    offered: gr.State
    card: gr.HTML


def picker(kind: Kind, default: str, load: Callable[[str], object], state: str = "asleep") -> Picker:
    """Lay out a picker. What is on this machine loads when it is picked; a download waits for its button.

    Args:
        default: the name of the model to begin with, in the `state` that `card_of` describes.
        load: loads a model by name, and raises with a sentence where it cannot.
    """
    chosen, offered = gr.State(default), gr.State("")
    with gr.Row(elem_classes="picker", equal_height=False):
        dropdown = gr.Dropdown(
            [(_choice(entry), entry.name) for entry in of_kind(kind)],
            value=default,
            label="Model",
            info="Type to search. A Hub id (owner/name) or a folder works as well.",
            allow_custom_value=True,
            scale=2,
            min_width=300,
        )
        with gr.Column(elem_classes="card-frame"):
            card = gr.HTML(card_of(default, kind, state))
            button = gr.Button("Load", variant="primary", size="sm", visible=False, elem_classes="load")

    def pick(name: str | None, before: str, waiting: str) -> Iterator[tuple[object, ...]]:
        wanted = (name or "").strip()
        if wanted == before and not waiting:
            yield (gr.skip(),) * 5
        elif wanted != before and loaded.must_download(wanted):
            yield gr.skip(), gr.skip(), wanted, card_of(wanted, kind, "offered"), _load_button(wanted)
        else:
            yield from get(wanted, before)

    def get(wanted: str, before: str) -> Iterator[tuple[object, ...]]:
        """Values for (dropdown, chosen, offered, card, button)."""
        hidden = gr.Button(visible=False)
        yield gr.skip(), gr.skip(), gr.skip(), card_of(wanted, kind, "waking"), hidden
        try:
            model = load(wanted)
        except Exception as error:
            stays = f"{troubles.sentence(error)} {loaded.title(before)} stays selected."
            *_, earlier = waking(kind, load)(before)
            yield before, gr.skip(), "", snippets.trouble(stays) + earlier, hidden
            return
        yield gr.skip(), wanted, "", card_of(wanted, kind, "awake", model), hidden

    outputs = [dropdown, chosen, offered, card, button]
    loading = {
        "show_progress": "hidden",
        "concurrency_id": "loading",
        "concurrency_limit": 4,
        "api_visibility": "private",
    }
    fetched = button.click(get, [offered, chosen], outputs, **loading)
    # Who picks another model no longer waits for the first one; what was downloaded of it stays on the disk.
    dropdown.change(
        pick, [dropdown, chosen, offered], outputs, trigger_mode="always_last", cancels=fetched, **loading
    )  # fmt: skip
    return Picker(chosen, offered, card)


def waking(kind: Kind, load: Callable[[str], object]) -> Callable[[str], Iterator[str]]:
    """A function for the page's load event: the card says that the model wakes, and then that it is awake."""

    def steps(name: str) -> Iterator[str]:
        yield card_of(name, kind, "waking")
        try:
            model = load(name)
        except Exception as error:
            yield snippets.trouble(troubles.sentence(error)) + card_of(name, kind, "asleep")
            return
        yield card_of(name, kind, "awake", model)

    return steps


def card_of(name: str, kind: Kind, state: str, model: object = None) -> str:
    """What the chosen model knows, costs and can do. `state` is "asleep", "offered", "waking" or "awake"."""
    entry = find(name)
    patience = f" The first time it downloads {_size(entry.download_mb)}." if entry and entry.download_mb else ""
    status = {
        "asleep": f"{loaded.title(name)} sleeps until you ask",
        "offered": f"{loaded.title(name)} is not on this machine yet. The earlier model answers until you load it",
        "waking": f"Waking {loaded.title(name)}…{patience}",
        "awake": f"{loaded.title(name)} is awake",
    }[state]
    facts = {
        "Knows": entry.knows if entry else "What it was trained on; it is not in this catalogue.",
        "Costs": _costs(entry),
        "Can": _abilities(kind, model),
    }
    if entry and entry.embedded:
        facts["Photos"] = _PHOTOGRAPHS[kind]
    rows = "".join(f"<dt>{term}</dt><dd>{escape(text)}</dd>" for term, text in facts.items())
    return f'<div class="card"><p class="status {state}" role="status">{escape(status)}</p><dl>{rows}</dl></div>'


def _load_button(name: str) -> gr.Button:
    """The button that begins a download, with its size where that is known."""
    entry = find(name)
    return gr.Button(f"Load · {_size(entry.download_mb)} download" if entry else "Load", visible=True)


def _choice(entry: Entry) -> str:
    where = "comes with the app" if entry.embedded else f"{_size(entry.download_mb)} download"
    return f"{entry.name} · {where}"


def _costs(entry: Entry | None) -> str:
    if entry is None:
        return "A download if it is on the Hub, and memory for its weights."
    if entry.embedded:
        return f"No download; about {_size(entry.memory_mb)} of memory."
    costs = f"{_size(entry.download_mb)} download, once; about {_size(entry.memory_mb)} of memory"
    return f"{costs}. {entry.licence}."


def _abilities(kind: Kind, model: object) -> str:
    reason = getattr(model, "attention_reason", None)
    if kind != "chat" or model is None:
        return f"{_CAN[kind]}."
    return f"{_CAN[kind]}; {f'no attention maps: {reason}' if reason else 'show where it looks.'}"


def _size(megabytes: int) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"
