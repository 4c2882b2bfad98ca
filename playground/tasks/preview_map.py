"""One small map beside an answer: where the model looked for the word that tells most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.generation.stopping import Stopped
from playground.models.messages import asked
from playground.tasks import TaskError

if TYPE_CHECKING:
    import threading

    import numpy as np

    from playground.imaging.opening import Source
    from playground.interpret.trace import Trace
    from playground.models.generation.image_features import Seen
    from playground.models.server.chat import AnyChatModel

_SQUARES = 600_000_000  # bytes of attention and its gradients that a glance may take


@dataclass(frozen=True, eq=False)
class Glance:
    """A map of one word: the word, float32 (height, width) of sum 1 over the picture, and the method's name."""

    word: str
    values: np.ndarray
    method: str


def glance(
    model: AnyChatModel,
    image: Source,
    question: str,
    answer: str,
    seen: Seen | None = None,
    *,
    stop: threading.Event | None = None,
) -> Glance:
    """Run an answer once more and draw the map of its most telling word: the longest that is no function word.

    The map is relevance down to the patches (Chefer et al. 2021, arXiv:2103.15679), which points at the right thing
    most often (`python -m playground maps`), and plain attention where that cannot be drawn or
    would take much memory. seen: the session's encoded pictures. stop: set it to end the run, within a layer.

    Raises:
        TaskError: the model's attention cannot be read (says why), or the answer has no word.
        Stopped: `stop` was set.
        CannotRepeat: the answer cannot be spelled with the model's tokens.
    """
    from playground.interpret.methods import explain, reason
    from playground.interpret.trace import trace_answer

    if model.attention_reason:
        raise TaskError(model.attention_reason)
    trace = trace_answer(model, asked(question, image), answer, seen=seen, stop=stop)
    if stop is not None and stop.is_set():
        raise Stopped
    if not trace.words:
        raise TaskError("There is no word to look at.")
    word = telling_word(trace)
    method = "patches" if reason("patches", model, trace) is None and _size(trace) < _SQUARES else "attention"
    return Glance(trace.words[word].text, explain(method, model, trace, word, stop=stop), method)


def telling_word(trace: Trace) -> int:
    """The index of the longest word that is neither a function word nor a mark; the first of equal ones."""
    from playground.interpret.forward.image_dependence import says_little

    words = [word.text for word in trace.words]
    return max(range(len(words)), key=lambda index: (not says_little(words[index]), len(words[index])))


def _size(trace: Trace) -> int:
    """The bytes of every layer's square of attention and of its gradients."""
    tokens = (trace.answer.statistics.prompt_tokens or 0) + len(trace.pieces)
    return 8 * trace.layers * trace.heads * tokens**2
