"""Attention: choose a word of the answer and see where the model looked when it wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from playground.drawing import enlarged, heatmap_over, masks_over, resized
from playground.tasks import TaskError, checked_question
from playground.tasks.attend import attend, score
from playground.tasks.examples import Truth, truth_of
from playground.ui import snippets, troubles
from playground.ui.examples import example_row, run_on_click
from playground.ui.loaded import chat_model, title
from playground.ui.picture_input import chosen_picture, picture_input
from playground.ui.session import session_of
from playground.ui.streaming import MODEL_QUEUE
from playground.ui.turn import Fields

if TYPE_CHECKING:
    from playground.inside.trace import Trace

_WAITING = '<p class="empty">Ask first. Then every word of the answer can be clicked.</p>'
_NO_TRUTH = "No score here: this is not one of the example scenes, so nobody knows where its things truly are."


@dataclass(frozen=True, eq=False)  # compared by identity: Gradio hashes what a session keeps
class Looked:
    """What a run left behind: the picture, the kept attention, and the truth where it is known."""

    image: Image.Image
    trace: Trace
    truth: Truth | None
    question: str


@dataclass(frozen=True)
class Parts:
    """What `capability` switches off where attention cannot be read, the note that says why, and the fields."""

    switches: tuple[gr.Button, ...]
    reason: gr.HTML
    fields: Fields


def build(chosen: gr.State, why: gr.State) -> Parts:
    """Lay out the tab; `chosen` holds the name of the chat model, `why` the answer that another tab asks about."""
    kept = gr.State(None, time_to_live=3600)
    reason = gr.HTML()
    scenes = example_row(lambda scene: scene.question)
    with gr.Row():
        with gr.Column(min_width=300):
            note = gr.HTML(render=False)
            picture = picture_input(note)
            question = gr.Textbox(label="Question", placeholder="where is the dog?", max_lines=4)
            ask = gr.Button("Ask and look", variant="primary")
            note.render()
        with gr.Column(min_width=300):
            word = gr.Radio([], label="The answer: choose a word", elem_classes="words", visible=False)
            heat = gr.Image(
                label="Where it looked",
                interactive=False,
                height=380,
                buttons=["download", "fullscreen"],
                placeholder="The map appears here.",
                elem_id="heat",
                alt_text="The picture, glowing where the model looked",
            )
            verdict = gr.HTML(_WAITING)
            against = gr.Dropdown([], label="Score against the true", visible=False)
            with gr.Row():
                narrow = {"min_width": 130, "buttons": []}
                layer = gr.Slider(0, 1, 0, step=1, label="Layer", **narrow)
                head = gr.Slider(0, 1, 0, step=1, label="Head", **narrow)
            opacity = gr.Slider(0, 1, 0.75, step=0.05, label="Opacity", buttons=[])
            gr.HTML(snippets.small_print("Layer 0 and head 0 mean the average of all."))
    controls = [word, layer, head, opacity, against]
    outputs = [kept, word, layer, head, against, heat, verdict, note]
    gr.on(
        [ask.click, question.submit], respond, [picture, question, chosen], outputs,
        api_visibility="private", **MODEL_QUEUE,
    )  # fmt: skip
    run_on_click(
        scenes,
        lambda scene: (str(scene.path), scene.question),
        [picture, question],
        respond,
        [chosen],
        outputs,
    )
    # Preprocessing would answer a word or layer that an earlier answer left in the page with a bare "Error".
    gr.on(
        [control.input for control in controls], redraw, [kept, *controls], [heat, verdict], preprocess=False,
        show_progress="hidden", trigger_mode="always_last", api_visibility="private",
    )  # fmt: skip
    return Parts((ask, *(button for button, _ in scenes)), reason, Fields(picture, question))


def capability(name: str, switches: int) -> tuple[Any, ...]:
    """Values for `Parts`: all switches on, or off with the reason."""
    try:
        reason = chat_model(name).attention_reason
    except Exception as error:
        reason = troubles.sentence(error)
    note = snippets.trouble(f"{title(name)} shows no attention maps. {reason}") if reason else ""
    return *(gr.Button(interactive=not reason) for _ in range(switches)), note


def respond(path: str | None, question: str, name: str, request: gr.Request = None) -> tuple[Any, ...]:
    """Values for (kept, word, layer, head, against, heat, verdict, note); trouble changes the note alone."""
    try:
        picture = chosen_picture(path)
        trace = attend(chat_model(name), picture.image, checked_question(question), seen=session_of(request).seen)
        if not trace.words:
            raise TaskError("The model said nothing, so there is no word to look at. Ask something else.")
    except Exception as error:
        return *(gr.skip() for _ in range(7)), snippets.trouble(troubles.sentence(error))
    kept = Looked(picture.image, trace, truth_of(picture.image), question)
    word = _telling_word(kept)
    noun = _scored_noun(kept, word)
    nouns = list(dict.fromkeys(kept.truth.nouns)) if kept.truth else []
    return (
        kept,
        gr.Radio([(item.text, index) for index, item in enumerate(trace.words)], value=word, visible=True),
        gr.Slider(maximum=trace.layers, value=0),
        gr.Slider(maximum=trace.heads, value=0),
        gr.Dropdown(nouns, value=noun, visible=bool(nouns)),
        *draw(kept, word, 0, 0, 0.75, noun),
        snippets.notes(picture.notes) + snippets.small_print(snippets.statistics(trace.answer.statistics)),
    )


def redraw(kept: Looked | None, *settings: Any) -> tuple[Any, str]:
    """`draw`, or a sentence where nothing is kept, or not what the page asks for. Never raises."""
    try:
        if kept is None:
            raise TaskError("No answer is kept here; one is kept for an hour. Ask again, then choose a word.")
        return draw(kept, *settings)
    except (IndexError, TypeError):
        return gr.skip(), snippets.trouble("These settings belong to an earlier answer. Ask again.")
    except Exception as error:
        return gr.skip(), snippets.trouble(troubles.sentence(error))


def draw(kept: Looked, word: int, layer: int, head: int, opacity: float, noun: str | None) -> tuple[Image.Image, str]:
    """Values for (heat, verdict) from the kept attention; runs no model. Layer and head 0 mean all.

    Raises:
        IndexError: a word, layer or head that this answer does not have.
    """
    from playground.inside.trace import attention_map

    if word not in range(len(kept.trace.words)) or min(layer, head) < 0:
        raise IndexError(f"no word {word}, layer {layer} or head {head}")
    values = attention_map(kept.trace, word, layer=layer - 1 if layer else None, head=head - 1 if head else None)
    picture = heatmap_over(enlarged(kept.image), values, opacity)
    if kept.truth is None or noun not in kept.truth.nouns:
        return picture, snippets.small_print(_NO_TRUTH)
    mask = kept.truth.mask(noun)
    outline = resized(mask, picture.size)[None] > 0.5
    found = score(values, mask)
    sentence = (
        f"As it wrote “{kept.trace.words[word].text}”, {snippets.percent(found.mass)} of its attention to the "
        f"picture lay on the true {noun}, which covers {snippets.percent(found.area)} of it. "
        f"The brightest point {'hits' if found.hit else 'misses'}."
    )
    return masks_over(picture, outline, opacity=0), snippets.notes([sentence])


def _telling_word(kept: Looked) -> int:
    """The word to begin with: one that names a true thing, else the longest."""
    words = [item.text for item in kept.trace.words]
    if kept.truth:
        for index, text in enumerate(words):
            if kept.truth.named_in([text]):
                return index
    return max(range(len(words)), key=lambda index: len(words[index]))


def _scored_noun(kept: Looked, word: int) -> str | None:
    """The true thing that the word names, else the question, else the first of the scene."""
    if kept.truth is None:
        return None
    named = kept.truth.named_in([kept.trace.words[word].text, kept.question])
    return named or next(iter(kept.truth.nouns), None)
