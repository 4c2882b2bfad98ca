"""Ask, many pictures: every question about every picture, as a table that fills while it is made and can be kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr

from playground.imaging.opening import open_picture
from playground.tasks import QUESTION_LIMIT
from playground.tasks.answer import UNTOLD, calibration_of
from playground.tasks.bulk.answer_table import (
    CELLS,
    PICTURES,
    QUESTIONS,
    Cell,
    answer_table,
    as_csv,
    as_json,
    check_size,
)
from playground.tasks.examples import examples
from playground.tasks.lines import distinct_lines
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.gradio_patches import ListFiles, get_upload_folder, read_with, save_bytes_to_cache
from playground.ui.loaded import chat_model, title
from playground.ui.tabs.ask import view as answer_html

# A line of its own: others' single answers come between a table's, since a model answers one question at a time.
_TABLES = {"concurrency_id": "table", "concurrency_limit": 1}
_EVERY = 0.4  # seconds between two views of a table that grows
_HELP = (
    f"Up to {PICTURES} pictures, {QUESTIONS} questions and {CELLS:,} answers at a time. A picture that cannot be read "
    "gets a sentence in its row and stops nothing."
)
_WAITING = '<p class="empty">The table appears here: a row a picture, a column a question.</p>'
_QUESTIONS = "what is in the picture?\nhow many things are there?"


def build(chosen: gr.State) -> None:
    """Lay out the mode; `chosen` holds the name of the chat model."""
    cells = gr.State((), time_to_live=3600)
    with gr.Row():
        with gr.Column(min_width=300):
            pictures = gr.File(label="Pictures, as many as you like", file_count="multiple", height=200)
        with gr.Column(min_width=300):
            questions = gr.Textbox(
                label="Questions", lines=5, max_lines=12, info="One a line.", placeholder=_QUESTIONS,
                elem_classes="questions",
            )  # fmt: skip
            gr.HTML(snippets.small_print(_HELP))
            with gr.Row():
                run = gr.Button("Ask them all", variant="primary", scale=3, min_width=120)
                stop = gr.Button("Stop", scale=1, min_width=80, interactive=False)
            sample = gr.Button("Try the example scenes", size="sm")
    note, far, table = gr.HTML(), gr.HTML(), gr.HTML(_WAITING, elem_classes="result")
    with gr.Row():
        kept = {"size": "sm", "interactive": False, "min_width": 140}
        downloads = [gr.DownloadButton("Download CSV", **kept), gr.DownloadButton("Download JSON", **kept)]
    # Set on this field alone: what the uploads are called on the disk is all that is wanted of them.
    read_with(pictures, _paths)
    outputs = [cells, table, far, note, stop, *downloads]
    folder = get_upload_folder()

    def keep(done: tuple[Cell, ...], name: str) -> tuple[Any, ...]:
        """Values for the two downloads: files of the answers that there are."""
        if not done:
            return gr.DownloadButton(interactive=False), gr.DownloadButton(interactive=False)
        contents = {"answers.csv": as_csv(done), "answers.json": _json(done, name)}
        files = (save_bytes_to_cache(text.encode(), file, folder) for file, text in contents.items())
        return tuple(gr.DownloadButton(value=file, interactive=True) for file in files)

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    asked = run.click(respond, [pictures, questions, chosen], outputs, **quiet, **_TABLES)
    filled = sample.click(_example, questions, [pictures, questions], queue=False, **quiet)
    sampled = filled.then(respond, [pictures, questions, chosen], outputs, **quiet, **_TABLES)
    for event in (asked, sampled):
        event.then(keep, [cells, chosen], downloads, queue=False, **quiet)
    stop.click(_stopped, cells, [far, stop], cancels=[asked, sampled], queue=False, **quiet).then(
        keep, [cells, chosen], downloads, queue=False, **quiet
    )


def respond(paths: Sequence[str] | None, typed: str, name: str) -> Iterator[tuple[Any, ...]]:
    """Values for (cells, table, progress, note, stop button, downloads), as the table grows. Never raises."""
    off, idle = gr.DownloadButton(interactive=False), gr.Button(interactive=False)
    try:
        questions = distinct_lines(typed, "questions", QUESTIONS, QUESTION_LIMIT)
        paths = list(paths or ())
        check_size(len(paths), len(questions.items))
        total = len(paths) * len(questions.items)
        yield (
            (),
            "",
            answer_html.progress(0, total),
            snippets.notes(questions.notes),
            gr.Button(interactive=True),
            off,
            off,
        )
        model = chat_model(name)
        done: list[Cell] = []
        shown, pictures, began = 0.0, {}, time.monotonic()
        with closing(answer_table(model, [Path(path) for path in paths], questions.items)) as found:
            for cell in found:
                done.append(cell)
                place = (len(done) - 1) // len(questions.items)
                if place not in pictures:
                    pictures[place] = _thumbnail(paths[place])
                if time.monotonic() - shown > _EVERY:
                    shown = time.monotonic()
                    view = answer_html.answers_table(done, questions.items, pictures)
                    yield tuple(done), view, answer_html.progress(len(done), total, cell.picture), *[gr.skip()] * 4
        end = f"in {snippets.seconds(time.monotonic() - began)}, by {title(name)}. {_probabilities(model)}"
        view = answer_html.answers_table(done, questions.items, pictures)
        yield tuple(done), view, answer_html.progress(total, total, end), gr.skip(), idle, gr.skip(), gr.skip()
    except Exception as error:
        trouble = snippets.trouble(troubles.sentence(error))
        yield gr.skip(), gr.skip(), "", trouble, idle, gr.skip(), gr.skip()


def _paths(payload: ListFiles | None) -> list[str]:
    return [file.path for file in payload.root] if payload else []


def _thumbnail(path: str) -> str:
    """The address of a small picture; "" where it cannot be read, as its row says."""
    try:
        return answer_html.thumbnail(open_picture(path).image)
    except Exception:
        return ""


def _probabilities(model: Any) -> str:
    """What the percentages of a table are."""
    calibration, sentence = calibration_of(model)
    if not hasattr(model, "model"):
        return UNTOLD
    return sentence if calibration else f"Percentages are its own probabilities. {sentence}"


def _json(cells: Sequence[Cell], name: str) -> str:
    try:
        sentence = _probabilities(chat_model(name))
    except Exception as error:  # the model was let go of meanwhile
        sentence = troubles.sentence(error)
    return as_json(cells, title(name), sentence)


def _stopped(done: Sequence[Cell]) -> tuple[str, Any]:
    """Values for (progress, stop button)."""
    words = (
        f"Stopped after {len(done):,} answer{'s' * (len(done) != 1)}; they can be downloaded." if done else "Stopped."
    )
    return snippets.small_print(words), gr.Button(interactive=False)


def _example(typed: str) -> tuple[list[str], str]:
    """Values for (pictures, questions): the example scenes, and questions where there are none."""
    return [str(scene.path) for scene in examples()[:6]], typed if (typed or "").strip() else _QUESTIONS
