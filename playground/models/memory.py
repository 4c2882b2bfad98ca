"""How much memory a computation took, and how much there is left."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STATUS, _REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Growth:
    """bytes: how far memory rose above where it was; None until it is known, and where it cannot be."""

    bytes: int | None = None


@contextlib.contextmanager
def growth(device: torch.device) -> Iterator[Growth]:
    """Measure how far memory rises inside this context.

    On CUDA the peak of what torch has allocated on that device, without what was allocated before. Elsewhere the
    peak of this process's resident memory: whatever else the process does meanwhile counts too, and memory that
    Python had kept for reuse does not. On Linux the peak is measured anew each time; on other systems only what
    exceeds every earlier peak is seen.
    """
    import torch

    risen = Growth()
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) if cuda else _resident(forget_peak=True)
    try:
        yield risen
    finally:
        with contextlib.suppress(RuntimeError):  # a device that has failed tells nothing; its own error is on its way
            after = torch.cuda.max_memory_allocated(device) if cuda else _resident()
            if before is not None and after is not None:
                risen.bytes = max(0, after - before)


def available(device: torch.device) -> int | None:
    """Bytes that a computation could still take there; None where the system does not tell."""
    if device.type == "cuda":
        import torch

        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    from playground.checkpoints.device import free_memory

    return free_memory()


def weights(*modules: torch.nn.Module) -> int:
    """Bytes of the weights and buffers of these modules, where they share some counted once."""
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    return sum({(tensor.data_ptr(), tensor.nbytes): tensor.nbytes for tensor in tensors}.values())


def _resident(forget_peak: bool = False) -> int | None:
    """The peak of this process's resident memory; with forget_peak, what it has now."""
    if not _STATUS.exists():
        return _resident_elsewhere()
    if forget_peak:
        with contextlib.suppress(OSError):
            _REFERENCES.write_text("5")  # see proc(5): resets the peak, nothing else
    return _kilobytes(_STATUS, "VmRSS" if forget_peak else "VmHWM")


def _resident_elsewhere() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _kilobytes(file: Path, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
