"""Whose files lie in Gradio's cache, so that a visitor's pictures are removed when he has gone.

Gradio names a file of its cache by a hash of the content, and serves it to whoever knows that name: two visitors who
upload the same picture share one file, and somebody who has the picture can find out that it was uploaded. So the
files of a session are counted, not owned: one is removed when no session holds it any more.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from playground.ui import error_messages, gradio_patches
from playground.ui.gradio_patches import get_upload_folder

GRACE = 600.0
"""Seconds from a page's end to the removal of its files: a page that is loaded anew finds its pictures again."""
UNUSED = 3600.0
"""Seconds after which an upload that no event ever used is removed."""

_held: dict[str, set[str]] = {}
_until: dict[str, float] = {}
_lock = threading.Lock()


def watch(app: gr.Blocks) -> None:
    """From now on note which files each session gives and gets, and remove them when nobody holds them any more.

    To be called when the page is laid out. What it shows until then stays.
    """
    gradio_patches.keep_page_files(app)

    def ended(session: str) -> None:
        if session in _until:  # an event that was under way when the page was closed, or a page that slept
            _leave(app, session)

    async def leave(request: gr.Request) -> None:
        _leave(app, request.session_hash)

    gradio_patches.observe_events(app, _hold, ended)
    gradio_patches.tell_errors(app, error_messages.sentence)
    app.unload(leave)


def _leave(app: gr.Blocks, session: str) -> None:
    """The session's files may go when the time of grace is over."""
    with _lock:
        _until[session] = time.monotonic() + GRACE
    loop = asyncio.get_running_loop()
    loop.call_later(GRACE + 0.05, loop.run_in_executor, None, sweep, app)


def _hold(session: str | None, data: Any) -> None:
    """Note that the session has the files in the data."""
    files = set(_files(data)) if session else None
    if files:
        with _lock:
            _held.setdefault(session, set()).update(files)


def _files(data: Any) -> Iterator[str]:
    """The paths of files in Gradio's cache that stand anywhere in what an event takes or gives."""
    if isinstance(data, str):
        if in_cache(data):
            yield data
    elif isinstance(data, dict):
        for part in data.values():
            yield from _files(part)
    elif isinstance(data, list | tuple):
        for part in data:
            yield from _files(part)


def in_cache(path: str) -> bool:
    """Whether this names a file in the folder where Gradio keeps uploads and what it shows; it need not exist."""
    folder = get_upload_folder()
    if not path.startswith(folder) or len(path) > 4096 or "\0" in path:
        return False
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


def sweep(app: gr.Blocks) -> None:
    """Remove the files of sessions whose time is over, unless another session or the page itself holds them too."""
    with _lock:
        over = [session for session, until in _until.items() if until <= time.monotonic()]
        free = set()
        for session in over:
            free |= _held.pop(session, set())
            del _until[session]
        held = set().union(*_held.values())
        sent, known = gradio_patches.uploads_of(app)
        free |= {path for path in sent if _age(path) > UNUSED}
        free -= held | gradio_patches.files_of_page(app)
        for path in free & known:
            _remove(path)
            gradio_patches.forget_file(app, path)


def _age(path: str) -> float:
    try:
        return time.time() - Path(path).stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: str) -> None:
    try:
        Path(path).unlink(missing_ok=True)
        Path(path).parent.rmdir()
    except OSError:  # the folder is not empty, or somebody was faster
        return
