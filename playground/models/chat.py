"""Pictures and text in, text out: ask, stream, stop, and see how sure the model was of every token."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from playground.models.catalog import Entry
from playground.models.text import as_plain_text, control_tokens, decoded, spelled, token_text

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

    from playground.models.attention import Listener
    from playground.models.generation import Step


class CannotRead(ValueError):
    """The model's processor refuses the conversation; the message says what it said."""


class PromptTooLong(ValueError):
    """The conversation has more tokens than the model can read; the message says how many of each."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation: who speaks, the words, and the pictures shown before them."""

    role: Literal["user", "assistant", "system"]
    text: str
    images: tuple[Image.Image, ...] = ()


@dataclass(frozen=True)
class Piece:
    """One generated token.

    text: what it adds to the answer; "" for the token that ends it, and while a character is incomplete.
    probability: the model's, at temperature 1, whatever the temperature it was drawn with.
    runners_up: up to five other tokens the model thought likely, with their probabilities, most likely first.
    """

    text: str
    token_id: int
    probability: float
    runners_up: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Statistics:
    """What an answer took.

    image_tokens: positions of the prompt that hold the pictures; prompt_tokens: all of its positions.
    new_tokens: generated tokens, the one that ends the answer included.
    seconds_to_first_token: from the request to the first token; seconds: to the last. Waiting for another
        conversation's turn on the same model does not count.
    tokens_per_second: of the tokens after the first one; 0 where there is none.
    stopped: True when somebody stopped it; False when the model ended or reached the length allowed.
    """

    image_tokens: int
    prompt_tokens: int
    new_tokens: int
    seconds_to_first_token: float
    seconds: float
    tokens_per_second: float
    stopped: bool


@dataclass(frozen=True)
class Answer:
    """A finished answer: its text (the pieces, joined), the pieces, and what it took."""

    text: str
    pieces: tuple[Piece, ...]
    statistics: Statistics


@dataclass(frozen=True)
class Candidate:
    """One possible answer and the probability that the model gives it as a whole."""

    text: str
    probability: float


@dataclass
class ChatModel:
    """A loaded vision-language model that answers conversations. One generation runs at a time.

    attention_reason: None when attention maps can be taken, otherwise a sentence that says why not.
    """

    name: str
    entry: Entry | None
    model: PreTrainedModel
    processor: ProcessorMixin
    attention_reason: str | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        return self.model.device

    @property
    def context_length(self) -> int | None:
        """How many tokens prompt and answer may have together; None where the model sets no limit."""
        return getattr(self.model.config.get_text_config(decoder=True), "max_position_embeddings", None)

    def prepare(self, messages: Sequence[Message]) -> BatchFeature:
        """Turn a conversation into the model's inputs (batch of one), on its device.

        Special tokens that somebody typed are broken up, so that they are read as text. Raises PromptTooLong
        when no room is left for an answer, CannotRead when a picture is refused, ValueError when there is no
        message.
        """
        if not messages:
            raise ValueError("There is nothing to answer yet: write a message first.")
        try:
            inputs = self.processor.apply_chat_template(
                [self._for_template(message) for message in messages],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
            )
        except ValueError as error:  # for example, Qwen-VL refuses pictures 200 times as wide as high
            raise CannotRead(f"{self.name} cannot read this conversation: {error}") from error
        had, allowed = inputs["input_ids"].shape[1], self.context_length
        if allowed is not None and had >= allowed:
            raise PromptTooLong(
                f"This conversation has {had:,} tokens; {self.name} reads {allowed:,} at most, its answer "
                "included. Shorten the message, show fewer pictures, or start a new conversation."
            )
        return inputs.to(self.device, dtype=self.model.dtype)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        recorder: Listener | None = None,
    ) -> Generator[Piece, None, Answer]:
        """Answer token by token; the generator's return value is the whole Answer.

        temperature: 0 takes the likeliest token each time; above 0 tokens are drawn, the more freely the higher.
        stop: set it to end the answer after the token in work.
        recorder: called with (layer, attention row) for every token, see `playground.inside.capture`.
        Closing the generator ends the computation and waits for its thread; what goes wrong in that thread is
        raised here. Raises what `prepare` raises.
        """
        from playground.models import generation

        asked = time.perf_counter()
        inputs = self.prepare(messages)
        preparation = time.perf_counter() - asked
        stop = stop or threading.Event()
        steps = generation.run(
            self.model,
            inputs,
            turn=self._turn,
            stop=stop,
            listener=recorder,
            max_new_tokens=self._room(inputs, max_new_tokens),
            num_beams=1,
            **_choice(temperature),
        )
        pieces, seconds = [], [preparation]
        with closing(steps):
            for step, text in spelled(self.processor.tokenizer, steps):
                pieces.append(self._piece(step, text))
                seconds.append(preparation + step.seconds)
                yield pieces[-1]
        return Answer("".join(piece.text for piece in pieces), tuple(pieces), self._statistics(inputs, seconds, stop))

    def generate(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        recorder: Listener | None = None,
    ) -> Answer:
        """The whole answer at once; everything is as in `stream`."""
        pieces = self.stream(
            messages, max_new_tokens=max_new_tokens, temperature=temperature, stop=stop, recorder=recorder
        )
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return end.value

    def candidates(
        self, messages: Sequence[Message], *, count: int = 5, max_new_tokens: int = 24
    ) -> tuple[Candidate, ...]:
        """The likeliest whole answers that a beam search of `count` beams finds, likeliest first, none twice.

        A probability is the product over the answer's tokens, the end included, with no reward for length.
        Where two ways to split the same text into tokens are found, theirs are added.
        """
        inputs = self.prepare(messages)
        with self._turn:
            found = self.model.generate(
                **inputs,
                max_new_tokens=self._room(inputs, max_new_tokens),
                do_sample=False,
                num_beams=max(2, count),
                num_return_sequences=count,
                length_penalty=0.0,
                repetition_penalty=1.0,
                return_dict_in_generate=True,
                output_scores=True,
            )
        answers = found.sequences[:, inputs["input_ids"].shape[1] :]
        texts = [decoded(self.processor.tokenizer, ids).strip() for ids in answers.tolist()]
        probabilities: dict[str, float] = {}
        for text, score in zip(texts, found.sequences_scores.tolist(), strict=True):
            probabilities[text] = probabilities.get(text, 0.0) + math.exp(score)
        ranked = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
        return tuple(Candidate(text, probability) for text, probability in ranked)

    def _for_template(self, message: Message) -> dict:
        """A message as chat templates and processors want it. Only pictures go in, no paths or addresses."""
        pictures = [{"type": "image", "image": image.convert("RGB")} for image in message.images]
        text = as_plain_text(message.text, control_tokens(self.processor))
        return {"role": message.role, "content": [*pictures, {"type": "text", "text": text}]}

    def _room(self, inputs: BatchFeature, wanted: int) -> int:
        """How many tokens the answer may have: what was wanted, or what the context has left."""
        if self.context_length is None:
            return wanted
        return min(wanted, self.context_length - inputs["input_ids"].shape[1])

    def _piece(self, step: Step, text: str) -> Piece:
        tokenizer = self.processor.tokenizer
        others = tuple((token_text(tokenizer, token), probability) for token, probability in step.others)
        return Piece(text, step.token_id, step.probability, others)

    def _statistics(self, inputs: BatchFeature, seconds: list[float], stop: threading.Event) -> Statistics:
        """seconds: when the preparation ended and when each token came, counted from the request."""
        ids, tokens = inputs["input_ids"], len(seconds) - 1
        first, last = seconds[min(1, tokens)], seconds[-1]
        return Statistics(
            image_tokens=int((ids == getattr(self.model.config, "image_token_id", -1)).sum()),
            prompt_tokens=ids.shape[1],
            new_tokens=tokens,
            seconds_to_first_token=first,
            seconds=last,
            tokens_per_second=(tokens - 1) / (last - first) if last > first else 0.0,
            stopped=stop.is_set(),
        )


def _choice(temperature: float) -> dict:
    """How `generate` takes each token. A checkpoint's own top_k and top_p would quietly overrule the temperature."""
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    return {"do_sample": False}
