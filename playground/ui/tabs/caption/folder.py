"""Captions for many pictures at once: progress, a table, and files to take away.

A run goes a slice at a time and stands anew in the line of all model events for each, so that nobody else has to wait
for a whole folder.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr

from playground.tasks.bulk.batches import Result
from playground.tasks.bulk.many import caption_each
from playground.tasks.caption import Style
from playground.tasks.captions.wording import wording
from playground.tasks.exports.captions import Captioned, as_csv, as_json, as_jsonl
from playground.ui import error_messages as troubles
from playground.ui.components import snippets
from playground.ui.components.background import while_working
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.gradio_patches import ListFiles, get_upload_folder, read_with, save_bytes_to_cache
from playground.ui.loaded import chat_model
from playground.ui.tabs.caption import table as caption_table
from playground.ui.tabs.caption.job import Job, Upload, job_for, named_alike, placed

_SHOWN = 100  # rows of the table; the downloads have all
_SLICE_SECONDS, _MOST = 5.0, 64
_REPAINT = 0.5  # seconds between two pictures of the table
_SAME: Any = gr.skip()


class Shown(NamedTuple):
    """The outputs of a folder's events, or values for them; what is not named stays as it is.

    again: a number whose every change begins the next slice.
    """

    job: Any = _SAME
    progress: Any = _SAME
    table: Any = _SAME
    note: Any = _SAME
    run: Any = _SAME
    stop: Any = _SAME
    csv: Any = _SAME
    json: Any = _SAME
    jsonl: Any = _SAME
    again: Any = _SAME


def build(chosen: gr.State, style: gr.Radio) -> None:
    """Lay out the part for folders; `chosen` holds the name of the chat model, `style` is not yet rendered."""
    job, again = gr.State(None), gr.State(0)
    with gr.Row(elem_classes="folder-inputs"):
        files = _file_field("Pictures", "multiple")
        folder = _file_field("Or a folder, with its subfolders", "directory")
    style.render()
    with gr.Row():
        run = gr.Button("Describe all", variant="primary", scale=3, min_width=120)
        stop = gr.Button("Stop", scale=1, min_width=80, interactive=False)
    note, progress = gr.HTML(), gr.HTML()
    table = gr.HTML(caption_table.EMPTY)
    with gr.Row():
        buttons = [
            gr.DownloadButton(f"Download {kind}", size="sm", visible=False, min_width=100)
            for kind in ("CSV", "JSON", "JSONL")
        ]
    gr.HTML(
        snippets.small_print(
            "The JSONL, saved beside the pictures as metadata.jsonl, makes them a data set for the datasets library. "
            "For thousands of pictures run “python -m playground caption FOLDER” where they are: it goes on where it "
            "ended, even after a crash."
        )
    )
    outputs = list(Shown(job, progress, table, note, run, stop, *buttons, again))
    quick = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    # Through the queue, though in no line: what changes a state outside it sets off no event.
    run.click(
        begin, [files, folder, style, chosen, job, again], outputs,
        show_progress="hidden", concurrency_limit=None, api_visibility="private",
    )  # fmt: skip
    gr.on([files.upload, folder.upload], lambda: "", None, note, **quick)
    again.change(step, [job, again], outputs, show_progress="hidden", api_visibility="private", **MODEL_QUEUE)
    # Gradio's `cancels` would lose the next beginning where the slice takes a while to end.
    stop.click(stopped, job, outputs, **quick)


def _file_field(label: str, count: str) -> gr.File:
    field = gr.File(label=label, file_count=count, height=150)
    return read_with(field, _uploads)  # Gradio's own would lose the names that the files had


def _uploads(payload: ListFiles | None) -> tuple[Upload, ...]:
    files = payload.root if payload else ()
    return tuple(Upload(file.path, file.orig_name or file.path.rpartition("/")[2]) for file in files)


def begin(
    files: tuple[Upload, ...], folder: tuple[Upload, ...], style: Style, name: str, before: Job | None, again: int
) -> Shown:
    """Begin a folder, or go on with one that was stopped; the first slice follows at once. Never raises."""
    try:
        uploads = (*files, *placed(folder))
        job = job_for(uploads, name, style, before)
        if not job.waiting:  # all are done, and only the files to take away could not be written
            return _ended(job, _summary(job))
    except Exception as error:
        return Shown(note=snippets.trouble(troubles.sentence(error)))
    if alike := named_alike(uploads):
        said = f"Several files are called {alike}; only a folder tells where each lies. Choose the folder."
        job = replace(job, notes=(said,))
    off, on, hidden = gr.Button(interactive=False), gr.Button(interactive=True), gr.DownloadButton(visible=False)
    return Shown(
        job, _progress(job), _table(job), snippets.notes(job.notes), off, on, hidden, hidden, hidden, again + 1
    )


def step(job: Job | None, again: int) -> Iterator[Shown]:
    """Caption the next slice of the folder, painting what comes, and ask for the one after it. Never raises."""
    if job is None or job.halt.is_set() or not job.waiting:
        yield Shown(run=gr.Button(interactive=True), stop=gr.Button(interactive=False))
        return
    try:
        began, painted = time.monotonic(), 0.0
        places = job.waiting[: job.slice]
        with closing(while_working(lambda stop: _captions(job, places, stop))) as each:
            for done in each:
                if job.halt.is_set():
                    yield Shown()
                    return
                if done is None:
                    yield Shown()
                    continue
                job = job.with_row(*done)
                if time.monotonic() - painted < _REPAINT:
                    yield Shown(job)  # nothing that is done is lost when it is stopped now
                    continue
                painted = time.monotonic()
                yield Shown(job, _progress(job), _table(job))
        took = time.monotonic() - began
        pace = took / len(places)
        job = replace(job, seconds=job.seconds + took, slice=max(1, min(_MOST, int(_SLICE_SECONDS / pace))))
        job = job.with_note(wording(chat_model(job.model), job.style).note)
        if job.waiting:
            yield Shown(job, _progress(job), _table(job), snippets.notes(job.notes), again=again + 1)
        else:
            yield _ended(job, _summary(job))
    except Exception as error:
        yield _ended(job, "Describe all goes on from here.")._replace(note=snippets.trouble(troubles.sentence(error)))


def stopped(job: Job | None) -> Shown:
    """Stop: what is done stays, and can be taken away; beginning again with the same files does the others."""
    if job is None:
        return Shown(run=gr.Button(interactive=True), stop=gr.Button(interactive=False))
    job.halt.set()
    return _ended(job, "Stopped; Describe all goes on from here.")


def _captions(job: Job, places: list[int], stop: threading.Event) -> Iterator[tuple[int, Captioned, str]]:
    """The place, row and thumbnail of each of these files, as they come."""
    model = chat_model(job.model)
    paths = [job.uploads[place].path for place in places]
    with closing(caption_each(model, paths, job.style, at_once=len(paths), stop=stop)) as each:
        for number, result in each:
            place = places[number]
            yield place, _row(job.uploads[place], result), _thumbnail(job, place, result)


def _row(upload: Upload, result: Result[str]) -> Captioned:
    return Captioned(upload.name, result.value, result.error)


def _thumbnail(job: Job, place: int, result: Result[str]) -> str:
    return caption_table.thumbnail(job.uploads[place].path) if place < _SHOWN and not result.error else ""


def _ended(job: Job, said: str) -> Shown:
    """Nothing runs any more: the buttons are as at the beginning, and what is done can be downloaded."""
    ready, idle = gr.Button(interactive=True), gr.Button(interactive=False)
    if not job.rows:
        return Shown(job, _progress(job, said), run=ready, stop=idle)
    rows = job.done
    texts = {
        "captions.csv": as_csv(rows),
        "captions.json": as_json(rows, job.model, job.style),
        "metadata.jsonl": as_jsonl(rows),
    }
    shown = Shown(job, _progress(job, said), _table(job), snippets.notes(job.notes), ready, idle)
    try:
        files = [gr.DownloadButton(value=_saved(name, text), visible=True) for name, text in texts.items()]
    except OSError as error:  # the captions are still on the page, and the next try may find room
        job = replace(job, unsaved=True)
        return shown._replace(job=job, note=snippets.trouble(troubles.sentence(error)))
    return shown._replace(job=replace(job, unsaved=False), csv=files[0], json=files[1], jsonl=files[2])


def _saved(name: str, text: str) -> str:
    """The path of a new file in the folder that the page's files lie in."""
    return save_bytes_to_cache(text.encode("utf-8", "backslashreplace"), name, get_upload_folder())


def _summary(job: Job) -> str:
    captioned = len(job.rows) - job.broken
    if not captioned:
        return "None of these files is a picture that can be read."
    rate = captioned / job.seconds
    return f"{job.model}: {snippets.seconds(job.seconds)}, {rate:.1f} pictures a second."


def _progress(job: Job, said: str = "") -> str:
    return caption_table.progress(len(job.rows), len(job.uploads), job.broken, said)


def _table(job: Job) -> str:
    """The broken files, whose sentences somebody must see, and of the others as many as there is room for."""
    places = sorted(job.rows, key=lambda place: (job.rows[place].error is None, place))[:_SHOWN]
    rows = [(job.rows[place], job.thumbnails.get(place, "")) for place in sorted(places)]
    return caption_table.table(rows, len(job.rows) - len(rows))
