"""What one check found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Outcome = "tuple[bool | None, str] | str"


@dataclass(frozen=True)
class Finding:
    """One check. ok: None where this model cannot do it, which is no fault; `told` says why, or gives figures."""

    what: str
    ok: bool | None
    told: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        """A line for people."""
        mark = {True: "✓ works", False: "✗ FAILS", None: "– not here"}[self.ok]
        return f"{mark:10}  {self.what:38}  {self.told}".rstrip()


def checked(checks: dict[str, Callable[[], tuple[bool | None, str]]]) -> Iterator[Finding]:
    """Run checks one after the other, each in a net: what breaks is a finding, and stops no other."""
    for what, check in checks.items():
        begun = time.perf_counter()
        try:
            ok, told = check()
        except Exception as error:  # the reader wants to know which verb broke and what it said, not where
            ok, told = False, f"{type(error).__name__}: {_first_line(error)}"
        yield Finding(what, ok, told, time.perf_counter() - begun)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "no message").splitlines()[0][:200]
