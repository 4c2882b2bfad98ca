"""Ask, many pictures: every question about every picture, as a table that fills while it is made and can be kept.

A table is made a slice at a time and stands anew in the line of all model events for each, so that nobody else has to
wait for a whole table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

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
from playground.ui.components.background import while_working
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.gradio_patches import ListFiles, get_upload_folder, read_with, save_bytes_to_cache
from playground.ui.loaded import chat_model, title
from playground.ui.tabs.ask import view as answer_html

_SLICE_SECONDS = 5.0
_SAME: Any = gr.skip()
_EVERY = 0.4  # seconds between two views of a table that grows
_HELP = (
    f"Up to {PICTURES} pictures, {QUESTIONS} questions and {CELLS:,} answers at a time. A picture that cannot be read "
    "gets a sentence in its row and stops nothing."
)
_WAITING = '<p class="empty">The table appears here: a row a picture, a column a question.</p>'
_QUESTIONS = "what is in the picture?\nhow many things are there?"


class Shown(NamedTuple):
    """The outputs of a table's events, or values for them; what is not named stays as it is.

    again: a number whose every change begins the next slice.
    """

    job: Any = _SAME
    table: Any = _SAME
    far: Any = _SAME
    note: Any = _SAME
    run: Any = _SAME
    stop: Any = _SAME
    csv: Any = _SAME
    json: Any = _SAME
    again: Any = _SAME


@dataclass(frozen=True, eq=False)  # compared by identity: Gradio hashes what a session keeps
class Job:
    """What is asked about which files, by which model, and what is known of it.

    thumbnails: small pictures by place, as addresses. seconds: what the answers took so far. halt: set it to end the
    slice in work; none follows.
    """

    paths: tuple[str, ...]
    questions: tuple[str, ...]
    model: str
    cells: tuple[Cell, ...] = ()
    thumbnails: Mapping[int, str] = field(default_factory=dict)
    seconds: float = 0.0
    halt: threading.Event = field(default_factory=threading.Event)

    @property
    def total(self) -> int:
        """How many answers are wanted."""
        return len(self.paths) * len(self.questions)

    def with_cell(self, cell: Cell) -> Job:
        """This job with one more answer."""
        place = len(self.cells) // len(self.questions)
        thumbnails = self.thumbnails
        if place not in thumbnails:
            thumbnails = {**thumbnails, place: _thumbnail(self.paths[place])}
        return replace(self, cells=(*self.cells, cell), thumbnails=thumbnails)


def build(chosen: gr.State) -> None:
    """Lay out the mode; `chosen` holds the name of the chat model."""
    job, again = gr.State(None, time_to_live=3600), gr.State(0)
    with gr.Row():
        with gr.Column(min_width=300):
            pictures = gr.File(label=f"Pictures, up to {PICTURES}", file_count="multiple", height=200)
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
    outputs = list(Shown(job, table, far, note, run, stop, *downloads, again))
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    # Through the queue, though in no line: what changes a state outside it sets off no event.
    begun = {"fn": begin, "inputs": [pictures, questions, chosen, job, again], "outputs": outputs}
    run.click(**begun, **quiet, concurrency_limit=None)
    filled = sample.click(_example, questions, [pictures, questions], queue=False, **quiet)
    filled.then(**begun, **quiet, concurrency_limit=None)
    again.change(step, [job, again], outputs, **quiet, **MODEL_QUEUE)
    stop.click(stopped, job, outputs, queue=False, **quiet)


def begin(paths: Sequence[str] | None, typed: str, name: str, before: Job | None, again: int) -> Shown:
    """Begin a table; the first slice follows at once. On trouble the last table stays. Never raises."""
    try:
        questions = distinct_lines(typed, "questions", QUESTIONS, QUESTION_LIMIT)
        check_size(len(paths or ()), len(questions.items))
    except Exception as error:
        return Shown(note=snippets.trouble(troubles.sentence(error)))
    if before is not None:
        before.halt.set()
    job = Job(tuple(paths or ()), questions.items, name)
    off, on, idle = gr.Button(interactive=False), gr.Button(interactive=True), gr.DownloadButton(interactive=False)
    return Shown(job, "", _far(job), snippets.notes(questions.notes), off, on, idle, idle, again + 1)


def step(job: Job | None, again: int) -> Iterator[Shown]:
    """Give the next answers, for some seconds, and ask for the slice after it. Never raises."""
    if job is None or job.halt.is_set() or len(job.cells) == job.total:
        yield Shown()
        return
    try:
        model = chat_model(job.model)
        began, painted = time.monotonic(), 0.0
        paths, done = [Path(path) for path in job.paths], len(job.cells)
        with closing(while_working(lambda stop: answer_table(model, paths, job.questions, stop, done=done))) as found:
            for cell in found:
                if job.halt.is_set():
                    yield Shown()
                    return
                if cell is None:
                    yield Shown()
                    continue
                job = job.with_cell(cell)
                if time.monotonic() - began > _SLICE_SECONDS:
                    break
                if time.monotonic() - painted > _EVERY:
                    painted = time.monotonic()
                    yield Shown(job, _table(job), _far(job, cell.picture))
        job = replace(job, seconds=job.seconds + time.monotonic() - began)
        if len(job.cells) < job.total:
            yield Shown(job, _table(job), _far(job, job.cells[-1].picture), again=again + 1)
            return
        words = f"in {snippets.seconds(job.seconds)}, by {title(job.model)}. {_probabilities(model)}"
        yield _ended(job, _far(job, words))
    except Exception as error:
        yield _ended(job, "")._replace(note=snippets.trouble(troubles.sentence(error)))


def stopped(job: Job | None) -> Shown:
    """Stop: the answers that there are stay, and can be taken away."""
    if job is None:
        return Shown(run=gr.Button(interactive=True), stop=gr.Button(interactive=False))
    job.halt.set()
    count = len(job.cells)
    said = f"Stopped after {count:,} answer{'s' * (count != 1)}; they can be downloaded." if count else "Stopped."
    return _ended(job, snippets.small_print(said))


def _ended(job: Job, far: str) -> Shown:
    """Nothing runs any more: the buttons are as at the beginning, and what is known can be downloaded."""
    shown = Shown(job, _table(job) if job.cells else _SAME, far, _SAME, gr.Button(interactive=True))
    shown = shown._replace(stop=gr.Button(interactive=False))
    if not job.cells:
        return shown
    contents = {
        "answers.csv": as_csv(job.cells),
        "answers.json": _json(job.cells, job.model),
    }
    try:
        files = [save_bytes_to_cache(text.encode(), file, get_upload_folder()) for file, text in contents.items()]
    except OSError as error:  # the answers are still on the page
        return shown._replace(note=snippets.trouble(troubles.sentence(error)))
    csv, json = (gr.DownloadButton(value=file, interactive=True) for file in files)
    return shown._replace(csv=csv, json=json)


def _table(job: Job) -> str:
    return answer_html.answers_table(job.cells, job.questions, job.thumbnails)


def _far(job: Job, words: str = "") -> str:
    return answer_html.progress(len(job.cells), job.total, words)


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


def _example(typed: str) -> tuple[list[str], str]:
    """Values for (pictures, questions): the example scenes, and questions where there are none."""
    return [str(scene.path) for scene in examples()[:6]], typed if (typed or "").strip() else _QUESTIONS
