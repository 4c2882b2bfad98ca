"""What people do with a model, one task a file. They know nothing of the app; notebooks call them too."""

from __future__ import annotations

QUESTION_LIMIT = 4000
"""The most characters of a question or message that are read."""


class TaskError(ValueError):
    """A task that cannot be done as asked; the message is a sentence for the person who asked."""


def checked_question(text: str | None) -> str:
    """The question without surrounding blanks.

    Raises:
        TaskError: nothing but blanks, or more than `QUESTION_LIMIT` characters.
    """
    question = (text or "").strip()
    if not question:
        raise TaskError("The question is empty. Type one, for example: what is in the picture?")
    if len(question) > QUESTION_LIMIT:
        raise TaskError(
            f"The question has {len(question):,} characters; up to {QUESTION_LIMIT:,} are read. Shorten it."
        )
    return question
