"""What stands after each layer of a part of a model, taken by hooks on its own modules while it runs.

The vectors themselves would take gigabytes in a large model: of each layer only what can be shown is kept.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from playground.interpret.anatomy.principal_components import as_colours, principal

if TYPE_CHECKING:
    import torch
    from torch import nn

Grid: TypeAlias = tuple[int, int]
Likely: TypeAlias = "tuple[tuple[str, float], ...]"
_BEFORE = 8  # the most class and register tokens that stand before the patches


@dataclass(frozen=True, eq=False)
class Layer:
    """The vectors at one place of the way: what a layer gives, or what goes into the first one.

    norms: float32 (vectors,), the Euclidean length of each. Those of a picture stand row by row, and what is no place
        of it (a class token) before them.
    grid: rows and columns of the picture's vectors; None where they are no picture's.
    colours: uint8 (rows, columns, 3), see `.principal_components`; None where there is no grid.
    added: how long what the layer added is, as a share of what came in, both the mean over all vectors; None for
        what goes into the first layer, and where a layer changes their number or size.
    likely: words that the last vector would become if no layer followed, with their probabilities, likeliest first;
        () where no words are made of it.
    """

    norms: np.ndarray
    grid: Grid | None = None
    colours: np.ndarray | None = None
    added: float | None = None
    likely: Likely = ()

    @property
    def norm(self) -> float:
        """The mean length of all vectors."""
        return float(self.norms.mean())

    @property
    def norm_map(self) -> np.ndarray | None:
        """The lengths where they stand in the picture, float32 (rows, columns); None where there is no grid."""
        return self.norms[-self.grid[0] * self.grid[1] :].reshape(self.grid) if self.grid else None


class HiddenStateRecorder:
    """Follows vectors through the layers of one part: `with passage.follow(layers): run the model`.

    layers: the first is what goes into the first layer, then what each one gives. shape, last_shape: of all vectors
    that go in and that come out, without a leading 1. size: numbers of a vector that goes in. convolved: whether they
    come as (views, size, rows, columns), as convolutions give them. A run that passes the layers again replaces what
    was kept.
    """

    def __init__(
        self,
        grid: Grid | None = None,
        order: np.ndarray | None = None,
        view: int = 0,
        likely: Callable[[torch.Tensor], Likely] | None = None,
    ) -> None:
        """grid: of a picture's vectors. order: where each of them stands, row by row; None where they stand so.

        view: which of several views of the picture is kept. likely: which words the last vector would become.
        """
        self.layers: list[Layer] = []
        self.shape: tuple[int, ...] = ()
        self.last_shape: tuple[int, ...] = ()
        self.size, self.convolved = 0, False
        self._grid, self._order, self._view, self._likely = grid, order, view, likely
        self._before: np.ndarray | None = None
        self._components: np.ndarray | None = None

    @contextlib.contextmanager
    def follow(self, layers: Sequence[nn.Module]) -> Iterator[None]:
        """While this is open, look at what this thread sends through the layers; other threads' runs are let by."""
        here = threading.get_ident()

        def enter(module: nn.Module, arguments: tuple, options: dict[str, Any]) -> None:
            if threading.get_ident() == here:
                self._restart()
                self._take(arguments[0] if arguments else options["hidden_states"])

        def leave(module: nn.Module, arguments: tuple, output: Any) -> None:
            if threading.get_ident() == here:
                self._take(output[0] if isinstance(output, tuple) else output)

        hooks = [layers[0].register_forward_pre_hook(enter, with_kwargs=True)] if layers else []
        hooks += [layer.register_forward_hook(leave) for layer in layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def take(self, states: torch.Tensor) -> None:
        """Keep what stands in vectors that came by another way, as if a layer had given them."""
        self._restart()
        self._take(states)

    def _restart(self) -> None:
        self.layers, self._before, self._components = [], None, None

    def _take(self, states: torch.Tensor) -> None:
        self.last_shape = tuple(states.shape[1:] if states.shape[0] == 1 else states.shape)
        own, grid = states, self._grid
        if states.ndim == 4:
            grid = tuple(states.shape[2:])
            own = states.flatten(2).transpose(1, 2)
        if not self.layers:
            self.shape, self.size, self.convolved = self.last_shape, own.shape[-1], states.ndim == 4
        if own.ndim == 3:
            own = own[self._view]
        vectors = own.detach().float().cpu().numpy()
        if self._order is not None:
            vectors = vectors[self._order]
        if grid is not None and not 0 <= len(vectors) - grid[0] * grid[1] <= _BEFORE:
            grid = None  # what goes on here is not known
        likely = self._likely(own[-1]) if self._likely else ()
        norms = np.linalg.norm(vectors, axis=1).astype(np.float32)
        self.layers.append(Layer(norms, grid, self._colours(vectors, grid), self._added(vectors), likely))
        self._before = vectors

    def _colours(self, vectors: np.ndarray, grid: Grid | None) -> np.ndarray | None:
        if grid is None:
            return None
        self._components = principal(vectors[-grid[0] * grid[1] :], self._components)
        return as_colours(self._components, grid)

    def _added(self, vectors: np.ndarray) -> float | None:
        before = self._before
        if before is None or before.shape != vectors.shape:
            return None
        lengths = np.linalg.norm(before, axis=1).mean()  # a single one may be 0
        return float(np.linalg.norm(vectors - before, axis=1).mean() / max(lengths, 1e-12))


@dataclass(frozen=True)
class Token:
    """One position of the sequence that the model reads: its text, and whether it holds a part of the picture."""

    text: str
    picture: bool


@dataclass(frozen=True, eq=False)
class ForwardRecord:
    """What one run left behind.

    inputs: what went in. vision, projected, reading, writing: the passage through the tower, out of the projector,
    through an encoder of words (empty without one) and through the decoder. The others are as in `Anatomy`; view: the
    place of the shown view, from the end where it is below 0.
    """

    inputs: Mapping[str, torch.Tensor]
    views: np.ndarray | None
    view: int
    vision: HiddenStateRecorder
    projected: HiddenStateRecorder
    reading: HiddenStateRecorder
    writing: HiddenStateRecorder
    tokens: tuple[Token, ...]
    beside: int
    probabilities: np.ndarray
    likely: Likely
