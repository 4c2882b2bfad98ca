"""Stage 4, everything: the vision tower learns along with projector and language model, at six tenths of the rates.

The second half of LLaVA's recipe taken one step further, as in LLaVA-OneVision (Li et al. 2024): what the answers
need of a picture reaches the tower itself. Same talks and losses as the instruction tuning.

Run: ``python -m playground.training.everything --minutes 75``
"""

from __future__ import annotations

from collections.abc import Sequence

from playground.training.instruction import run_stage


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, train, and save the checkpoint."""
    run_stage("everything", __doc__, minutes=75, rate=0.6, given=given)


if __name__ == "__main__":
    main()
