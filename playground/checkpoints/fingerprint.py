"""Which weights a figure tells of: a short name for the files of a checkpoint."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint(*folders: Path) -> str:
    """16 hex digits of the SHA-256 over the safetensors files of these folders, which tell weights from others."""
    digest = hashlib.sha256()
    for path in (path for folder in folders for path in sorted(Path(folder).glob("*.safetensors"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
