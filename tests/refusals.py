"""What `load` says when it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from playground import load
from playground.models.loading import LoadError


def refusal(name: str | Path, **options) -> str:
    """The sentence of the LoadError that this name leads to."""
    with pytest.raises(LoadError) as refused:
        load(str(name), **options)
    return str(refused.value)
