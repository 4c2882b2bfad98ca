"""A folder that is being captioned, as one visitor's session keeps it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from playground.tasks import TaskError
from playground.tasks.caption import Style
from playground.tasks.exports.captions import Captioned

_BETWEEN = "∕"  # what page.js puts between a folder and what lies in it
FILES = 2000
"""The most files that one visitor may have captioned at once; the command line knows no limit."""


@dataclass(frozen=True)
class Upload:
    """A file that was sent: where it lies here, and its own name."""

    path: str
    name: str


@dataclass(frozen=True, eq=False)  # compared by identity: Gradio hashes what a session keeps
class Job:
    """What is to be captioned, by which model and in which style, and what has been.

    Attributes:
        rows: by a file's place, what it gave.
        thumbnails: small pictures of the first files, by place, as addresses.
        seconds: what the captions took so far.
        slice: how many pictures to do before others get their turn.
        notes: what the visitor should know of it, one sentence each.
        unsaved: whether the files to take away could not be written, for want of room.
        halt: set it to end the slice in work; none follows.
    """

    uploads: tuple[Upload, ...]
    model: str
    style: Style
    rows: Mapping[int, Captioned] = field(default_factory=dict)
    thumbnails: Mapping[int, str] = field(default_factory=dict)
    seconds: float = 0.0
    slice: int = 4
    notes: tuple[str, ...] = ()
    unsaved: bool = False
    halt: threading.Event = field(default_factory=threading.Event)

    @property
    def waiting(self) -> list[int]:
        """The places of the files that are left."""
        return [place for place in range(len(self.uploads)) if place not in self.rows]

    @property
    def done(self) -> list[Captioned]:
        """What is done, in the files' order."""
        return [self.rows[place] for place in sorted(self.rows)]

    @property
    def broken(self) -> int:
        """How many files gave no caption."""
        return sum(row.error is not None for row in self.rows.values())

    def with_row(self, place: int, row: Captioned, thumbnail: str) -> Job:
        """This job with one more file done."""
        thumbnails = {**self.thumbnails, place: thumbnail} if thumbnail else self.thumbnails
        return replace(self, rows={**self.rows, place: row}, thumbnails=thumbnails)

    def with_note(self, note: str) -> Job:
        """This job with one more note, where there is one that it has not."""
        return replace(self, notes=(*self.notes, note)) if note and note not in self.notes else self


def job_for(uploads: Sequence[Upload], model: str, style: Style, before: Job | None) -> Job:
    """A new job, or the earlier one where it was about the same files, model and style and was not finished.

    Raises:
        TaskError: no file, or more than `FILES`.
    """
    uploads = tuple(sorted(uploads, key=lambda upload: upload.name))  # a browser tells a folder's files in any order
    if not uploads:
        raise TaskError("There are no pictures yet. Add some files, or a folder that has pictures in it.")
    if len(uploads) > FILES:
        raise TaskError(
            f"These are {len(uploads):,} files; up to {FILES:,} are captioned here at once. For more, run "
            "“python -m playground caption FOLDER” where the pictures are."
        )
    job = Job(uploads, model, style)
    if (
        before
        and (before.waiting or before.unsaved)
        and (before.uploads, before.model, before.style) == (uploads, model, style)
    ):
        job = replace(before, slice=job.slice, halt=job.halt)
    return job


def placed(uploads: Sequence[Upload]) -> tuple[Upload, ...]:
    """The files of a folder under their places in it, with "/", as they have to stand in its metadata.jsonl.

    page.js sends them as "folder∕sub∕name"; a browser without it sends names alone.
    """
    parts = [upload.name.split(_BETWEEN) for upload in uploads]
    own = len({part[0] for part in parts}) == 1 and all(len(part) > 1 for part in parts)  # the folder's own name
    return tuple(replace(upload, name="/".join(part[own:])) for upload, part in zip(uploads, parts, strict=True))


def named_alike(uploads: Sequence[Upload]) -> str | None:
    """A name that several files have; None where all differ."""
    names = [upload.name for upload in uploads]
    return next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
