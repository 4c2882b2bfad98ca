"""How many questions may wait at once.

Who comes when a line is full is told to try again. Nobody else is turned away: Gradio itself would then also refuse
to open the page, to stop an answer or to begin a new talk, which wait for nothing.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

_FULL = "As many questions as this page takes are waiting already. Try again in a moment."


def keep_short(app: gr.Blocks, longest: int) -> None:
    """Let up to `longest` events wait in each line of this app whose events wait for each other.

    To be called after `app.queue()`, which gets no limit of its own.
    """
    queue = app._queue
    push = queue.push

    async def pushed(body: Any, request: Any, username: str | None) -> tuple[bool, Any, str]:
        event = app.fns.get(body.fn_index)
        line = queue.event_queue_per_concurrency_id.get(event.concurrency_id) if event else None
        if line is not None and line.concurrency_limit is not None and len(line.queue) >= longest:
            return False, _FULL, "queue_full"
        return await push(body, request, username)

    queue.push = pushed
