"""Attention: choose a word of the answer and see where the model looked when it wrote it, and how far to believe it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

import gradio as gr

from playground.tasks.examples import Example
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.examples import example_row
from playground.ui.components.picture_input import picture_input
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.components.tab import Capability, Fields, Page, Tab
from playground.ui.loaded import chat_model, title
from playground.ui.tabs.attention import actions, animation, answers, events
from playground.ui.tabs.attention.picture import map_field
from playground.ui.tabs.attention.view import CONTROLS

_WAITING = '<p class="empty">Ask first. Then every word of the answer can be clicked.</p>'
_PLACES = "Click the map, or move this: from the top left, row by row. 0 is no place."
_QUICK = {"show_progress": "hidden", "trigger_mode": "always_last", "api_visibility": "private"}


def build(page: Page) -> Fields:
    """Lay out the tab."""
    chosen, why = page.chosen, page.why
    reason = gr.HTML()
    scenes = example_row(lambda scene: scene.question)
    parts: dict[str, Any] = {"kept": gr.State(None, time_to_live=3600), "wanted": gr.State(None)}
    parts |= {"playing": gr.State(""), "before": gr.State(""), "timer": gr.Timer(0.8, active=False)}
    parts |= _question() | _answer() | _map() | _more()
    _wire(parts, chosen, why, scenes)
    switches = parts["ask"], *(button for button, _ in scenes)
    able = Capability(partial(capability, switches=len(switches)), (*switches, reason))
    return Fields(parts["picture"], parts["question"], able)


TAB = Tab("attention", "Attention", build)


def _question() -> dict[str, Any]:
    """Picture and question."""
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            picture.height = 250
        with gr.Column(min_width=300):
            question = gr.Textbox(
                label="Question",
                info="Every word of its answer gets a map.",
                placeholder="where is the dog?",
                max_lines=4,
            )
            with gr.Row():
                ask = gr.Button("Ask and look", variant="primary", scale=3, min_width=120)
                stop = gr.Button("Stop", scale=1, min_width=80, interactive=False)
            note.render()
            with gr.Accordion("Keep this answer, or open a kept one", open=False):
                with gr.Row():
                    save = gr.Button("Save the trace", size="sm", interactive=False)
                    upload = gr.UploadButton("Open a saved trace", size="sm", file_count="single")
                gr.HTML(snippets.small_print("A trace is one file with the words, the pictures and all attention."))
                saved = gr.File(label="The trace", interactive=False, visible=False)
    kept = dict(save=save, upload=upload, saved=saved)
    return dict(note=note, picture=picture, question=question, ask=ask, stop=stop, **kept)


def _answer() -> dict[str, Any]:
    """The words of the answer, painted, and which picture is looked at."""
    word = gr.Radio(
        [],
        label="The answer: choose a word",
        info="Click it, or go from word to word with the arrow keys.",
        elem_id="answer-words",
        elem_classes="words",
        visible=False,
    )
    colours = gr.HTML()
    which = gr.Radio([], label="Picture", info="Which of the pictures the map is laid over.", visible=False)
    return dict(word=word, colours=colours, which=which)


def _map() -> dict[str, Any]:
    """The map, and beside it everything that changes it."""
    slider = {"minimum": 0, "maximum": 1, "value": 0, "step": 1, "buttons": []}
    with gr.Row():
        with gr.Column(min_width=300, scale=5):
            heat = map_field(
                label="Where it looked",
                height=440,
                placeholder="The map appears here.",
                elem_id="heat",
                alt_text="The picture, glowing where the model looked",
            )
            verdict = gr.HTML(_WAITING)
            sure = gr.HTML()
        with gr.Column(min_width=300, scale=4):
            method = gr.Dropdown([], label="Method", info="How the map is drawn.", interactive=False)
            about = gr.HTML()
            halt = gr.Button("Stop the model", size="sm", interactive=False, elem_classes="quiet")
            with gr.Row():
                layer = gr.Slider(**slider, label="Layer", info="0: the mean of all.", min_width=130)
                head = gr.Slider(**slider, label="Head", info="0: the mean of all.", min_width=130)
            with gr.Row():
                play_layer = gr.Button("▶ Play layers", size="sm", min_width=130)
                play_word = gr.Button("▶ Play words", size="sm", min_width=130)
            opacity = gr.Slider(
                0, 1, answers.OPACITY, step=0.05, label="Opacity", buttons=[], info="0 shows the picture alone."
            )
            against = gr.Dropdown([], label="Score against the true", info="The thing it should mark.", visible=False)
            score = gr.HTML()
    shown = dict(
        heat=heat, verdict=verdict, sure=sure, method=method, about=about, against=against, score=score, halt=halt
    )
    return shown | dict(layer=layer, head=head, play_layer=play_layer, play_word=play_word, opacity=opacity)


def _more() -> dict[str, Any]:
    """What goes deeper: whether the map is true, all heads, and a place of the picture."""
    check = gr.Button("Is this map true to the model?", size="sm", visible=False, elem_classes="quiet")
    checked = gr.HTML()
    with gr.Accordion("All heads of all layers", open=False):
        gr.HTML(snippets.small_print("The attention of every head for this word. Click one to see it large."))
        heads = gr.Image(
            label="All heads",
            show_label=False,
            interactive=False,
            buttons=[],
            elem_id="heads",
            alt_text="Small attention maps, one row a layer and one column a head",
        )
    with gr.Accordion("From a place in the picture to the words", open=False):
        place = gr.Slider(0, 1, 0, step=1, label="Place", info=_PLACES, buttons=[])
        with gr.Row():
            with gr.Column(min_width=300):
                lookers = gr.HTML()
            with gr.Column(min_width=300):
                read = gr.Button("Which word is this place turning into?", size="sm", interactive=False)
                lens = gr.HTML()
    return dict(check=check, checked=checked, heads=heads, place=place, lookers=lookers, read=read, lens=lens)


def _wire(parts: dict[str, Any], chosen: gr.State, why: gr.State, scenes: list) -> None:
    """Give every part its events. All give values by name, so all may change any part."""
    outputs = list(parts.values())
    onto = partial(_onto, parts)
    kept, opacity = parts["kept"], parts["opacity"]
    controls = [kept, *(parts[name] for name in CONTROLS)]
    model = {"api_visibility": "private", "show_progress_on": parts["heat"], **MODEL_QUEUE}
    # Preprocessing would answer a word or layer that an earlier answer left in the page with a bare "Error".
    quick = {"preprocess": False, "concurrency_limit": 4, **_QUICK}
    asked = [chosen, opacity]
    asking = gr.on(
        [parts["ask"].click, parts["question"].submit], onto(answers.ask),
        [parts["picture"], parts["question"], *asked], outputs, trigger_mode="always_last", **model,
    )  # fmt: skip
    runs = [asking]
    for button, scene in scenes:
        filled = button.click(
            lambda path=str(scene.path), text=scene.question: (path, text), None,
            [parts["picture"], parts["question"]], queue=False, api_visibility="private",
        )  # fmt: skip
        runs.append(filled.then(onto(_asking(scene)), asked, outputs, trigger_mode="always_last", **model))
    runs.append(why.change(onto(answers.look_into), [why, opacity], outputs, **model))
    parts["upload"].upload(onto(answers.open_file), [parts["upload"], opacity], outputs, **_QUICK)
    parts["save"].click(onto(answers.save_file), kept, outputs, api_visibility="private", show_progress="hidden")

    def moved(names: str, act: Callable) -> None:
        gr.on([parts[name].input for name in names.split()], onto(act), controls, outputs, **quick)

    moved("opacity against place", actions.redraw)
    moved("layer head", actions.another_map)
    moved("word", actions.another_word)
    moved("which", actions.another_picture)
    moved("method", actions.another_method)
    moved("word which layer head", actions.show_heads)
    parts["heads"].select(onto(actions.choose_head), controls, outputs, **quick)
    parts["heat"].select(onto(actions.choose_place), controls, outputs, **quick)
    playing = [kept, parts["playing"], parts["before"], *controls[1:]]
    for what in ("layer", "word"):
        parts[f"play_{what}"].click(onto(partial(animation.play, what)), playing, outputs, **quick)
    parts["timer"].tick(onto(animation.step), playing, outputs, **quick)
    run = {"preprocess": False, "trigger_mode": "always_last", **model}
    wanted = [kept, parts["wanted"], *controls[1:]]
    runs += [
        parts["wanted"].change(onto(actions.run_wanted), wanted, outputs, **run),
        parts["read"].click(onto(actions.read_place), controls, outputs, **run | {"show_progress_on": parts["lens"]}),
        parts["check"].click(
            onto(actions.check_map), controls, outputs, **run | {"show_progress_on": parts["checked"]}
        ),
    ]
    gr.on(
        [parts["stop"].click, parts["halt"].click], onto(events.stopped), None, outputs, cancels=runs, queue=False,
        show_progress="hidden", api_visibility="private",
    )  # fmt: skip


def _asking(scene: Example) -> Callable:
    """Ask what an example scene asks, whatever the fields hold by then."""

    def ask(name: str, opacity: float, request: gr.Request = None) -> Iterator[dict[str, Any]]:
        yield from answers.ask(str(scene.path), scene.question, name, opacity, request)

    return ask


def _onto(parts: dict[str, Any], act: Callable) -> Callable:
    """An action as Gradio wants it: values by component in place of values by name."""

    def placed(values: dict[str, Any]) -> dict[Any, Any]:
        changed = values or {"note": gr.skip()}  # Gradio takes no empty dict for no change
        return {parts[name]: value for name, value in changed.items()}

    @wraps(act)
    def once(*arguments: Any) -> dict[Any, Any]:
        return placed(act(*arguments))

    @wraps(act)
    def steps(*arguments: Any) -> Iterator[dict[Any, Any]]:
        for values in act(*arguments):
            yield placed(values)

    inner = act.func if isinstance(act, partial) else act
    return steps if inspect.isgeneratorfunction(inner) else once


def capability(name: str, switches: int) -> tuple[Any, ...]:
    """Values for (*switches, note): all on, or off with the reason. switches: how many there are."""
    try:
        reason = chat_model(name).attention_reason
    except Exception as error:
        reason = troubles.sentence(error)
    note = snippets.trouble(f"{title(name)} shows no attention maps. {reason}") if reason else ""
    return *(gr.Button(interactive=not reason) for _ in range(switches)), note
