"""How much memory a method takes, reckoned before it runs, and what to do where that is not free.

Counted are the tensors that are alive together: the way back of a gradient keeps what every layer computed, a method
that reads whole squares of attention keeps layers × heads × tokens² numbers. Measured runs take 0.5 to 1.1 times what
is reckoned here (tests/test_memory.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

# Keep this share of what is free for everything else.
KEPT_FREE = 0.1
Keeps: TypeAlias = "tuple[Literal['row', 'rows', 'hidden', 'gradients', 'squares'], ...]"
"""What a method holds in memory at a time, () where that is no more than one layer and the logits.

row, rows: of the attention that a trace holds already, those of one token of the answer, or of all.
hidden: the hidden states of every layer. gradients: what every layer computed, for the way back.
squares: every layer's attention from each token to each, or, where it is followed row by row, what it is made of.
"""


@dataclass(frozen=True)
class Sizes:
    """What the memory of a run depends on. tokens: prompt and answer. wide: numbers of a layer's inner vectors.

    number: bytes of one. seen: the tokens that attention reaches, which are others only behind an encoder.
    """

    tokens: int
    layers: int
    heads: int
    hidden: int
    wide: int
    vocabulary: int
    pieces: int
    image_tokens: int
    number: int
    seen: int
    streams: bool

    @property
    def one_layer(self) -> int:
        """Bytes of what one layer computes."""
        return self.tokens * (8 * self.hidden + 4 * self.wide) * self.number

    @property
    def logits(self) -> int:
        """Bytes of the answer's logits, in the model's format and as float32."""
        return self.pieces * self.vocabulary * (self.number + 8)


def sizes(model: ChatModel, trace: Trace) -> Sizes:
    """What a run over this trace's prompt and answer is made of."""
    from playground.models.attention import is_plugged_in  # brings torch, which the page does without

    text = model.model.config.get_text_config(decoder=True)
    pieces, prompt = len(trace.pieces), trace.answer.statistics.prompt_tokens or 0
    image_tokens = sum(len(layout.tokens) for layout in trace.layouts)
    beside = any(layout.sequence == "encoder" for layout in trace.layouts)
    return Sizes(
        tokens=prompt + pieces,
        layers=trace.layers,
        heads=trace.heads,
        hidden=text.hidden_size,
        wide=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        vocabulary=text.vocab_size,
        pieces=pieces,
        image_tokens=image_tokens,
        number=model.model.dtype.itemsize,
        seen=prompt + pieces + (image_tokens if beside else 0),
        streams=is_plugged_in(model.model),
    )


def needed(keeps: Keeps, run: Sizes, *, layers: Sequence[int] | None = None, heads: Sequence[int] | None = None) -> int:
    """Bytes that a method takes beside what is there already, the weights among it. layers, heads: those that count."""
    counted = len(layers) if layers is not None else run.layers
    own_heads = len(heads) if heads is not None else run.heads
    if "row" in keeps or "rows" in keeps:
        others = run.pieces if "rows" in keeps else 1
        return 3 * 4 * run.image_tokens * own_heads * (counted + others)  # one layer at a time
    if not keeps:
        return run.one_layer + run.logits  # as many runs side by side as fit, see `together`
    total = 2 * run.one_layer + run.logits
    if "hidden" in keeps:
        total += (run.layers + 1) * run.tokens * run.hidden * run.number
    if "gradients" in keeps:
        above = run.layers if layers is None or not run.streams else run.layers - min(_from_start(layers, run.layers))
        total += above * run.one_layer
    if "squares" in keeps and run.streams:
        total += 2 * run.layers * run.tokens * run.hidden * run.number + 400_000_000
    elif "squares" in keeps:
        copies = 3 if "gradients" in keeps else 1
        square = run.heads * run.tokens * run.seen
        total += square * (copies * run.layers * run.number + 3 * 4)
    return total


def refusal(
    label: str,
    keeps: Keeps,
    model: ChatModel,
    trace: Trace,
    *,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
    several: bool = False,
) -> str | None:
    """None where a method has the memory that it takes, otherwise a sentence that says what would fit.

    label: its name for people. several: whether some of the layers and heads can be chosen for it.
    """
    run = sizes(model, trace)
    from playground.models.memory import available

    free = available(model.device)
    wants = needed(keeps, run, layers=layers, heads=heads)
    if free is None or wants <= (1 - KEPT_FREE) * free:
        return None
    cheaper = "show a smaller picture"
    if several and "gradients" in keeps and run.streams:
        cheaper = f"choose fewer of its {run.layers} layers, counted from the last one (`layers=`), or {cheaper}"
    elif several and ("row" in keeps or "rows" in keeps):
        cheaper = f"choose fewer of its {run.layers} layers and {run.heads} heads (`layers=`, `heads=`), or {cheaper}"
    place = "GPU memory" if model.device.type == "cuda" else "memory"
    return (
        f"{label} over {run.tokens:,} tokens would take about {_shown(wants)} of {place}, and "
        f"{_shown(free)} are free: {cheaper}."
    )


def together(model: ChatModel, trace: Trace, most: int) -> int:
    """How many runs over a trace fit into the free memory side by side: 1 to `most`."""
    from playground.models.memory import available

    run, free = sizes(model, trace), available(model.device)
    if free is None:
        return most
    return max(1, min(most, int((1 - KEPT_FREE) * free // max(1, run.one_layer + run.logits))))


def _from_start(places: Sequence[int], count: int) -> list[int]:
    return [range(count)[place] for place in places] or [0]


def _shown(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
