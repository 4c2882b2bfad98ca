"""What the playground has to know of a family of models, and what holds where nothing special is known.

Every field of `Family` has the value that an unknown family gets, so a family's file says only what is special about
it. Functions that are general stay where they are used and ask the family; `playground.models.families.registry`
finds the one of a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from torch import nn
    from transformers import BatchFeature, PreTrainedConfig, PreTrainedModel, ProcessorMixin

    from playground.models.layout.grid import View
    from playground.models.messages import Message

Views = Callable[["PreTrainedModel", "ProcessorMixin", "BatchFeature", Sequence["Image.Image"]], "list[View]"]
Squares = Callable[["PreTrainedModel", Mapping[str, "torch.Tensor"]], "list[torch.Tensor]"]
WhichSequence = Literal["prompt", "encoder"]

READS_FIRST = "An encoder reads the whole message before the answer begins: every turn is computed anew."


class LanguageParts(NamedTuple):
    """What reads and writes words: an encoder or None, the decoder, the module that gives logits, the output head."""

    encoder: nn.Module | None
    decoder: nn.Module
    writer: nn.Module
    head: nn.Module


def after_the_prompt(model: PreTrainedModel, prompt_tokens: int) -> int:
    """A decoder repeats the prompt; one behind an encoder starts with a single token of its own."""
    return 1 if model.config.is_encoder_decoder else prompt_tokens


def end_tokens(model: PreTrainedModel) -> list[int]:
    """The end tokens of its generation settings, the usual one first; none where it knows no end."""
    ends = model.generation_config.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def as_prepared(model: PreTrainedModel, ids: list[int]) -> list[int]:
    """The tokens themselves: most decoders read the prompt as it was prepared."""
    return ids


def image_token_positions(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> list[int]:
    """Where the prompt has the token that stands for a part of a picture."""
    image = getattr(model.config, "image_token_id", None)
    return [place for place, token in enumerate(inputs["input_ids"][0].tolist()) if token == image]


def forget_positions(model: PreTrainedModel) -> None:
    """Take back the positions of the last prompt, whoever's it was.

    Qwen-VL, and others that count positions in three directions, keep them on the module; without them they work
    them out from the whole prompt that they are given.
    """
    inner = getattr(model, "model", None)
    if hasattr(inner, "rope_deltas"):
        inner.rope_deltas = None


def language_parts(model: PreTrainedModel) -> LanguageParts:
    """The language model's decoder, and its encoder where it has one; the whole model gives the logits."""
    whole = model.get_decoder()  # of a model with an encoder: the two together
    encoder = model.get_encoder() if model.config.is_encoder_decoder else None
    return LanguageParts(encoder, getattr(whole, "decoder", whole), model, model.get_output_embeddings())


def picture_reader(model: PreTrainedModel) -> nn.Module:
    """The part that reads the pictures' features together with the words: an encoder, or the language model."""
    from transformers import PreTrainedModel

    if model.config.is_encoder_decoder:
        return model.get_encoder()
    text = model.config.get_text_config(decoder=True)
    return next(part for part in model.modules() if isinstance(part, PreTrainedModel) and part.config is text)


def forward(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor], options: dict[str, Any]) -> Any:
    """One run over a prompt and its answer, without a cache; options: what to keep of it."""
    return model(**inputs, use_cache=False, return_dict=True, **options)


def fusion(model: PreTrainedModel) -> str:
    """How picture and words come together, in a sentence."""
    if model.config.is_encoder_decoder:
        return (
            "Encoder and decoder: picture and question are read together, and the words of the answer look over at "
            "what became of both, by cross-attention."
        )
    return (
        "Self-attention: a projector turns the patches into tokens that stand among the words, and every layer looks "
        "at both alike."
    )


def patches_of(config: PreTrainedConfig) -> int:
    """How many patches the vision tower cuts a picture into."""
    vision = config.vision_config
    size, patch = (vision.image_size, vision.patch_size)
    size, patch = (each[0] if isinstance(each, list | tuple) else each for each in (size, patch))
    return (size // patch) ** 2


def known(model: PreTrainedModel) -> None:
    """No reason why not: the layout of every model of this family is known."""
    return None


@dataclass(frozen=True)
class Family:
    """One family of models: what its official classes share, and what the playground has to know of it.

    Which models
        name: for people. model_types: of the configs it serves, each a pattern that must match the whole name.

    How it is asked
        pictures: the fewest and the most pictures of a conversation (None: any number); None where the chat template
            decides: any number with one, a single picture without. without_template: what a family that comes without
            a chat template makes of a message, given processor and message; None reads it as it stands.
        inputs: prepares the whole input in the family's own way, given config, processor, messages and whether the
            model reads questions by an encoder; None uses the chat template, or `without_template`.
        own_marks: why the prepared input differs from what the bare template writes; None where it does not.
        processor_settings: what its processor has to know of its model, and how the model's config says it: files of
            the first versions do not repeat it. processor_completed: called when one of them was changed.

    Its answer
        answer_start: given the model and the number of prompt tokens, where the answer begins in what `generate`
            returns. end_tokens: those that end an answer, the usual one first. tokens_read: the tokens of a prompt as
            its decoder reads them. answer_kind: the token type of an answer's tokens, where a prompt has types.
        counts_columns: whether it counts positions from the first column whatever is masked, so that prompts of
            different lengths cannot share a batch. Families with an encoder always do.
        forget: takes back what the model keeps of the prompt before.

    Its pictures
        encoding: how pictures that were encoded ahead are handed to `generate(mm_encoder_outputs=…)`: a "list" of one
            tensor each, "stacked" as one tensor; None where they are encoded only as the prompt is read.
        views: the grids that a prompt's pictures become, in the order of their tokens; None where it is not known.
        layout_reason: why the layout of a model of this family is not known after all; None where it is.
        image_positions: where the pictures of a prepared prompt are. sequence: what these positions count, see
            `playground.models.layout.positions.ImageLayout`. beside: whether the picture stays beside the words and
            the decoder looks over at it by cross-attention, instead of standing among them.
        whole_view: which view, of one picture, shows all of it: the first or the last. grid_view: which layout has the
            grid of image tokens, where a single view has more than one layout; None is `whole_view`.

    A conversation
        continues: whether the next turn may continue the keys and values of the last one: this was compared with a
            turn that was computed anew. cache_miss_reason: a sentence that says why not; None is the usual reason.

    Its parts
        language_parts, reader, forward: the parts for words, the one that reads the picture's features, one run.
        own_attention: the modules of the decoder that compute their attention in their own way, and what their keys
            are; None where the attention function can be exchanged. patches_attend: whether the patches of its vision
            encoder attend to each other. tower_squares: the attention squares of its vision encoder, (heads, tokens,
            tokens) a layer, where that has its own way too. fusion: how picture and words come together.

    Detectors and segmenters
        one_caption: whether it reads the names to find as one caption. padded: whether it pads a picture to a square
            instead of stretching it to one.
    """

    name: str = "not known here"
    model_types: tuple[str, ...] = ()

    pictures: tuple[int, int | None] | None = None
    without_template: Callable[[ProcessorMixin, Message], str] | None = None
    inputs: Callable[[PreTrainedConfig, ProcessorMixin, Sequence[Message], bool], BatchFeature] | None = None
    own_marks: str | None = None
    processor_settings: Mapping[str, Callable[[PreTrainedConfig], Any]] = field(default_factory=dict)
    processor_completed: Callable[[ProcessorMixin], None] | None = None

    answer_start: Callable[[PreTrainedModel, int], int] = after_the_prompt
    end_tokens: Callable[[PreTrainedModel], list[int]] = end_tokens
    tokens_read: Callable[[PreTrainedModel, list[int]], list[int]] = as_prepared
    answer_kind: int = 0
    counts_columns: bool = False
    forget: Callable[[PreTrainedModel], None] = forget_positions

    encoding: Literal["list", "stacked"] | None = None
    views: Views | None = None
    layout_reason: Callable[[PreTrainedModel], str | None] = known
    image_positions: Callable[[PreTrainedModel, Mapping[str, torch.Tensor]], list[int]] = image_token_positions
    sequence: WhichSequence = "prompt"
    beside: bool = False
    whole_view: Literal[0, -1] = 0
    grid_view: int | None = None

    continues: bool = False
    cache_miss_reason: str | None = None

    language_parts: Callable[[PreTrainedModel], LanguageParts] = language_parts
    reader: Callable[[PreTrainedModel], nn.Module] = picture_reader
    forward: Callable[[PreTrainedModel, Mapping[str, torch.Tensor], dict[str, Any]], Any] = forward
    own_attention: Callable[[PreTrainedModel], list[tuple[nn.Module, WhichSequence]]] | None = None
    patches_attend: bool = True
    tower_squares: Squares | None = None
    fusion: Callable[[PreTrainedModel], str] = fusion

    one_caption: bool = False
    padded: bool = False

    def serves(self, model_type: str) -> bool:
        """Whether a config of this type is one of this family."""
        return any(re.fullmatch(pattern, model_type) for pattern in self.model_types)
