"""Every question about every picture: a table of answers, as CSV or JSON when it is done, or stopped.

Each answer is the one that the question alone would get (`playground.tasks.answer`). A picture is opened when its turn
comes and read by the model once for all questions. What goes wrong with one cell is a sentence in that cell.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playground.imaging.opening import MediaError, open_picture
from playground.tasks import TaskError
from playground.tasks.answer import answer
from playground.tasks.exports import spreadsheet

if TYPE_CHECKING:
    from playground.models.server.chat import AnyChatModel

PICTURES, QUESTIONS, CELLS = 200, 50, 1000
"""How many of each a table may have."""


@dataclass(frozen=True)
class Cell:
    """One answer of the table.

    picture: the file's name. answer: None where there is none, and then `error` is a sentence that says why.
    probability: the model's own, 0 to 1, None where a server tells none. calibrated: as in `Answered`.
    """

    picture: str
    question: str
    answer: str | None = None
    probability: float | None = None
    calibrated: float | None = None
    error: str | None = None


def check_size(pictures: int, questions: int) -> None:
    """Raise TaskError where there is no picture, no question, or too many of them."""
    if not pictures:
        raise TaskError("There is no picture yet. Add one or more.")
    if not questions:
        raise TaskError("There is no question yet. Write one or more, one a line.")
    if pictures > PICTURES:
        raise TaskError(f"There are {pictures:,} pictures; up to {PICTURES} are read at a time. Leave some out.")
    if questions > QUESTIONS:
        raise TaskError(f"There are {questions:,} questions; up to {QUESTIONS} are read at a time. Leave some out.")
    if pictures * questions > CELLS:
        raise TaskError(
            f"{pictures} pictures and {questions} questions make {pictures * questions:,} answers; up to {CELLS:,} "
            "are given at a time. Leave some out."
        )


def answer_table(
    model: AnyChatModel,
    pictures: Sequence[Path],
    questions: Sequence[str],
    stop: threading.Event | None = None,
    *,
    done: int = 0,
) -> Iterator[Cell]:
    """The cells, picture by picture, each as soon as it is known. Closing the iterator ends the work.

    A picture that cannot be read gives its sentence in all of its cells. done: how many cells are known already; the
    ones after them are given.

    Raises:
        TaskError: no picture, no question, or too many (see `check_size`).
    """
    check_size(len(pictures), len(questions))
    first, known = divmod(done, len(questions))
    for place, path in enumerate(map(Path, pictures[first:])):
        left = questions[known:] if place == 0 else questions
        try:
            image = open_picture(path).image
        except MediaError as error:
            yield from (Cell(path.name, question, error=str(error)) for question in left)
            continue
        talk = model.conversation()
        for question in left:
            try:
                found = answer(model, image, question, stop=stop, conversation=talk)
            except ValueError as error:  # an over-long question, a picture of a strange shape …
                yield Cell(path.name, question, error=str(error))
                continue
            if stop is not None and stop.is_set():
                return
            yield Cell(path.name, question, found.text, found.probability, found.calibrated)


_COLUMNS = ("picture", "question", "answer", "probability", "calibrated", "error")


def as_csv(cells: Iterable[Cell]) -> str:
    """The cells as CSV for spreadsheets, a line each; empty where there is no value. Probabilities are 0 to 1."""
    return spreadsheet.as_csv(_COLUMNS, ([getattr(cell, column) for column in _COLUMNS] for cell in cells))


def as_json(cells: Iterable[Cell], model: str, calibration: str = "") -> str:
    """The cells as JSON, with who answered, and what is known of the calibration of these probabilities."""
    answers = [{column: getattr(cell, column) for column in _COLUMNS} for cell in cells]
    return json.dumps({"model": model, "calibration": calibration, "answers": answers}, indent=1, ensure_ascii=False)
