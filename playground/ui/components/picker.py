"""The model picker, and beside it what the chosen model knows, costs and can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count

import gradio as gr

from playground.checkpoints.catalog import Kind, of_kind, shown
from playground.ui import error_messages as troubles
from playground.ui import loaded
from playground.ui.components import snippets
from playground.ui.components.card import card_of, choice, progress_of


@dataclass(frozen=True)
class Picker:
    """What the tabs need of a model picker.

    Attributes:
        chosen: the name of the model that answers; changes only when the new one is loaded.
        offered: the name of a model that was picked but must be downloaded first; "" for none.
        card: what is known of the picked model, or why it cannot be loaded.
        dropdown: what a person picks with; setting its value picks too.
    """

    chosen: gr.State
    offered: gr.State
    card: gr.HTML
    dropdown: gr.Dropdown


def picker(
    kind: Kind, default: str, load: Callable[[str], object], state: str = "unloaded", task: str | None = None
) -> Picker:
    """Lay out a picker. What is on this machine loads when it is picked; a download waits for its button.

    Args:
        default: the name of the model to begin with, in the `state` that `card_of` describes.
        load: loads a model by name, and raises with a sentence where it cannot.
        task: offer only those that are good for it, in the words of `playground.tasks`.
    """
    chosen, offered = gr.State(default), gr.State("")
    with gr.Row(elem_classes="picker", equal_height=False):
        dropdown = gr.Dropdown(
            [(choice(entry), entry.name) for entry in of_kind(kind) if task is None or task in entry.tasks],
            value=default,
            label="Model",
            info="Type to search. A Hub id (owner/name), a folder or a server's address (http://…/v1) works as well.",
            allow_custom_value=True,
            scale=2,
            min_width=300,
        )
        with gr.Column(elem_classes="card-frame"):
            card = gr.HTML(card_of(default, kind, state))
            button = gr.Button("Load", variant="primary", size="sm", visible=False, elem_classes="load")
            cancel = gr.Button("Cancel", size="sm", visible=False, elem_classes="load")

    hidden = gr.Button(visible=False)

    def pick(name: str | None, before: str, waiting: str) -> Iterator[tuple[object, ...]]:
        wanted = (name or "").strip()
        if wanted == before and not waiting:
            yield (gr.skip(),) * 6
        elif wanted != before and loaded.must_download(wanted):
            yield from offer(wanted, before)
        else:
            yield from get(wanted, before)

    def offer(wanted: str, before: str) -> Iterator[tuple[object, ...]]:
        """Say what the download costs and under which licence it is; the button begins it, or begins it again.

        Yields values for (dropdown, chosen, offered, card, button, cancel), as all steps here do.
        """
        yield gr.skip(), gr.skip(), gr.skip(), card_of(wanted, kind, "asking"), hidden, hidden
        try:
            costs = loaded.costs(wanted)
        except Exception as error:
            yield from stay(before, error)
            return
        label = gr.Button(f"Load · {shown(costs.megabytes)} download", visible=True)
        yield gr.skip(), gr.skip(), wanted, card_of(wanted, kind, "offered", costs=costs), label, hidden

    def get(wanted: str, before: str) -> Iterator[tuple[object, ...]]:
        """Download where that is needed, then load."""
        try:
            if loaded.must_download(wanted):
                yield gr.skip(), gr.skip(), wanted, card_of(wanted, kind, "asking"), hidden, gr.Button(visible=True)
                for step in loaded.fetch(wanted):
                    card = card_of(wanted, kind, "downloading") + progress_of(step)
                    yield (gr.skip(),) * 3 + (card, gr.skip(), gr.skip())
            for card, model in loading_of(wanted, kind, load):
                now = (gr.skip(), gr.skip()) if model is None else (wanted, "")
                yield gr.skip(), *now, card, hidden, hidden
        except Exception as error:
            yield from stay(before, error)

    def stay(before: str, error: Exception) -> Iterator[tuple[object, ...]]:
        """The earlier model goes on answering; say why the other one does not."""
        said = f"{troubles.sentence(error)} {loaded.title(before)} stays selected."
        *_, earlier = cards_while_loading(kind, load)(before)
        yield before, gr.skip(), "", snippets.trouble(said) + earlier, hidden, hidden

    outputs = [dropdown, chosen, offered, card, button, cancel]
    loading = {
        "show_progress": "hidden",
        "concurrency_id": "loading",
        "concurrency_limit": 4,
        "api_visibility": "private",
    }
    fetched = button.click(get, [offered, chosen], outputs, **loading)
    # Who picks another model ends the download of the first one; the files of it that came whole stay on the disk.
    dropdown.change(
        pick, [dropdown, chosen, offered], outputs, trigger_mode="always_last", cancels=fetched, **loading
    )  # fmt: skip
    # Only when it has ended is it offered again, or its last step would be drawn over the offer.
    cancel.click(None, cancels=fetched).then(offer, [offered, chosen], outputs, **loading)
    return Picker(chosen, offered, card, dropdown)


def cards_while_loading(kind: Kind, load: Callable[[str], object]) -> Callable[[str], Iterator[str]]:
    """A function for the page's load event: the card says that the model is being loaded, and then that it is there."""

    def steps(name: str) -> Iterator[str]:
        try:
            for card, _ in loading_of(name, kind, load):
                yield card
        except Exception as error:
            yield snippets.trouble(troubles.sentence(error)) + card_of(name, kind, "unloaded")

    return steps


def loading_of(name: str, kind: Kind, load: Callable[[str], object]) -> Iterator[tuple[str, object]]:
    """Load a model, and say every second how long it takes: (card, None), and at the end (card, the model).

    Raises what `load` does.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="loading")
    loading = pool.submit(load, name)
    pool.shutdown(wait=False)  # when the page is closed meanwhile, nobody waits
    for seconds in count():
        yield card_of(name, kind, "loading", seconds=seconds), None
        if wait([loading], timeout=1).done:
            break
    model = loading.result()
    yield card_of(name, kind, "loaded", model), model
