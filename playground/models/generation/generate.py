"""One generation in a thread of its own: it reports a step per token and can be stopped after each."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any

import torch
from transformers import LogitsProcessor, PreTrainedModel, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from playground.models.attention import Listener, listening
from playground.models.families.registry import type_of
from playground.models.generation.prefix_cache import begin
from playground.models.generation.stopping import Stopped, acquire_or_stop, watched_layers
from playground.models.memory import Growth, growth
from playground.models.messages import CannotRead

if TYPE_CHECKING:
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.prefix_cache import PrefixCache


@dataclass(frozen=True)
class Step:
    """One generated token, its probability, the other likely tokens, and the seconds from the start to it."""

    token_id: int
    probability: float
    others: tuple[tuple[int, float], ...]
    seconds: float


@dataclass
class GenerationTimings:
    """What a generation took, written while it runs; see `playground.models.chat.Statistics`."""

    reused: int = 0
    cache_miss_reason: str | None = None
    vision_seconds: float = 0.0
    seconds: float = 0.0
    memory: int | None = None


class StepWatcher(LogitsProcessor, BaseStreamer):
    """Sees every step twice, first its scores and then the token that was chosen, and emits them as a Step.

    As a logits processor it comes after the model's own ones (repetition penalty …) and before the sampling
    warpers, so probabilities are those at temperature 1 whatever the temperature. Scores wait in a queue for
    their token, since on some devices transformers streams it one forward pass later; none are kept.
    """

    def __init__(self, emit: Callable[[Step], None], runners_up: int = 5, together: int = 1) -> None:
        """together: how many steps are worked out at once; more than one where nobody waits for each."""
        self._emit, self._runners_up, self._together, self._began = emit, runners_up, together, time.perf_counter()
        self._scores: deque[torch.Tensor] = deque()
        self._chosen: list[tuple[int, float]] = []

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self._scores.append(scores[0])
        return scores

    def put(self, value: torch.Tensor) -> None:
        if len(self._scores) == len(self._chosen):  # the first call brings the prompt
            return
        self._chosen.append((int(value), time.perf_counter() - self._began))
        if len(self._chosen) >= self._together:
            self.end()

    def end(self) -> None:
        """Emit the steps that wait."""
        if not self._chosen:
            return
        rows = torch.stack([self._scores.popleft() for _ in self._chosen])
        probabilities = rows.float().softmax(-1)
        best = probabilities.topk(self._runners_up + 1)
        ranks = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        for row, ((token, seconds), (tokens, values)) in enumerate(zip(self._chosen, ranks, strict=True)):
            ranked = dict(zip(tokens, values, strict=True))
            own = ranked.pop(token) if token in ranked else float(probabilities[row, token])
            self._emit(Step(token, own, tuple(ranked.items())[: self._runners_up], seconds))
        self._chosen = []


class Repeating(LogitsProcessor):
    """Leaves one token to choose: that of an answer which is known. Comes last, so the step's scores were seen before.

    answers: token ids of one answer, spelled in one or several ways; where they part, the likelier one is followed.
    """

    def __init__(self, answers: Sequence[Sequence[int]]) -> None:
        self._answers, self._step = [tuple(answer) for answer in answers], 0

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        step, self._step = self._step, self._step + 1
        following = {answer[step] for answer in self._answers if len(answer) > step}
        if not following:
            return scores
        best = max(following, key=lambda token: float(scores[0, token]))
        self._answers = [answer for answer in self._answers if answer[step : step + 1] == (best,)]
        alone = torch.full_like(scores, -torch.inf)
        alone[:, best] = 0
        return alone


class StopWhenSet(StoppingCriteria):
    """Ends a generation when one of the events is set: before the next layer while the prompt is still being read
    (raising Stopped), and after the token in work from then on."""

    def __init__(self, model: PreTrainedModel, *events: Event) -> None:
        self._events = events
        self._watched = watched_layers(model, self._look)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **_) -> torch.BoolTensor:
        self.release()
        return torch.full((input_ids.shape[0],), self._is_set(), dtype=torch.bool, device=input_ids.device)

    def release(self) -> None:
        """Take the hooks off the model's layers: between two tokens they would cost more than they bring."""
        while self._watched:
            self._watched.pop().remove()

    def _look(self) -> None:
        if self._is_set():
            raise Stopped

    def _is_set(self) -> bool:
        return any(event.is_set() for event in self._events)


def once(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    *,
    stop: tuple[Event, ...],
    spent: GenerationTimings,
    conversation: PrefixCache | None = None,
    seen: ImageFeatureCache | None = None,
    **options,
) -> Any:
    """What `model.generate` returns for a prepared prompt, or None where it was stopped before the first token.

    stop: events, any of which ends it. options: what `generate` takes. The caller has the model to itself.
    """
    began, copies = time.perf_counter(), max(options.get("num_beams", 1), options.get("num_return_sequences", 1))
    stopping = StopWhenSet(model, *stop)
    beginning, risen = None, Growth()
    try:
        with torch.inference_mode(), _vision_timed(model, spent), growth(model.device) as risen:
            beginning = begin(model, inputs, conversation, seen, copies)
            spent.reused, spent.cache_miss_reason = beginning.reused, beginning.cache_miss_reason
            found = model.generate(**beginning.arguments, **options, stopping_criteria=[stopping])
        if conversation is not None and copies == 1:
            conversation.keep(model, beginning, found[0].tolist())
        return found
    except BaseException as error:
        if conversation is not None and copies == 1:
            # Some layers may have read more of the prompt than others: what it had before is sound.
            conversation.shorten(len(conversation) if isinstance(error, Stopped) else 0)
        if any(said in str(error) for said in _MISCOUNTED):
            raise CannotRead(_miscounted(model, copies)) from error
        if not isinstance(error, Stopped):
            raise
        return None
    finally:
        stopping.release()
        spent.memory, spent.seconds = risen.bytes, time.perf_counter() - began


# What is said where a prompt marks more or fewer places than the vision encoder fills; by torch for several answers.
_MISCOUNTED = ("features and image tokens do not match", "non-empty TensorList", "non-empty list of")


def _miscounted(model: PreTrainedModel, copies: int) -> str:
    if copies > 1:
        return (
            f"transformers does not repeat the pictures of models of the type {type_of(model.config)} for several "
            "answers side by side. Ask for its one answer."
        )
    return (
        "The processor marks another number of places for a picture than the model fills, so a setting of it is "
        "missing or another model's: copy processor_config.json and preprocessor_config.json from the model it was "
        "made from."
    )


@contextlib.contextmanager
def _vision_timed(model: PreTrainedModel, spent: GenerationTimings) -> Iterator[None]:
    """Add the seconds that the vision encoder works to `spent`."""
    encoder, began = model.get_encoder("image"), 0.0

    def clock() -> float:
        if model.device.type == "cuda":
            torch.cuda.synchronize(model.device)
        return time.perf_counter()

    def start(*_) -> None:
        nonlocal began
        began = clock()

    def end(*_) -> None:
        spent.vision_seconds += clock() - began

    hooks = []
    if encoder is not model:
        hooks = [encoder.register_forward_pre_hook(start), encoder.register_forward_hook(end)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def run(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    *,
    lock: Lock,
    stop: Event,
    spent: GenerationTimings,
    listener: Listener | None = None,
    streaming: bool = True,
    forced_token_ids: Sequence[Sequence[int]] | None = None,
    **options,
) -> Generator[Step, None, None]:
    """Run `once` in a thread and yield its steps as they come.

    lock: the model's lock, held while it generates. spent: is filled in. options: what `once` takes.
    streaming: whether anybody waits for single steps; if not, no thread is needed and all come at the end.
    forced_token_ids: the answer, where it is known (see `Repeating`); probabilities are the model's all the same.
    Closing this generator ends the computation and waits for the thread, whose exceptions are raised here.
    """
    steps: queue.SimpleQueue[Step | BaseException | None] = queue.SimpleQueue()
    closed = Event()

    def work() -> None:
        try:
            with acquire_or_stop(lock, stop, closed) as mine:
                if mine:
                    watcher = StepWatcher(steps.put, together=1 if streaming else 16)
                    deciding = [watcher, Repeating(forced_token_ids)] if forced_token_ids else [watcher]
                    with listening(listener):
                        once(
                            model, inputs, stop=(stop, closed), spent=spent, **options,
                            streamer=watcher, logits_processor=deciding,
                        )  # fmt: skip
            steps.put(None)
        except BaseException as error:
            steps.put(error)

    if streaming:
        # A thread starts with empty context variables; the copy keeps what the caller's framework stores there.
        worker: Thread | None = Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
        worker.start()
    else:
        worker = None
        work()
    try:
        while (step := steps.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step
    finally:
        closed.set()
        if worker is not None:
            worker.join()
