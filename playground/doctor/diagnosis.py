"""A name becomes findings, one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from playground.checkpoints.files import LoadError
from playground.doctor.finding import Finding, checked


def diagnose(name: str, **options: Any) -> Iterator[Finding]:
    """Load a checkpoint and drive everything that its kind does; each finding comes when it is known.

    Args:
        name: what `playground.load` takes, but for the address of a server.
        options: what `playground.load` takes too (device, dtype, image_tokens …).

    Never raises for what is wrong with the checkpoint: that is a finding.
    """
    from playground.models.loading import is_address, load

    begun = time.perf_counter()
    if is_address(name):
        yield Finding("loads", None, "It is the address of a server: check the checkpoint where the server runs.")
        return
    try:
        model: Any = load(name, **options)
    except LoadError as error:
        yield Finding("loads", False, str(error), time.perf_counter() - begun)
        return
    except Exception as error:
        yield Finding("loads", False, f"{type(error).__name__}: {str(error)[:200]}", time.perf_counter() - begun)
        return
    seconds = time.perf_counter() - begun
    family = f"{type(model.model).__name__} on {model.device}, {seconds:.1f} s"
    yield Finding("loads", True, family, seconds)
    for note in getattr(model, "notes", ()):
        yield Finding("read otherwise than it stands", None, note)
    yield from checked(_checks(model))


def _checks(model: Any) -> dict:
    from playground.doctor import chat, encoders

    kinds = {
        "ChatModel": chat.checks,
        "EmbeddingModel": encoders.embedding_checks,
        "SegmentationModel": encoders.segmentation_checks,
        "DetectionModel": encoders.detection_checks,
    }
    return kinds[type(model).__name__](model)
