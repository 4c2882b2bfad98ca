"""Pictures and text in, text out: ask, stream, stop, and see how sure the model was of every token."""

from __future__ import annotations

import copy
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from playground.checkpoints.catalog import Entry
from playground.models import prompt
from playground.models.generation.detokenize import token_text
from playground.models.generation.stopping import acquire_or_stop
from playground.models.messages import (
    Answer,
    Candidate,
    GeneratedToken,
    Likelihood,
    Message,
    asked,
    spoken,
)
from playground.models.preparation import Prepared, prepared

if TYPE_CHECKING:
    import torch
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

    from playground.imaging.opening import Source
    from playground.models.attention import Listener
    from playground.models.generation.image_features import ImageFeatureCache
    from playground.models.generation.prefix_cache import PrefixCache
    from playground.models.picture_tokens import Forecast


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
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _texts: dict[int, str] = field(default_factory=dict, repr=False)
    _prepared: Prepared | None = field(default=None, repr=False)

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
        found = self._prepared  # another thread may prepare something else meanwhile
        if found is None or not found.is_of(messages):
            found = self._prepared = prepared(self, messages)
        return copy.copy(found.inputs)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        recorder: Listener | None = None,
        conversation: PrefixCache | None = None,
        seen: ImageFeatureCache | None = None,
    ) -> Generator[GeneratedToken, None, Answer]:
        """Answer token by token; the generator's return value is the whole Answer.

        temperature: 0 takes the likeliest token each time; above 0 tokens are drawn, the more freely the higher.
        stop: set it to end the answer after the token in work, or within a layer while the prompt is being read.
        recorder: called with every token's attention in every layer, see `playground.models.attention.listening`.
        conversation: continues what it kept of the turns before, and keeps this one; `self.conversation()` makes one.
        seen: the session's encoded pictures; those that are among them are not encoded again.
        Closing the generator ends the computation and waits for its thread; what goes wrong in that thread is
        raised here. Raises what `prepare` raises.
        """
        from playground.models.generation.answering import generated

        kept = {"conversation": conversation, "seen": seen}
        return generated(self, messages, True, max_new_tokens, temperature, stop, listener=recorder, **kept)

    def generate(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 128,
        temperature: float = 0.0,
        stop: threading.Event | None = None,
        recorder: Listener | None = None,
        conversation: PrefixCache | None = None,
        seen: ImageFeatureCache | None = None,
        forced_token_ids: Sequence[Sequence[int]] | None = None,
    ) -> Answer:
        """The whole answer at once, computed in this thread; everything is as in `stream`.

        forced_token_ids: those of an answer that is known, in one or several spellings: it is repeated, and its pieces
        have the probabilities and runners-up that the model saw.
        """
        from playground.models.generation.answering import generated

        kept = {"conversation": conversation, "seen": seen, "forced_token_ids": forced_token_ids}
        pieces = generated(self, messages, False, max_new_tokens, temperature, stop, listener=recorder, **kept)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return end.value

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

        rooms = [self.room(inputs, max_new_tokens) for inputs in prepared]
        stop = stop or threading.Event()
        with acquire_or_stop(self.lock, stop) as mine:
            if not mine:
                return [""] * len(prepared)
            return generate_batch(
                self.model, self.processor, prepared, max_new_tokens=rooms, stop=stop, **self.stopping
            )

    def conversation(self, limit_mb: int = 2048) -> PrefixCache:
        """Something for a session to keep, so that each turn computes only what is new: hand it to `stream`.

        limit_mb: see `playground.models.generation.prefix_cache.PrefixCache`.
        """
        from playground.models.generation.prefix_cache import PrefixCache

        return PrefixCache(limit_mb)

    def candidates(
        self,
        messages: Sequence[Message],
        *,
        count: int = 5,
        max_new_tokens: int = 24,
        stop: threading.Event | None = None,
        conversation: PrefixCache | None = None,
        seen: ImageFeatureCache | None = None,
    ) -> tuple[Candidate, ...]:
        """The likeliest whole answers that a beam search of `count` beams finds, likeliest first, none twice.

        A probability is the product over the answer's tokens, the end included, with no reward for length.
        Where two ways to split the same text into tokens are found, theirs are added.
        stop: set it to end the search; then there are none. conversation: what it kept is read, not changed.
        """
        from playground.models.generation.beam_search import candidates

        return candidates(
            self,
            messages,
            count=count,
            max_new_tokens=max_new_tokens,
            stop=stop or threading.Event(),
            conversation=conversation,
            seen=seen,
        )

    def likelihoods(
        self,
        messages: Sequence[Message],
        answers: Sequence[str],
        *,
        stop: threading.Event | None = None,
        conversation: PrefixCache | None = None,
        seen: ImageFeatureCache | None = None,
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
    def stopping(self) -> dict:
        """What `generate` takes to end an answer at the checkpoint's own texts."""
        return (
            {"stop_strings": list(self.stop_strings), "tokenizer": self.processor.tokenizer}
            if self.stop_strings
            else {}
        )

    def room(self, inputs: BatchFeature, wanted: int) -> int:
        """How many tokens the answer may have: what was wanted, or what the context has left."""
        if self.context_length is None:
            return wanted
        return min(wanted, self.context_length - prompt.answer_start(self.model, inputs))

    def text_of(self, token: int) -> str:
        """`token_text`, remembered: the same few tokens are likely again and again."""
        if token not in self._texts:
            self._texts[token] = token_text(self.processor.tokenizer, token)
        return self._texts[token]
