"""Record how much every generated token attended to chosen positions of the prompt, at the cost of these alone.

The model's attention function (see `playground.models.attention`) hands over one softmax row per layer and
token; a Recorder keeps some of its columns. Kept are tokens × layers × heads × columns numbers, about 10 MB where
`output_attentions=True` would keep 400.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from playground.models.chat import ChatModel


def available(model: ChatModel) -> str | None:
    """None when the model's attention can be recorded, otherwise a sentence that says why not."""
    return model.attention_reason


class Recorder:
    """Keeps the attention to some positions: `model.generate(messages, recorder=Recorder(columns))`.

    columns: positions in the prompt, for example the tokens of an ImageLayout.
    """

    def __init__(self, columns: Sequence[int]) -> None:
        import torch

        self._columns = torch.tensor(tuple(columns), dtype=torch.long)
        self._rows: dict[int, list[torch.Tensor]] = defaultdict(list)

    def __call__(self, layer: int, row: torch.Tensor) -> None:
        """Take the attention of one token in one layer: float32 (heads, keys)."""
        self._columns = self._columns.to(row.device)
        self._rows[layer].append(row[:, self._columns].cpu())

    def attention(self) -> torch.Tensor:
        """What was recorded: float32 (tokens, layers, heads, columns), each number a share of 0 to 1.

        Row t belongs to the t-th generated token: it is the attention of the step that produced it.
        """
        import torch

        # Where it was stopped while the prompt was read, only the first layers have seen it.
        tokens = min(map(len, self._rows.values()), default=0)
        if not tokens:
            return torch.zeros(0, 0, 0, len(self._columns))
        return torch.stack([torch.stack(self._rows[layer][:tokens]) for layer in sorted(self._rows)], dim=1)
