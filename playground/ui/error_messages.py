"""One sentence for whatever goes wrong, so that no page ever breaks."""

from __future__ import annotations

import logging

from playground.checkpoints.device import is_out_of_memory
from playground.tasks.exports import disk

_log = logging.getLogger(__name__)


def sentence(error: Exception) -> str:
    """What to tell the visitor.

    The playground's own exceptions (MediaError, TaskError, LoadError, …) carry a sentence written for people.
    All others go to the log with their traceback, not to the page.
    """
    if type(error).__module__.startswith("playground."):
        return str(error)
    _log.error("a task failed", exc_info=error)
    if is_out_of_memory(error):
        return "There is not enough memory for this. Choose a smaller model or a smaller picture."
    if disk.is_full(error):
        return (
            "What was to be kept could not be written: the disk of the machine that runs this page is full. Nothing "
            "on the page is lost; once there is room again, try once more."
        )
    return f"Something broke on our side ({type(error).__name__}). Try once more; the log has the details."
