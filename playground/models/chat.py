"""Pictures and text in, text out: ask, stream, stop, and see how sure the model was of every token."""

from __future__ import annotations

import copy
import math
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from playground.checkpoints.catalog import Entry
from playground.models import prompt
from playground.models.generation.detokenize import decoded, spelled, token_text
from playground.models.generation.stopping import its_turn
from playground.models.layout.positions import image_positions
from playground.models.messages import (
    Answer,
    Candidate,
    CannotRead,
    Likelihood,
    Message,
    Piece,
    PromptTooLong,
    Statistics,
    asked,
    notes_of,
    spoken,
    why_empty,
)

if TYPE_CHECKING:
    import torch
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

    from playground.imaging.opening import Source
    from playground.models.attention import Listener
    from playground.models.generation.generate import Spent, Step
    from playground.models.generation.image_features import Seen
    from playground.models.generation.prefix_cache import Conversation
    from playground.models.picture_tokens import Forecast


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What became of the messages that were prepared last: an answer, its runners-up and its trace ask for it in turn.

    messages: held weakly, so that no picture outlives its conversation here.
    """

    messages: tuple[weakref.ref[Message], ...]
    inputs: BatchFeature

    def is_of(self, messages: Sequence[Message]) -> bool:
        """Whether these are the very same messages."""
        same = len(messages) == len(self.messages)
        return same and all(held() is message for held, message in zip(self.messages, messages, strict=True))


@dataclass
class ChatModel:
    """A loaded vision-language model that answers conversations. One generation runs at a time.

    attention_reason: None when attention maps can be taken, otherwise a sentence that says why not.
    likelihood_reason: the same of `likelihoods`, which every model on this machine can tell.
    image_tokens: the most tokens that a picture may cost; None where its own settings alone decide.
    unlimited: a processor without that limit, to say what it changes. pace: how many times what is reckoned a prompt
        took, see `forecast`.
    stop_strings: texts that end an answer, by the checkpoint's own settings.
    notes: sentences on what of the checkpoint's own files is not used as it stands.
    """

    name: str
    entry: Entry | None
    model: PreTrainedModel
    processor: ProcessorMixin
    attention_reason: str | None = None
    image_tokens: int | None = None
    unlimited: ProcessorMixin | None = field(default=None, repr=False)
    pace: float = field(default=1.0, repr=False)
    likelihood_reason: ClassVar[None] = None
    stop_strings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _texts: dict[int, str] = field(default_factory=dict, repr=False)
    _prepared: _Prepared | None = field(default=None, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the model's inputs go."""
        return self.model.device

    def out_of_distribution_score(self, image: Source) -> float | None:
        """How unlike its training pictures this one is; above 1 what the model says of it means little. None where
        that was not measured, see `playground.models.out_of_distribution`."""
        from playground.models.out_of_distribution import out_of_distribution_score

        return out_of_distribution_score(self, image)

    @property
    def context_length(self) -> int | None:
        """How many tokens prompt and answer may have together; None where the model sets no limit."""
        return getattr(self.model.config.get_text_config(decoder=True), "max_position_embeddings", None)

    @property
    def limits(self) -> prompt.Limits:
        """What it can be shown at once: how many pictures, earlier turns or not, system prompts or not."""
        return prompt.limits(self.model.config, self.processor)

    def forecast(self, messages: Sequence[Message]) -> Forecast | None:
        """What reading these messages will cost in tokens and seconds, before anything is computed; it is a sentence
        too (`str`). None where no picture is shown, or where its tokens cannot be told beforehand."""
        from playground.models.picture_tokens import forecast

        return forecast(self, messages)

    def prepare(self, messages: Sequence[Message]) -> BatchFeature:
        """Turn a conversation into the model's inputs (batch of one), on its device.

        Special tokens that somebody typed are broken up, so that they are read as text. Raises PromptTooLong
        when no room is left for an answer, CannotRead when a picture is refused, ValueError when there is no
        message.
        """
        if not messages:
            raise ValueError("There is nothing to answer yet: write a message first.")
        before = self._prepared
        if before is not None and before.is_of(messages):
            return copy.copy(before.inputs)
        try:
            inputs = prompt.prepare(self.model, self.processor, messages)
        except ValueError as error:  # for example, Qwen-VL refuses pictures 200 times as wide as high
            raise CannotRead(f"{self.name} cannot read this conversation: {error}") from error
        had, allowed = inputs["input_ids"].shape[1], self.context_length
        if allowed is not None and had >= allowed:
            raise PromptTooLong(
                f"This conversation has {had:,} tokens; {self.name} reads {allowed:,} at most, its answer "
                "included. Shorten the message, show fewer pictures, or start a new conversation."
            )
        owner = weakref.ref(self)  # a reference to the model itself would keep it, and its weights, in a circle

        def forget(_: weakref.ref) -> None:  # a message is gone: nobody will ask about it again
            if (model := owner()) is not None:
                model._prepared = None

        self._prepared = _Prepared(tuple(weakref.ref(message, forget) for message in messages), inputs)
        return copy.copy(inputs)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        recorder: Listener | None = None,
        conversation: Conversation | None = None,
        seen: Seen | None = None,
    ) -> Generator[Piece, None, Answer]:
        """Answer token by token; the generator's return value is the whole Answer.

        temperature: 0 takes the likeliest token each time; above 0 tokens are drawn, the more freely the higher.
        stop: set it to end the answer after the token in work, or within a layer while the prompt is being read.
        recorder: called with every token's attention in every layer, see `playground.models.attention.listening`.
        conversation: continues what it kept of the turns before, and keeps this one; `self.conversation()` makes one.
        seen: the session's encoded pictures; those that are among them are not encoded again.
        Closing the generator ends the computation and waits for its thread; what goes wrong in that thread is
        raised here. Raises what `prepare` raises.
        """
        kept = {"conversation": conversation, "seen": seen}
        return self._pieces(messages, True, max_new_tokens, temperature, stop, listener=recorder, **kept)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        recorder: Listener | None = None,
        conversation: Conversation | None = None,
        seen: Seen | None = None,
        given: Sequence[Sequence[int]] | None = None,
    ) -> Answer:
        """The whole answer at once, computed in this thread; everything is as in `stream`.

        given: token ids of an answer that is known, in one or several spellings: it is repeated, and its pieces have
        the probabilities and runners-up that the model saw.
        """
        kept = {"conversation": conversation, "seen": seen, "given": given}
        pieces = self._pieces(messages, False, max_new_tokens, temperature, stop, listener=recorder, **kept)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return end.value

    def _pieces(
        self,
        messages: Sequence[Message],
        streaming: bool,
        max_new_tokens: int,
        temperature: float,
        stop: threading.Event | None,
        **options,
    ) -> Generator[Piece, None, Answer]:
        from playground.models.generation import generate as generation

        asked = time.perf_counter()
        inputs = self.prepare(messages)
        preparation = time.perf_counter() - asked
        stop, spent, room = stop or threading.Event(), generation.Spent(), self._room(inputs, max_new_tokens)
        steps = generation.run(
            self.model,
            inputs,
            streaming=streaming,
            turn=self._turn,
            stop=stop,
            spent=spent,
            max_new_tokens=room,
            num_beams=1,
            **_choice(temperature),
            **({} if options.get("given") else self._stopping),
            **options,
        )
        pieces, seconds = [], [preparation]
        with closing(steps):
            for step, text in spelled(self.processor.tokenizer, steps):
                pieces.append(self._piece(step, text))
                seconds.append(preparation + step.seconds)
                yield pieces[-1]
        statistics = self._statistics(inputs, messages, seconds, stop.is_set(), spent)
        text = "".join(piece.text for piece in pieces)
        reason = why_empty(self.name, text, statistics, room)
        return Answer(text, tuple(pieces), statistics, notes_of(messages), reason)

    def ask(self, question: str, *images: Source, **options) -> Answer:
        """The answer to one question about pictures: `generate` with a conversation of one message.

        images: paths, bytes, PIL images, arrays, tensors …, see `playground.imaging.opening.open_picture`.
        Raises EmptyAnswer, with the reason, for an answer without a word, and what `generate` raises.
        """
        return spoken(self.generate(asked(question, *images), **options))

    def generate_batch(
        self, prepared: Sequence[BatchFeature], *, max_new_tokens: int = 128, stop: threading.Event | None = None
    ) -> list[str]:
        """One answer to each prompt that `prepare` returned, computed together: the likeliest tokens, as alone.

        stop: set it to end all of them after the token in work; what they said so far is what comes back. An answer
        without a word is "".
        Raises torch.OutOfMemoryError where they are too many at once; `playground.tasks.bulk.many` sees to that.
        """
        from playground.models.generation.batch import generate_batch

        rooms = [self._room(inputs, max_new_tokens) for inputs in prepared]
        stop = stop or threading.Event()
        with its_turn(self._turn, stop) as mine:
            if not mine:
                return [""] * len(prepared)
            return generate_batch(
                self.model, self.processor, prepared, max_new_tokens=rooms, stop=stop, **self._stopping
            )

    def conversation(self, limit_mb: int = 2048) -> Conversation:
        """Something for a session to keep, so that each turn computes only what is new: hand it to `stream`.

        limit_mb: see `playground.models.generation.prefix_cache.Conversation`.
        """
        from playground.models.generation.prefix_cache import Conversation

        return Conversation(limit_mb)

    def candidates(
        self,
        messages: Sequence[Message],
        *,
        count: int = 5,
        max_new_tokens: int = 24,
        stop: threading.Event | None = None,
        conversation: Conversation | None = None,
        seen: Seen | None = None,
    ) -> tuple[Candidate, ...]:
        """The likeliest whole answers that a beam search of `count` beams finds, likeliest first, none twice.

        A probability is the product over the answer's tokens, the end included, with no reward for length.
        Where two ways to split the same text into tokens are found, theirs are added.
        stop: set it to end the search; then there are none. conversation: what it kept is read, not changed.
        """
        from playground.models.generation import generate as generation

        inputs, stop = self.prepare(messages), stop or threading.Event()
        with its_turn(self._turn, stop) as mine:
            found = mine and generation.once(
                self.model,
                inputs,
                stop=(stop,),
                spent=generation.Spent(),
                conversation=conversation,
                seen=seen,
                max_new_tokens=self._room(inputs, max_new_tokens),
                do_sample=False,
                num_beams=max(2, count),
                num_return_sequences=count,
                length_penalty=0.0,
                repetition_penalty=1.0,
                **self._stopping,
                return_dict_in_generate=True,
                output_scores=True,
            )
        if not found or stop.is_set():
            return ()
        answers = found.sequences[:, prompt.answer_start(self.model, inputs) :]
        texts = [decoded(self.processor.tokenizer, ids).strip() for ids in answers.tolist()]
        probabilities: dict[str, float] = {}
        for text, score in zip(texts, found.sequences_scores.tolist(), strict=True):
            probabilities[text] = probabilities.get(text, 0.0) + math.exp(score)
        ranked = sorted(probabilities.items(), key=lambda pair: pair[1], reverse=True)
        return tuple(Candidate(text, probability) for text, probability in ranked)

    def likelihoods(
        self,
        messages: Sequence[Message],
        answers: Sequence[str],
        *,
        stop: threading.Event | None = None,
        conversation: Conversation | None = None,
        seen: Seen | None = None,
    ) -> tuple[Likelihood, ...]:
        """How likely the model is to give each of these answers, in their order: it is made to say them.

        An answer's tokens are those that its chat template writes, the one that ends the answer included, so a short
        answer is not the likelier one merely because a longer one begins with it. Probabilities are those of the
        model's own softmax; a repetition penalty of its settings has no part in them.
        stop: set it to end the run; then there are none. conversation: what it kept is read, not changed: after an
        answer to the same messages neither picture nor question is computed again. Raises what `prepare` raises, and
        PromptTooLong for an answer that the context has no room for.
        """
        from playground.models.generation.scoring import likelihoods

        return likelihoods(
            self, messages, answers, stop=stop or threading.Event(), conversation=conversation, seen=seen
        )

    @property
    def _stopping(self) -> dict:
        """What `generate` takes to end an answer at the checkpoint's own texts."""
        return (
            {"stop_strings": list(self.stop_strings), "tokenizer": self.processor.tokenizer}
            if self.stop_strings
            else {}
        )

    def _room(self, inputs: BatchFeature, wanted: int) -> int:
        """How many tokens the answer may have: what was wanted, or what the context has left."""
        if self.context_length is None:
            return wanted
        return min(wanted, self.context_length - prompt.answer_start(self.model, inputs))

    def _piece(self, step: Step, text: str) -> Piece:
        others = tuple((self._text_of(token), probability) for token, probability in step.others)
        return Piece(text, step.token_id, step.probability, others)

    def _text_of(self, token: int) -> str:
        """`token_text`, remembered: the same few tokens are likely again and again."""
        if token not in self._texts:
            self._texts[token] = token_text(self.processor.tokenizer, token)
        return self._texts[token]

    def _limited(self, messages: Sequence[Message]) -> tuple[str, ...]:
        """What the limit on a picture's tokens changed, a note for each picture."""
        if self.unlimited is None:
            return ()
        from playground.models.picture_tokens import picture_tokens

        found = (picture_tokens(self, image) for message in messages for image in message.images)
        return tuple(f"{each}." for each in found if each is not None and each.limited)

    def _keep_pace(self, tokens: int, seconds: float, spent: Spent) -> None:
        """Learn from an answer how fast prompts are read, from those that were read whole and are long enough."""
        if spent.reused == 0 and tokens > 200 and seconds > 0.2:
            from playground.models.picture_tokens import reckoned

            self.pace = seconds / max(reckoned(self, tokens), 1e-9)

    def _statistics(
        self, inputs: BatchFeature, messages: Sequence[Message], seconds: list[float], stopped: bool, spent: Spent
    ) -> Statistics:
        """seconds: when the preparation ended and when each token came, counted from the request."""
        tokens = len(seconds) - 1
        first, last = seconds[min(1, tokens)], seconds[-1]
        self._keep_pace(inputs["input_ids"].shape[1], first, spent)
        return Statistics(
            image_tokens=len(image_positions(self.model, inputs)),
            prompt_tokens=inputs["input_ids"].shape[1],
            new_tokens=tokens,
            seconds_to_first_token=first,
            seconds=last,
            tokens_per_second=(tokens - 1) / (last - first) if last > first else 0.0,
            stopped=stopped,
            reused_tokens=spent.reused,
            cold_reason=spent.cold_reason,
            vision_seconds=spent.vision_seconds,
            language_seconds=max(0.0, spent.seconds - spent.vision_seconds),
            peak_memory=spent.memory,
            limited=self._limited(messages),
        )


def _choice(temperature: float) -> dict:
    """How `generate` takes each token. A checkpoint's own top_k and top_p would quietly overrule the temperature."""
    if temperature > 0:
        return {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    return {"do_sample": False}
