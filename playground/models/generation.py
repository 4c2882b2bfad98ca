"""One generation in a thread of its own: it reports a step per token and can be stopped after each."""

from __future__ import annotations

import contextvars
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from threading import Event, Lock, Thread

import torch
from transformers import LogitsProcessor, PreTrainedModel, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from playground.models.attention import Listener, listening


@dataclass(frozen=True)
class Step:
    """One generated token, its probability, the other likely tokens, and the seconds from the start to it."""

    token_id: int
    probability: float
    others: tuple[tuple[int, float], ...]
    seconds: float


class StepWatcher(LogitsProcessor, BaseStreamer):
    """Sees every step twice, first its scores and then the token that was chosen, and emits them as a Step.

    As a logits processor it comes after the model's own ones (repetition penalty …) and before the sampling
    warpers, so probabilities are those at temperature 1 whatever the temperature. Scores wait in a queue for
    their token, since on some devices transformers streams it one forward pass later; none are kept.
    """

    def __init__(self, emit: Callable[[Step], None], runners_up: int = 5) -> None:
        self._emit, self._runners_up, self._began = emit, runners_up, time.perf_counter()
        self._scores: deque[torch.Tensor] = deque()

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        self._scores.append(scores[0])
        return scores

    def put(self, value: torch.Tensor) -> None:
        if not self._scores:  # the first call brings the prompt
            return
        token = int(value.reshape(-1)[-1])
        probabilities = self._scores.popleft().float().softmax(-1)
        best = probabilities.topk(self._runners_up + 1)
        ranked = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        others = tuple((other, p) for other, p in ranked if other != token)[: self._runners_up]
        self._emit(Step(token, float(probabilities[token]), others, time.perf_counter() - self._began))

    def end(self) -> None:
        pass


class StopWhenSet(StoppingCriteria):
    """Ends the generation after the token during which one of the events was set."""

    def __init__(self, *events: Event) -> None:
        self._events = events

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor, **_) -> torch.BoolTensor:
        stop = any(event.is_set() for event in self._events)
        return torch.full((input_ids.shape[0],), stop, dtype=torch.bool, device=input_ids.device)


def run(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    *,
    turn: Lock,
    stop: Event,
    listener: Listener | None = None,
    **options,
) -> Generator[Step, None, None]:
    """Run `model.generate` in a thread and yield its steps as they come.

    turn: the model's lock, held while it generates. options: what `generate` takes.
    Closing this generator ends the computation and waits for the thread, whose exceptions are raised here.
    """
    steps: queue.SimpleQueue[Step | BaseException | None] = queue.SimpleQueue()
    closed = Event()

    def work() -> None:
        try:
            while not turn.acquire(timeout=0.1):
                if stop.is_set() or closed.is_set():
                    return steps.put(None)
            try:
                if not stop.is_set() and not closed.is_set():
                    watcher = StepWatcher(steps.put)
                    with listening(listener):
                        model.generate(
                            **inputs,
                            **options,
                            streamer=watcher,
                            logits_processor=[watcher],
                            stopping_criteria=[StopWhenSet(stop, closed)],
                        )
            finally:
                turn.release()
            steps.put(None)
        except BaseException as error:
            steps.put(error)

    # A thread starts with empty context variables; the copy keeps what the caller's framework stores there.
    thread = Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        while (step := steps.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step
    finally:
        closed.set()
        thread.join()
