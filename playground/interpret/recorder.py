"""Record how much every generated token attended to chosen positions, at the cost of these alone.

The model's attention function (see `playground.models.attention`) hands over one softmax row per layer and
token; a Recorder keeps some of its columns, 16 bits a number. Kept are tokens × layers × heads × columns numbers, about
5 MB where `output_attentions=True` would keep 400.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from playground.models.attention import WhichSequence
    from playground.models.chat import ChatModel

_STEPS = 65535  # the largest number of 16 bits stands for a row's largest share


def available(model: ChatModel) -> str | None:
    """None when the model's attention can be recorded, otherwise a sentence that says why not."""
    return model.attention_reason


@dataclass(frozen=True, eq=False)
class Rows:
    """Attention in 16 bits a number; it is read like an array, `rows[piece, layer]`, and gives float32.

    codes: uint16 (pieces, layers, heads, columns). scales: float32 (pieces, layers, heads), the largest share of each
    row, so a number is off by scale / 131,070 at most, which is less than 1e-5.
    """

    codes: np.ndarray
    scales: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """(pieces, layers, heads, columns)."""
        return self.codes.shape

    @property
    def ndim(self) -> int:
        """4."""
        return self.codes.ndim

    @property
    def nbytes(self) -> int:
        """The bytes that are kept."""
        return self.codes.nbytes + self.scales.nbytes

    def first(self, pieces: int) -> Rows:
        """Those of the first pieces alone."""
        return Rows(self.codes[:pieces], self.scales[:pieces])

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, key: Any) -> np.ndarray:
        """What an array of the same shape would give, float32; only what is asked for is worked out."""
        steps = np.broadcast_to((self.scales / _STEPS)[..., None], self.shape)
        return np.multiply(self.codes[key], steps[key], dtype=np.float32)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[...].astype(dtype or np.float32, copy=False)


class Recorder:
    """Keeps the attention to some positions: `model.generate(messages, recorder=Recorder(columns))`.

    columns: positions, for example the tokens of an ImageLayout. sequence: what they count, as in the layout.
    What lies outside the window of a layer that sees only the nearest part of a sequence has the share 0.
    """

    def __init__(self, columns: Sequence[int], sequence: WhichSequence = "prompt") -> None:
        self._columns, self._sequence = _run(tuple(columns)), sequence
        self._passing: dict[int, torch.Tensor] = {}  # one forward pass: the rows of its layers so far
        self._start, self._tokens = 0, 0  # how many keys the first pass had; how many passes are put away
        self._codes: torch.Tensor | None = None
        self._scales: list[torch.Tensor] = []

    def __call__(self, layer: int, row: torch.Tensor, sequence: WhichSequence = "prompt") -> None:
        """Take the attention of one token in one layer: float32 (heads, keys)."""
        if sequence != self._sequence:
            return
        if layer in self._passing:
            self._keep()
        self._passing[layer] = row

    def rows(self) -> Rows:
        """What was recorded: (tokens, layers, heads, columns), each number a share of 0 to 1.

        Row t belongs to the t-th generated token: it is the attention of the step that produced it.
        """
        # Where it was stopped in the middle of a pass, only the first layers have seen it.
        if self._passing and (self._codes is None or len(self._passing) == self._codes.shape[1]):
            self._keep()
        if self._codes is None:
            width = self._columns.stop - self._columns.start if isinstance(self._columns, slice) else len(self._columns)
            return Rows(np.zeros((0, 0, 0, width), np.uint16), np.zeros((0, 0, 0), np.float32))
        import torch

        return Rows(self._codes[: self._tokens].cpu().numpy(), torch.stack(self._scales).float().cpu().numpy())

    def _picked(self, row: torch.Tensor) -> torch.Tensor:
        """The columns of a row whose keys are the last ones of `_start + _tokens`; 0 where it has no key."""
        import torch

        missing = self._start + self._tokens - row.shape[-1] if self._sequence == "prompt" else 0
        if missing:
            row = torch.nn.functional.pad(row, (missing, 0))
        if not isinstance(self._columns, slice):
            self._columns = torch.as_tensor(self._columns, dtype=torch.long, device=row.device)
        return row[:, self._columns]

    def _keep(self) -> None:
        """Put a whole pass away: quantised, in a buffer that grows by half."""
        import torch

        if not self._tokens:
            self._start = max(row.shape[-1] for row in self._passing.values())
        with torch.inference_mode():  # as the model's own runs: their tensors cannot be written to outside
            picked = [self._picked(self._passing[layer]) for layer in sorted(self._passing)]
            rows = torch.stack([row.to(picked[0].device) for row in picked])  # a large model spreads over devices
            scales = rows.amax(-1) if rows.shape[-1] else rows.new_zeros(rows.shape[:-1])
            steps = rows.mul_((_STEPS / scales.clamp(min=1e-30))[..., None]).round_().clamp_(max=_STEPS)
            if steps.device.type == "mps":
                steps = steps.cpu()
            if self._codes is None or self._tokens == len(self._codes):
                room = steps.new_empty((max(8, self._tokens * 3 // 2), *steps.shape), dtype=torch.uint16)
                if self._codes is not None:
                    room[: self._tokens] = self._codes
                self._codes = room
            self._codes[self._tokens] = steps
        self._passing = {}
        self._scales.append(scales)
        self._tokens += 1


def _run(columns: tuple[int, ...]) -> slice | tuple[int, ...]:
    """A slice where the columns are a run of neighbours: these are copied several times as fast."""
    if columns and columns == tuple(range(columns[0], columns[-1] + 1)):
        return slice(columns[0], columns[-1] + 1)
    return columns
