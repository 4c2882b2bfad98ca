"""How much memory is in use, and by which models."""

from __future__ import annotations

import sys
from html import escape

import gradio as gr

from playground.checkpoints.catalog import find, shown
from playground.models import loading
from playground.settings import read

REFRESH = "refresh-memory"
"""The id of a hidden button that page.js presses every ten seconds while the page is in sight."""


def build(chosen: gr.State) -> gr.HTML:
    """Lay out the line, and, where the machine is one's own, a button that unloads what is not chosen.

    On a public page one visitor could otherwise make all others wait until their models are loaded anew.
    Returns the line; `memory_line` gives its value.
    """
    quietly = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
    with gr.Row(elem_classes="memory-row"):
        line = gr.HTML(memory_line(), elem_classes="memory")
        unload = gr.Button(
            "Unload the others", size="sm", elem_classes="quiet", elem_id="unload", visible=not read().is_public
        )
    refresh = gr.Button(visible="hidden", elem_id=REFRESH)
    refresh.click(memory_line, None, line, **quietly)
    chosen.change(memory_line, None, line, **quietly)
    unload.click(unload_others, chosen, line, **quietly)
    return line


def memory_line() -> str:
    """What this process takes of the main memory, what torch takes of the GPUs, and the weights of each model."""
    import psutil

    parts = [f"<strong>{shown(psutil.Process().memory_info().rss / 1e6)}</strong> of memory in use"]
    if taken := _on_gpus():
        parts.append(f"<strong>{shown(taken / 1e6)}</strong> on the GPU")
    models = "".join(f"<li>{escape(name)} {escape(shown(size / 1e6))}</li>" for name, size in _models())
    listed = f'<ul aria-label="Models in memory">{models}</ul>' if models else "<span>No model is loaded.</span>"
    return f'<div class="memory-line"><span>{", ".join(parts)}.</span> {listed}</div>'


def _models() -> list[tuple[str, int]]:
    """The name and the bytes of the weights of each model in memory."""
    kept = loading.loaded()
    if not kept:
        return []
    from playground.models.memory import weights

    return [(model.name, weights(*filter(None, (model.model, getattr(model, "clicker", None))))) for model in kept]


def _on_gpus() -> int:
    """Bytes that torch has allocated on CUDA devices; torch is not imported for it."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return 0
    return sum(torch.cuda.memory_allocated(gpu) for gpu in range(torch.cuda.device_count()))


def unload_others(chosen: str) -> str:
    """Let go of every model but the chosen one, and show what is left; they are loaded anew when they are asked."""
    if not read().is_public:
        for model in loading.loaded():
            if not _same(model.name, chosen):
                loading.unload(model)
    return memory_line()


def _same(one: str, other: str) -> bool:
    return one == other or (find(one) is not None and find(one) == find(other))
