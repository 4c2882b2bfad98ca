"""One small map beside an answer: where the model looked for the word that tells most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.models.generation.stopping import Stopped
from playground.models.messages import asked
from playground.tasks import TaskError
from playground.tasks.maps import WordMap, answer_maps, believed, telling_word, word_map

if TYPE_CHECKING:
    import threading

    from playground.imaging.opening import Source
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.server.chat import AnyChatModel


def preview_map(
    model: AnyChatModel,
    image: Source,
    question: str,
    answer: str,
    seen: ImageFeatureCache | None = None,
    *,
    stop: threading.Event | None = None,
) -> WordMap:
    """Run an answer once more and draw the map of its most telling word, by the method to begin with.

    Which word and which method that is: see `telling_word` and `believed` in `playground.tasks.maps`. seen: the
    session's encoded pictures. stop: set it to end the run, within a layer.

    Raises:
        TaskError: the model's attention cannot be read (says why), or the answer has no word.
        Stopped: `stop` was set.
        CannotRepeat: the answer cannot be spelled with the model's tokens.
    """
    from playground.interpret.trace import trace_answer

    if model.attention_reason:
        raise TaskError(model.attention_reason)
    trace = trace_answer(model, asked(question, image), answer, seen=seen, stop=stop)
    if stop is not None and stop.is_set():
        raise Stopped
    if not trace.words:
        raise TaskError("There is no word to look at.")
    maps = answer_maps(trace, model)
    return word_map(model, trace, telling_word(maps), believed(maps), stop=stop)
