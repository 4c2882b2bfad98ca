"""BLIP (Li et al. 2022, arXiv:2201.12086): the picture stays beside the words, and a decoder looks over at it.

One picture and one message, without a chat template (`moji-blip` brings one): a captioner continues the message as the
beginning of its caption, and may have an empty one; a question-answering BLIP reads it as a question, by an encoder
that looks at the picture, and its decoder looks at what became of both.

Its `generate` overwrites the first token of a prompt with the decoder's start and drops the last one, an end mark. So
both are put there, the answer begins one token earlier than the prompt is long, and a run that is to read what
`generate` reads has to do the same. Answers end with the separator of its text config. Positions count columns,
masked or not. The decoder knows no attention function but its own, which computes its weights in any case, and so does
the tower, whose class token comes before its patches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from playground.models.families.base import READS_FIRST, Family, LanguageParts, WhichSequence
from playground.models.layout.patches import one_grid, patches
from playground.models.prompt_text import asked_for, chat_template, pictures_of, plain, through_template

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import BatchFeature, PreTrainedConfig, PreTrainedModel, ProcessorMixin

    from playground.models.messages import Message


def _reads_questions(model: PreTrainedModel) -> bool:
    """Whether it is a question-answering BLIP, with an encoder for the question."""
    return hasattr(model, "text_encoder")


def _inputs(
    config: PreTrainedConfig, processor: ProcessorMixin, messages: Sequence[Message], asks: bool
) -> BatchFeature:
    """The decoder's start, the words and an end mark, whatever its tokenizer adds by itself; see the module."""
    from torch.nn.functional import pad

    if chat_template(processor):
        text = through_template(processor, messages, tokenize=False)
    else:
        text = plain(processor, messages[-1].text if asks else asked_for(messages[-1], "", ""))
    inputs = processor(images=pictures_of(messages), text=text, add_special_tokens=False, return_tensors="pt")
    marks = config.text_config
    # A question goes to an encoder, whose texts begin with the tokenizer's own mark.
    first = processor.tokenizer.cls_token_id if asks else marks.bos_token_id
    ids = pad(inputs["input_ids"].long(), (1, 0), value=first)
    inputs["input_ids"] = pad(ids, (0, 1), value=marks.sep_token_id)
    inputs["attention_mask"] = inputs["input_ids"].new_ones(inputs["input_ids"].shape)
    return inputs


def _answer_start(model: PreTrainedModel, prompt_tokens: int) -> int:
    return 1 if _reads_questions(model) else prompt_tokens - 1


def _end_tokens(model: PreTrainedModel) -> list[int]:
    end = model.config.text_config.sep_token_id
    return [] if end is None else [end]


def _tokens_read(model: PreTrainedModel, ids: list[int]) -> list[int]:
    """As `generate` does: the decoder's start in the first place, and without the end mark."""
    return ids if _reads_questions(model) else [model.config.text_config.bos_token_id, *ids[1:-1]]


def _layout_reason(model: PreTrainedModel) -> str | None:
    if _reads_questions(model):
        return "What it answers from is its reading of the question, which has no place in the picture."
    return None


def _image_positions(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> list[int]:
    """The states of its vision tower: a class token and one for each patch."""
    rows, columns = patches(model, inputs)
    return list(range(1 + rows * columns))


def _language_parts(model: PreTrainedModel) -> LanguageParts:
    decoder = model.text_decoder
    return LanguageParts(getattr(model, "text_encoder", None), decoder, decoder, decoder.cls)


def _reader(model: PreTrainedModel) -> nn.Module:
    return model.text_decoder


def _forward(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor], options: dict[str, Any]) -> Any:
    """The tower and the decoder by themselves: the model's own forward does not hand on what is to be kept."""
    states = model.vision_model(inputs["pixel_values"]).last_hidden_state
    words = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    return model.text_decoder(**words, encoder_hidden_states=states, use_cache=False, return_dict=True, **options)


def _own_attention(model: PreTrainedModel) -> list[tuple[nn.Module, WhichSequence]]:
    """The attention modules of the decoder, and what their keys are; none where it has no decoder of its own."""
    named = model.text_decoder.named_modules() if hasattr(model, "text_decoder") else ()
    return [
        (module, "encoder" if name.endswith("crossattention.self") else "prompt")
        for name, module in named
        if name.endswith("attention.self")
    ]


def _tower_squares(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    return [layer[0].float() for layer in model.vision_model(**inputs, output_attentions=True).attentions]


def _fusion(model: PreTrainedModel) -> str:
    if _reads_questions(model):
        return (
            "Cross-attention, twice: a text encoder looks at the picture as it reads the question, and the decoder "
            "looks at what became of both."
        )
    return "Cross-attention: the picture stays beside the words, and in every layer each word looks over at it."


BLIP = Family(
    "BLIP",
    ("blip",),
    pictures=(1, 1),
    inputs=_inputs,
    own_marks="its `generate` wants marks of its own around what the template writes",
    answer_start=_answer_start,
    end_tokens=_end_tokens,
    tokens_read=_tokens_read,
    counts_columns=True,
    views=partial(one_grid, before=1),
    layout_reason=_layout_reason,
    image_positions=_image_positions,
    sequence="encoder",
    beside=True,
    cache_miss_reason=READS_FIRST,
    language_parts=_language_parts,
    reader=_reader,
    forward=_forward,
    own_attention=_own_attention,
    tower_squares=_tower_squares,
    fusion=_fusion,
)
