"""How far a checkpoint's probabilities can be believed: a map from its own to the share that is right, if measured.

`calibration.json` beside the weights holds it, with the errors before and after on scenes that it was not fitted on;
`python -m playground.training.calibration` writes it. It counts for the weights whose fingerprint it carries, and no
others. The map is Platt's (1999): right = sigmoid(slope · logit(probability) + shift). With no shift it is temperature
scaling of "right" against "wrong" (Guo et al. 2017, arXiv:1706.04599), the slope being one over the temperature.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from playground.checkpoints.fingerprint import fingerprint

FILE = "calibration.json"
_EDGE = 1e-6  # a probability of 0 or 1 has no logit


@dataclass(frozen=True)
class Calibration:
    """A fitted map and what it brought.

    weights: the fingerprint of the weights it was fitted for. slope (above 0), shift: of the map. answers: how many
    it was fitted on. measured: on how many others it was measured, with the expected calibration error (Naeini et al.
    2015, over ten ranges, 0 to 1) `before` and `after`. interval: between which two numbers the error fell in nine of
    ten resamples of these answers (bootstrap, Efron 1979); one that holds 0 may be chance.
    """

    weights: str
    slope: float
    shift: float
    answers: int
    measured: int
    before: float
    after: float
    interval: tuple[float, float]

    @property
    def helps(self) -> bool:
        """Whether it brought probabilities closer to the shares that were right; if not, nothing should use it."""
        return self.after < self.before

    def __call__(self, probability: float) -> float:
        """The share of answers of this probability that are right, 0 to 1; rises with the probability."""
        return 1 / (1 + math.exp(-(self.slope * logit(probability) + self.shift)))


def logit(probability: float) -> float:
    """log(p / (1 − p)), a little inside of 0 and 1."""
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def read(folder: Path) -> tuple[Calibration | None, str]:
    """The calibration that counts for the weights in a folder, and a sentence on it; None where there is none.

    None too where it is of other weights, cannot be read, or did not help: the sentence says which.
    """
    file = Path(folder, FILE)
    if not file.is_file():
        return None, "Not calibrated: nobody has measured how often this model is right when it is this sure."
    states = [path.stat() for path in (file, *sorted(file.parent.glob("*.safetensors")))]
    return _read(file, tuple((state.st_size, state.st_mtime_ns) for state in states))


@lru_cache(maxsize=16)
def _read(file: Path, states: tuple) -> tuple[Calibration | None, str]:
    """`read`, once for files that have not changed: hashing the weights takes a moment."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        found = Calibration(**{name: told[name] for name in Calibration.__dataclass_fields__})
        figures = (found.slope, found.shift, found.before, found.after, *found.interval)
        if not (found.slope > 0 and math.isfinite(sum(figures)) and len(found.interval) == 2):
            raise ValueError("no rising map")
    except (ValueError, TypeError, KeyError, OSError):
        return None, f"Not calibrated: {FILE} beside the weights cannot be read."
    if found.weights != fingerprint(file.parent):
        return None, (
            "Not calibrated: its calibration was measured with other weights. "
            "python -m playground.training.calibration measures these."
        )
    chance = ", which may be chance" if found.interval[0] <= 0 <= found.interval[1] else ""
    figures = f"error {found.before:.3f} before, {found.after:.3f} after, on {found.measured:,} others{chance}"
    if not found.helps:
        return None, f"Not calibrated: fitting a map to {found.answers:,} of its answers did not help ({figures})."
    scenes = "short questions about fresh scenes of its own world"
    return found, f"Calibrated on {found.answers:,} of its answers to {scenes} ({figures})."
