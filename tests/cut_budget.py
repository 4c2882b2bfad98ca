"""A budget whose run is cut before its end: what a kill leaves behind, without the kill."""

from __future__ import annotations

from dataclasses import dataclass

from playground.training.loop import Budget


@dataclass(frozen=True)
class CutBudget(Budget):
    """A budget of ``steps`` whose run is cut after ``until`` of them."""

    until: int = 0

    def fraction(self, step: int, seconds: float) -> float:
        return 1.0 if step >= self.until else super().fraction(step, seconds)
