"""ZeroGPU Spaces: a GPU is lent for one call at a time, to a process that is forked for it.

See https://huggingface.co/docs/hub/spaces-zerogpu. What such a process keeps in memory is lost when the call ends:
the keys and values of its talk help nobody, so `playground.ui.session` keeps none there.
"""

from __future__ import annotations

import gradio as gr

from playground.settings import read
from playground.ui.components.streaming import MODEL_QUEUE
from playground.ui.gradio_patches import functions_in_queue


def is_zero() -> bool:
    """Whether this is a ZeroGPU Space (SPACES_ZERO_GPU)."""
    return read().zero_gpu


def lend(app: gr.Blocks) -> None:
    """Let every event that runs a model ask for a GPU; changes nothing where the package `spaces` is missing.

    To be called when the page is laid out, and before it is launched: `spaces` counts the functions then.
    """
    try:
        from spaces import GPU
    except ImportError:
        return
    for event in functions_in_queue(app, MODEL_QUEUE["concurrency_id"]):
        event.fn = GPU(event.fn)
