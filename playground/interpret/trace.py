"""Where the model looked for each word of its answer: the answer, its attention to the picture, and maps of it."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.interpret.recorder import Recorder, Rows, available
from playground.models.chat import ChatModel
from playground.models.families.registry import family_of
from playground.models.generation.detokenize import decoded, token_text
from playground.models.layout.positions import ImageLayout, NoLayout, image_layouts, image_positions
from playground.models.messages import Answer, GeneratedToken, Message, asked
from playground.models.prompt import answer_start

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature

    from playground.imaging.opening import Source
    from playground.models.attention import WhichSequence
    from playground.models.generation.image_features import ImageFeatureCache

# A word with its inner hyphens and apostrophes, one sign of a script without spaces, or a run of other marks.
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|(?:(?![\u3040-\u30ff\u3400-\u9fff])\w)+(?:['’-]\w+)*|[^\w\s]+")


class TooLarge(NoLayout):
    """The attention of an answer takes more memory than is free; the message says what would fit."""


class CannotRepeat(ValueError):
    """An answer cannot be spelled with a model's tokens; the message says so."""


@dataclass(frozen=True)
class Word:
    """A word of the answer: its text, the indices of its pieces, and the product of their probabilities."""

    text: str
    pieces: tuple[int, ...]
    probability: float


@dataclass(frozen=True, eq=False)
class Trace:
    """An answer together with the attention that produced it.

    attention: (pieces, layers, heads, image tokens), read like an array of float32; the tokens of all layouts one
    after the other. Each number is the share of one head's attention that one piece gave to one image token.
    image_sizes: (width, height) of each picture. messages: the conversation that was answered, with its pictures.
    text: the same for the words of the prompt, (pieces, layers, heads, words' tokens), and text_tokens what these
    spell; None and () where they were not asked for. model: the name of the model that answered. leans: how much each
    word leans on the picture, see `playground.interpret.forward.image_dependence`; () while nobody knows.
    """

    words: tuple[Word, ...]
    pieces: tuple[GeneratedToken, ...]
    layouts: tuple[ImageLayout, ...]
    attention: Rows
    layers: int
    heads: int
    answer: Answer
    image_sizes: tuple[tuple[int, int], ...]
    messages: tuple[Message, ...] = ()
    text: Rows | None = None
    text_tokens: tuple[str, ...] = ()
    model: str = ""
    leans: tuple[float, ...] = ()

    @property
    def question(self) -> str:
        """What was asked last."""
        return self.messages[-1].text if self.messages else ""

    @property
    def images(self) -> tuple[Image.Image, ...]:
        """The conversation's pictures, in the order in which the layouts count them."""
        return tuple(image for message in self.messages for image in message.images)


def trace(
    model: ChatModel,
    messages: Sequence[Message],
    *,
    max_new_tokens: int = 64,
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
    text: bool = False,
) -> Trace:
    """Answer (always the likeliest token) and keep what every token attended to in the pictures.

    seen: the session's encoded pictures; those that are among them are not encoded again.
    text: keep the attention to the words of the prompt too.
    Raises NoLayout with the reason where the model's attention cannot be read or laid over its pictures (TooLarge
    where memory is short), and what `ChatModel.prepare` raises.
    """
    return _recorded(model, messages, text, max_new_tokens=max_new_tokens, stop=stop, seen=seen)


def trace_picture(model: ChatModel, image: Source, question: str, **options: Any) -> Trace:
    """The answer to one question about a picture, with what each of its words looked at.

    options: what `trace` takes. Raises what `trace` raises.
    """
    return trace(model, asked(question, image), **options)


def trace_answer(
    model: ChatModel,
    messages: Sequence[Message],
    answer: str,
    *,
    stop: threading.Event | None = None,
    seen: ImageFeatureCache | None = None,
    text: bool = False,
) -> Trace:
    """As `trace`, for an answer that was given before: drawn by chance, by another model, or written by a person.

    Each of its tokens is put in the place of the model's own choice ("teacher forcing"); probabilities and runners-up
    are what the model would have chosen from. The mark that ends an answer is put after it, where the model has one.
    Raises CannotRepeat where the model's tokens cannot spell the answer, and what `trace` raises.
    """
    spellings = _spellings(model, answer)
    longest = max(map(len, spellings))
    return _recorded(model, messages, text, max_new_tokens=longest, stop=stop, seen=seen, forced_token_ids=spellings)


def _recorded(model: ChatModel, messages: Sequence[Message], text: bool, **options: Any) -> Trace:
    """Let the model answer, and record it. options: what `ChatModel.generate` takes."""
    if reason := available(model):
        raise NoLayout(reason)
    images = [image for message in messages for image in message.images]
    inputs = model.prepare(messages)
    layouts = image_layouts(model.model, model.processor, inputs, images)
    _refuse_too_large(model, sum(len(layout.tokens) for layout in layouts), options["max_new_tokens"])
    recorders = [Recorder([token for layout in layouts for token in layout.tokens], layouts[0].sequence)]
    spelled: tuple[str, ...] = ()
    if text:
        places, sequence, spelled = _words_of_prompt(model, inputs)
        recorders.append(Recorder(places, sequence))

    def record(*row) -> None:
        for recorder in recorders:
            recorder(*row)

    answer = model.generate(messages, recorder=record, **options)
    # Some devices run one step more than they stream.
    rows = [recorder.rows().first(len(answer.pieces)) for recorder in recorders]
    _, layers, heads, _ = rows[0].shape
    return Trace(
        words_of(answer.pieces),
        answer.pieces,
        layouts,
        rows[0],
        layers,
        heads,
        answer,
        tuple(image.size for image in images),
        tuple(messages),
        rows[1] if text else None,
        spelled,
        model.name,
    )


def _refuse_too_large(model: ChatModel, columns: int, steps: int) -> None:
    """Raise TooLarge where what is kept of `steps` tokens, while its buffer grows, does not fit into memory."""
    import torch

    from playground.models.memory import available as free_memory

    text = model.model.config.get_text_config(decoder=True)
    layers, heads = text.num_hidden_layers, text.num_attention_heads
    needed, free = steps * layers * heads * columns * 5, free_memory(torch.device("cpu"))  # 16 bits, twice and a half
    if free is not None and needed > 0.9 * free:
        raise TooLarge(
            f"The attention of {layers * heads} heads to {columns:,} image tokens takes about {needed / 1e9:.1f} GB "
            f"for {steps} tokens of an answer, and {free / 1e9:.1f} GB of memory are free: show a smaller picture, or "
            "ask for a shorter answer."
        )


def _spellings(model: ChatModel, answer: str) -> list[list[int]]:
    """An answer's token ids, with and without a space before it, and each way to end it: the model knows its own."""
    tokenizer, plain = model.processor.tokenizer, " ".join(answer.split())
    spelled = [tokenizer(before + answer.strip(), add_special_tokens=False)["input_ids"] for before in ("", " ")]
    sound = [ids for ids in spelled if " ".join(decoded(tokenizer, ids).split()).lower() == plain.lower()]
    if not plain or not sound:
        raise CannotRepeat("This answer cannot be spelled with the tokens of the model, so it cannot be looked into.")
    ends = family_of(model.model.config).end_tokens(model.model)
    return [[*ids, end] for ids in sound for end in ends] or sound


def _words_of_prompt(model: ChatModel, inputs: BatchFeature) -> tuple[list[int], WhichSequence, tuple[str, ...]]:
    """Where the prompt's tokens stand that hold no picture, in which sequence, and what each spells.

    BLIP's stand in the decoder, beside the states of its tower; Florence-2's among the encoder's states.
    """
    ids = inputs["input_ids"][0].tolist()
    if family_of(model.model.config).beside:
        places, sequence = list(range(answer_start(model.model, inputs))), "prompt"
    else:
        pictures = set(image_positions(model.model, inputs))
        places = [place for place in range(len(ids)) if place not in pictures]
        sequence = "encoder" if model.model.config.is_encoder_decoder else "prompt"
    return places, sequence, tuple(token_text(model.processor.tokenizer, ids[place]) for place in places)


def words_of(pieces: Sequence[GeneratedToken]) -> tuple[Word, ...]:
    """The words and punctuation marks of an answer, with the pieces that each is made of.

    A piece of two words belongs to both; pieces that end in the middle of a character go with the one that
    completes it.
    """
    spans = _spans([piece.text for piece in pieces])
    words = []
    for found in _WORDS.finditer("".join(piece.text for piece in pieces)):
        own = tuple(i for i, (start, end) in enumerate(spans) if start < found.end() and end > found.start())
        words.append(Word(found[0], own, math.prod(pieces[place].probability for place in own)))
    return tuple(words)


def _spans(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Start and end of each text in the joined text; an empty one has the span of the next that is not."""
    spans: list[tuple[int, int]] = []
    end = sum(map(len, texts))
    span = (end, end)
    for text in reversed(texts):
        if text:
            span = (end - len(text), end)
            end -= len(text)
        spans.append(span)
    return spans[::-1]
