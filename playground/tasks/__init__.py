"""What people do with a model, one task a file. They know nothing of the app; notebooks call them too."""

from __future__ import annotations

QUESTION_LIMIT = 4000
"""The most characters of a question or message that are read."""


class TaskError(ValueError):
    """A task that cannot be done as asked; the message is a sentence for the person who asked."""


def whole_text(text: str, what: str = "The text") -> str:
    """The text, if it can be written down: no half of a character stands alone in it.

    Raises:
        TaskError: one does (a "lone surrogate", which JSON can spell, as in \\ud83d).
    """
    half = next((letter for letter in text if "\ud800" <= letter <= "\udfff"), None)
    if half is not None:
        raise TaskError(
            f"{what} holds half of a character (a lone surrogate, U+{ord(half):04X}), which no text can hold. Send the "
            "whole character, or leave it out."
        )
    return text


def checked_question(text: str | None) -> str:
    """The question without surrounding blanks.

    Raises:
        TaskError: nothing but blanks, half of a character, or more than `QUESTION_LIMIT` characters.
    """
    question = whole_text((text or "").strip(), "The question")
    if not question:
        raise TaskError("The question is empty. Type one, for example: what is in the picture?")
    if len(question) > QUESTION_LIMIT:
        raise TaskError(
            f"The question has {len(question):,} characters; up to {QUESTION_LIMIT:,} are read. Shorten it."
        )
    return question
