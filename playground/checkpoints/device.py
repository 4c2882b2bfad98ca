"""Where a model runs and in which number format: chosen from what the machine has, before anything large is read."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playground.checkpoints.catalog import EMBEDDED, Kind, of_kind, shown
from playground.checkpoints.files import LoadError


class DoesNotFit(LoadError):
    """A model needs more memory than is free. kind: what it is for."""

    def __init__(self, sentence: str, kind: Kind) -> None:
        super().__init__(sentence)
        self.kind = kind


BYTES = {"float64": 8.0, "float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
# NF4 takes half a byte a weight; its scales, the embeddings and the norms make it more (Dettmers et al. 2023).
_FOUR_BIT = 0.7
_ROOM_TO_COMPUTE = 1.15


@dataclass(frozen=True)
class Machine:
    """What the choice depends on.

    memory: free bytes of main memory. gpus: free bytes of each CUDA GPU. capability: the least compute capability
    of them, its major number (8: Ampere). mps: an Apple GPU, which shares the main memory.
    fast_bfloat16: tells whether this CPU computes faster in bfloat16 than in float32; asked only when it matters.
    """

    memory: int
    gpus: tuple[int, ...] = ()
    capability: int = 0
    mps: bool = False
    fast_bfloat16: Callable[[], bool] = lambda: False

    @property
    def fastest(self) -> str:
        """The device that is taken when none is named."""
        return "cuda" if self.gpus else "mps" if self.mps else "cpu"


@dataclass(frozen=True)
class Placement:
    """How a model is loaded. spread: over all GPUs, and main memory where they are full (`device_map="auto"`)."""

    device: str
    dtype: str
    spread: bool = False
    four_bit: bool = False


def this_machine() -> Machine:
    """What this machine has free now."""
    import torch

    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return Machine(
        memory=free_memory(),
        gpus=tuple(torch.cuda.mem_get_info(gpu)[0] for gpu in gpus),
        capability=min((torch.cuda.get_device_capability(gpu)[0] for gpu in gpus), default=0),
        mps=torch.backends.mps.is_available(),
        fast_bfloat16=_bfloat16_is_faster,
    )


def free_memory() -> int:
    """Free bytes of main memory: the machine's, or the container's where that allows less."""
    import psutil

    free = psutil.virtual_memory().available
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (int((group / file).read_text()) for file in ("memory.max", "memory.current"))
        kept = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return min(free, max(0, limit - used + int(kept["inactive_file"])))
    except (OSError, ValueError, KeyError):  # no container, or one without a limit ("max")
        return free


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out. PyTorch has an exception for GPUs, and only says so in words on a CPU."""
    said = re.search("out of memory|(can't|cannot) allocate memory", str(error), re.IGNORECASE)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and bool(said))


@functools.cache
def _bfloat16_is_faster() -> bool:
    """Measured once, in some 50 ms, on a product as a prompt needs it. What the CPU says of itself does not tell:
    with AVX512-BF16 but without AMX bfloat16 can take twice as long as float32."""
    import torch

    best = {}
    with torch.inference_mode():
        for dtype in (torch.float32, torch.bfloat16):
            rows, matrix = torch.ones(256, 1024, dtype=dtype), torch.ones(1024, 1024, dtype=dtype)
            times = []
            for _ in range(4):
                start = time.perf_counter()
                rows @ matrix
                times.append(time.perf_counter() - start)
            best[dtype] = min(times)
    return best[torch.bfloat16] < 0.9 * best[torch.float32]


def place(
    name: str,
    weights: int,
    machine: Machine,
    kind: Kind,
    *,
    embedded: bool = False,
    device: str | None = None,
    dtype: object = None,
    four_bit: bool = False,
) -> Placement:
    """Where and how a model of so many weights is loaded.

    device, dtype: what was asked for, or None to choose. Chat models run in bfloat16 where that is fast: on GPUs
    from Ampere on, Apple GPUs, and CPUs where it was measured so; in float16 on older GPUs; and in bfloat16 on a
    slow CPU that has no room for float32. Encoders and embedded models stay in float32.
    Raises DoesNotFit when the weights do not, with what they need, what is free, and what to pick instead;
    LoadError for a device or dtype that there is not.
    """
    device = str(device or machine.fastest)
    family, _, number = device.partition(":")
    if family not in ("cpu", "cuda", "mps") or (number and not number.isdecimal()):
        raise LoadError(f"There is no device “{device}”: say cpu, cuda, cuda:1 or mps, or leave it out.")
    if (family == "cuda" and int(number or 0) >= len(machine.gpus)) or (family == "mps" and not machine.mps):
        raise LoadError(f"This machine has no device “{device}” that torch can use: leave it out, or say cpu.")
    asked = str(dtype).removeprefix("torch.") if dtype is not None else None
    if asked not in (None, *BYTES):
        raise LoadError(f"Models are not loaded as “{asked}”: say {', '.join(BYTES)}, or leave dtype out.")
    chosen = asked or ("float32" if embedded or kind != "chat" else _dtype(family, machine))
    size = weights * (_FOUR_BIT if four_bit else BYTES[chosen]) * _ROOM_TO_COMPUTE
    room = machine.gpus[int(number or 0)] if family == "cuda" else machine.memory
    if size <= room:
        return Placement(device, chosen, four_bit=four_bit)
    if family == "cuda" and not number:
        # bitsandbytes cannot leave a part in main memory.
        together = 0.9 * sum(machine.gpus) + (0 if four_bit else 0.9 * machine.memory)
        if size <= together:
            return Placement(device, chosen, spread=True, four_bit=four_bit)
        room = int(together)
    if family == "cpu" and asked is None and kind == "chat" and size / 2 <= room and not four_bit:
        return Placement(device, "bfloat16")
    raise DoesNotFit(_too_large(name, size, room, kind, "4 bits" if four_bit else chosen), kind)


def _dtype(family: str, machine: Machine) -> str:
    if family == "cuda":
        return "bfloat16" if machine.capability >= 8 else "float16"
    return "bfloat16" if family == "mps" or machine.fast_bfloat16() else "float32"


def _too_large(name: str, size: float, room: int, kind: Kind, dtype: str) -> str:
    fitting = [entry for entry in of_kind(kind) if not entry.embedded and entry.memory_mb * 1e6 <= room]
    smaller = max(fitting, key=lambda entry: entry.memory_mb).name if fitting else EMBEDDED
    return (
        f"“{name}” does not fit: it needs about {shown(size / 1e6)} of memory in {dtype}, and "
        f"{shown(room / 1e6)} are free. Pick a smaller one ({smaller}), or close what else runs"
        f"{'' if dtype == '4 bits' else '; on a GPU four_bit=True takes a third of bfloat16'}."
    )
