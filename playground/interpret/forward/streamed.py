"""Rollout and relevance without the squares of attention: what is followed back is one row, so one row is kept.

Whole squares are layers × heads × tokens² numbers, tens of gigabytes for a photograph in a large model. Both methods
multiply them from the last layer down with a single row. Here each layer keeps its queries and keys instead; its
attention is worked out again when the row comes to it, head by head and some hundred queries at a time, and the row
goes on. The numbers are the same; memory grows with the tokens, no more with their square.

It works where the language model attends through `playground.models.attention`; the others keep the squares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from playground.interpret.forward.teacher_forcing import teacher_forced_forward
from playground.models.attention import attending
from playground.models.generation.stopping import check_stop, checker

if TYPE_CHECKING:
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel

# Rows of one head that are worked out at once take about this many bytes: more no longer fit a processor's caches.
CHUNK_BYTES = 8_000_000


@dataclass(frozen=True)
class Chosen:
    """Which layers and heads count. None: all. What is left out passes on what stood below it, unchanged."""

    layers: frozenset[int] | None = None
    heads: tuple[int, ...] | None = None

    def layer(self, place: int) -> bool:
        """Whether this layer counts."""
        return self.layers is None or place in self.layers

    def of(self, heads: int) -> tuple[int, ...]:
        """The heads that count, of so many."""
        return tuple(range(heads)) if self.heads is None else self.heads


def chosen(
    trace: Trace,
    *,
    layer: int | None = None,
    head: int | None = None,
    layers: Sequence[int] | None = None,
    heads: Sequence[int] | None = None,
) -> Chosen:
    """What counts. layer: all up to this one. head: this one alone. layers, heads: these. Counted from 0, or from the
    end where below 0. Raises IndexError for one that is not there."""
    upto = range(trace.layers)[layer] + 1 if layer is not None else trace.layers
    of = range(upto) if layers is None else [range(trace.layers)[place] for place in layers]
    every = [head] if head is not None else heads
    return Chosen(
        None if layer is None and layers is None else frozenset(place for place in of if place < upto),
        None if every is None else tuple(range(trace.heads)[place] for place in every),
    )


@dataclass
class Row:
    """What has come down to here: float32 (tokens,); written while the layers are gone through."""

    shares: torch.Tensor


@dataclass(frozen=True, eq=False)
class _Layer:
    """What the attention of one layer is worked out from. causal: whether no mask means that later keys are hidden."""

    query: torch.Tensor  # (heads, tokens, size)
    key: torch.Tensor  # (groups, tokens, size)
    mask: torch.Tensor | None  # (1 or heads, tokens, tokens)
    scale: float
    causal: bool

    def rows(self, head: int, within: range) -> Iterator[tuple[slice, slice, torch.Tensor]]:
        """Some of the queries `within` at a time, the keys that they see, and their attention to these: float32."""
        query, key = self.query[head], self.key[head * len(self.key) // len(self.query)]
        many = max(1, CHUNK_BYTES // (4 * len(key)))
        for start in range(within.start, within.stop, many):
            part = slice(start, min(start + many, within.stop))
            seen = slice(0, part.stop if self.mask is None and self.causal else len(key))
            scores = (query[part] @ key[seen].T).float() * self.scale
            if self.mask is not None:
                mask = self.mask[head % len(self.mask), part, seen]
                scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
            elif self.causal:
                places = torch.arange(part.stop, device=key.device)
                scores = scores.masked_fill(places > places[part, None], -torch.inf)
            yield part, seen, scores.softmax(-1).nan_to_num(0.0)


def _alive(values: torch.Tensor) -> range:
    """From the first to the last position whose value is not 0: the others pass nothing down."""
    places = values.nonzero()
    return range(int(places[0]), int(places[-1]) + 1) if len(places) else range(0)


def rolled_out(model: ChatModel, trace: Trace, rows: Sequence[int], chosen: Chosen) -> torch.Tensor:
    """Attention rollout of the sum of several rows: float32 (tokens,), what came from each token.

    rows: positions counted from `ForcedRun.rows`, which are pieces of the answer.
    """
    layers: dict[int, _Layer] = {}

    def keep(module: torch.nn.Module, query, key, value, mask, scale) -> None:
        if getattr(module, "layer_idx", None) is not None and chosen.layer(module.layer_idx):
            layers[module.layer_idx] = _layer(module, query, key, mask, scale)

    with attending(keep):
        run = teacher_forced_forward(model, trace)
    shares = torch.zeros(len(run.tokens), device=model.device)
    for row in rows:
        shares[run.rows + row] += 1
    with torch.inference_mode():
        for place in sorted(layers, reverse=True):
            check_stop()
            heads = chosen.of(len(layers[place].query))
            passed, within = torch.zeros_like(shares), _alive(shares)
            for head in heads:
                for part, seen, weights in layers[place].rows(head, within):
                    passed[seen] += shares[part].to(weights.device) @ weights
            shares = 0.5 * shares + 0.5 * passed / len(heads)
    return shares


def relevant(model: ChatModel, trace: Trace, pieces: Sequence[int], chosen: Chosen) -> dict[int, torch.Tensor]:
    """Gradient × attention of each piece: float32 (tokens,), how relevant each token is. One run forward for all."""
    walk = _Walk(chosen, look=checker())

    lowest = min(chosen.layers) if chosen.layers else 0

    def follow(module: torch.nn.Module, query, key, value, mask, scale) -> torch.Tensor | None:
        if getattr(module, "layer_idx", None) == lowest:  # nothing below it need be kept for the way back
            query = walk.start = query.detach().requires_grad_()
        if getattr(module, "layer_idx", None) is None or not query.requires_grad:
            return None
        return _Followed.apply(query, key, value, mask, scale, module, walk)

    with attending(follow):
        run = teacher_forced_forward(model, trace, gradients=True)
    found = {}
    for piece in pieces:
        check_stop()
        score = run.logits[piece, trace.pieces[piece].token_id]
        walk.row = Row(torch.zeros(len(run.tokens), device=model.device))
        walk.row.shares[run.rows + piece] = 1
        torch.autograd.grad(score, walk.start, retain_graph=piece != pieces[-1])
        found[piece] = walk.row.shares
    return found


@dataclass
class _Walk:
    """What all layers of a run write to on the way back.

    start: the queries of the lowest layer that counts. look: raises where the run is to end; the way back may be gone
    in a thread of its own.
    """

    chosen: Chosen
    look: Callable[[], None]
    start: torch.Tensor | None = None
    row: Row = field(default_factory=lambda: Row(torch.zeros(0)))


class _Followed(torch.autograd.Function):
    """Attention whose way back takes the row along: R ← R + R · mean over heads of (∇A ⊙ A)⁺."""

    @staticmethod
    def forward(ctx: Any, query, key, value, mask, scale, module, walk) -> torch.Tensor:
        groups = query.shape[1] // key.shape[1]
        causal = mask is None and _is_causal(module, query)
        ctx.save_for_backward(query, key, value)
        ctx.mask, ctx.scale, ctx.causal, ctx.place, ctx.walk = mask, scale, causal, module.layer_idx, walk
        wide = (each.repeat_interleave(groups, 1) for each in (key, value))
        return torch.nn.functional.scaled_dot_product_attention(query, *wide, mask, is_causal=causal, scale=scale)

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple:
        query, key, value = (each[0] for each in ctx.saved_tensors)
        layer = _Layer(query, key, None if ctx.mask is None else ctx.mask[0], ctx.scale, ctx.causal)
        walk, groups = ctx.walk, len(query) // len(key)
        heads = walk.chosen.of(len(query)) if walk.chosen.layer(ctx.place) else ()
        back = [torch.zeros_like(each, dtype=torch.float32) for each in (query, key, value)]
        shares = walk.row.shares.to(query.device)
        passed = torch.zeros_like(shares)
        for head in range(len(query)):
            walk.look()
            group = head // groups
            # A row without a gradient (in the last layer all but one) passes nothing down.
            for part, seen, weights in layer.rows(head, _alive(slope[0, head].abs().amax(-1))):
                above = slope[0, head, part]
                product = weights * (above @ value[group, seen].T).float()
                if head in heads:
                    passed[seen] += shares[part] @ product.clamp(min=0)
                by_score = (product - weights * product.sum(-1, keepdim=True)) * ctx.scale
                back[0][head, part] = by_score @ key[group, seen].float()
                back[1][group, seen] += by_score.T @ query[head, part].float()
                back[2][group, seen] += weights.T @ above.float()
        if heads:
            walk.row.shares = shares + passed / len(heads)
        return (*(each[None].to(query.dtype) for each in back), None, None, None, None)


def _layer(module: torch.nn.Module, query, key, mask, scale: float) -> _Layer:
    seen = None if mask is None else mask[0].detach()
    return _Layer(query[0].detach(), key[0].detach(), seen, scale, mask is None and _is_causal(module, query))


def _is_causal(module: torch.nn.Module, query: torch.Tensor) -> bool:
    return getattr(module, "is_causal", True) and query.shape[2] > 1
