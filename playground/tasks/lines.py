"""Lists that people type, one item a line."""

from __future__ import annotations

from dataclasses import dataclass

from playground.tasks import TaskError


@dataclass(frozen=True)
class Lines:
    """items: without blanks around, none twice, in their order. notes: what was left out, a sentence each."""

    items: tuple[str, ...]
    notes: tuple[str, ...] = ()


def distinct_lines(text: str | None, what: str, most: int, longest: int) -> Lines:
    """The lines of a text; empty ones and repetitions (letters' case does not count) are left out and told of.

    Args:
        what: the items' name in the plural, for the sentences: "choices".
        most: how many there may be.
        longest: how many characters one may have.

    Raises:
        TaskError: too many, or one that is too long.
    """
    typed = (text or "").strip().splitlines()
    stripped = [line.strip() for line in typed]
    full = [line for line in stripped if line]
    first: dict[str, str] = {}
    for line in full:
        first.setdefault(line.casefold(), line)
    distinct = tuple(first.values())
    if len(distinct) > most:
        raise TaskError(f"There are {len(distinct):,} {what}; up to {most:,} are read at a time. Leave some out.")
    for place, line in enumerate(stripped, start=1):
        if len(line) > longest:
            raise TaskError(
                f"Line {place:,} of the {what} has {len(line):,} characters; up to {longest:,} are read. Shorten it."
            )
    notes = []
    if empty := len(typed) - len(full):
        notes.append(f"{empty:,} empty line{'s' * (empty != 1)} among the {what} {_were(empty)} left out.")
    if repeated := len(full) - len(distinct):
        notes.append(f"{repeated:,} of the {what} stood there already and {_were(repeated)} left out.")
    return Lines(distinct, tuple(notes))


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
