"""A conversation becomes a model's inputs: through its chat template, or as its family was taught without one.

PaliGemma, Florence-2 and BLIP come without a template and read one message with the picture before it; how, is in their
files in `playground.models.families`. The playground's own two requests for a description (`DESCRIBE`) become these
families' words for it.

A video is shown as its frames, one picture each, to every family: what the families' own video inputs add (fewer
tokens a frame, time stamps) is not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.families.registry import family_named, family_of
from playground.models.prompt_text import DESCRIBE, chat_template, pictures_of, plain, through_template

if TYPE_CHECKING:
    from transformers import BatchFeature, PreTrainedConfig, PreTrainedModel, ProcessorMixin

    from playground.models.messages import Message

__all__ = [
    "DESCRIBE",
    "Limits",
    "answer_start",
    "answer_tokens",
    "chat_template",
    "inputs_of",
    "is_asked_plainly",
    "limits",
    "prepare",
]


@dataclass(frozen=True)
class Limits:
    """What a model can be shown at once.

    images: the fewest and the most pictures of a conversation; None where any number goes.
    turns: whether it reads earlier turns. system: whether it reads system prompts.
    """

    images: tuple[int, int | None] = (0, None)
    turns: bool = True
    system: bool = True


def limits(config: PreTrainedConfig, processor: ProcessorMixin) -> Limits:
    """What models of this family read. With a chat template nothing is known to be beyond them, but for BLIP,
    whose decoder looks at one picture."""
    whole = chat_template(processor) is not None
    images = family_of(config).pictures or ((0, None) if whole else (1, 1))
    return Limits(images, turns=whole, system=whole and _tells_rules(processor))


def _tells_rules(processor: ProcessorMixin) -> bool:
    """Whether a system prompt gets through the template: Moji's, for one, leaves it out without a word."""
    from playground.models.messages import Message

    rules = "answer in one word"
    try:
        return rules in through_template(processor, [Message("system", rules), Message("user", "")], tokenize=False)
    except Exception:  # templates refuse in many ways
        return False


def is_asked_plainly(model_type: str, processor: ProcessorMixin) -> bool:
    """Whether a message becomes a prompt as it stands though it marks where the picture is: nothing says how this
    model is asked, neither a chat template nor what its family was taught."""
    family = family_named(model_type)
    known = chat_template(processor) is not None or family.inputs is not None or family.without_template is not None
    return not known and hasattr(processor, "image_token")


def prepare(model: PreTrainedModel, processor: ProcessorMixin, messages: Sequence[Message]) -> BatchFeature:
    """A conversation as the model's inputs: a batch of one, on its device, pixels in its dtype.

    Special tokens that somebody typed are broken up, so that they are read as text. Raises ValueError with a
    sentence about what the model cannot read: too many pictures, earlier turns, a picture of a strange shape …
    """
    asks = hasattr(model, "text_encoder")
    return inputs_of(model.config, processor, messages, asks=asks).to(model.device, dtype=model.dtype)


def inputs_of(
    config: PreTrainedConfig, processor: ProcessorMixin, messages: Sequence[Message], *, asks: bool = False
) -> BatchFeature:
    """What `prepare` returns, on the CPU and in float32, for a model of this config that need not be loaded.

    asks: whether a BLIP is one that reads questions by an encoder.
    """
    if refusal := _refusal(limits(config, processor), messages):
        raise ValueError(refusal)
    family = family_of(config)
    if family.inputs is not None:
        inputs = family.inputs(config, processor, messages, asks)
    elif chat_template(processor):
        inputs = through_template(processor, messages, tokenize=True, return_dict=True, return_tensors="pt")
    else:
        text = (family.without_template or _as_it_stands)(processor, messages[-1])
        inputs = processor(images=pictures_of(messages), text=text, return_tensors="pt")
        inputs.pop("labels", None)  # PaliGemma's processor adds some, for training
    return inputs


def answer_start(model: PreTrainedModel, inputs: BatchFeature) -> int:
    """Where the answer begins in the sequence that `model.generate` returns, and how much of its context is used.

    A decoder repeats the prompt first; decoders behind an encoder (Florence-2, a question-answering BLIP) start with
    one token of their own.
    """
    return family_of(model.config).answer_start(model, inputs["input_ids"].shape[1])


def answer_tokens(
    model: PreTrainedModel, processor: ProcessorMixin, messages: Sequence[Message], answer: str
) -> list[int]:
    """The tokens of an answer that somebody else wrote, its end mark included, as they would follow the prompt.

    A chat template says how an answer stands in it (SmolVLM writes a blank before), and the words are cut into tokens
    behind the prompt's, since a token may depend on its neighbour. Families without a template take the text as it is.
    """
    tokenizer = processor.tokenizer
    text, end = plain(processor, answer.strip()), family_of(model.config).end_tokens(model)
    if not chat_template(processor):
        return [*tokenizer(text, add_special_tokens=False)["input_ids"], *end[:1]]
    from playground.models.messages import Message

    prompt = through_template(processor, messages, tokenize=False)
    whole = through_template(
        processor, [*messages, Message("assistant", answer.strip())], tokenize=False, add_generation_prompt=False
    )
    turn = whole.removeprefix(prompt) if whole.startswith(prompt) else text
    place = turn.find(text)
    written, after = (turn[: place + len(text)], turn[place + len(text) :]) if place >= 0 else (text, "")
    before, ids, closing = (
        tokenizer(part, add_special_tokens=False)["input_ids"] for part in (prompt, prompt + written, after)
    )
    if ids[: len(before)] != before:  # the prompt's last token has grown into the answer
        ids, before = tokenizer(written, add_special_tokens=False)["input_ids"], []
    return [*ids[len(before) :], *([token for token in closing if token in end] or end)[:1]]


def _refusal(limit: Limits, messages: Sequence[Message]) -> str | None:
    fewest, most = limit.images
    shown = len(pictures_of(messages))
    if any(message.role == "system" for message in messages) and not limit.system:
        return "It reads no system prompt: leave that out."
    if len(messages) > 1 and not limit.turns:
        return "It reads one message, without earlier turns: ask in a new conversation."
    if shown < fewest:
        return "It reads nothing without a picture: add one."
    if most is not None and shown > most:
        return f"It looks at {most} picture{'s' * (most > 1)}, and this conversation shows {shown}: leave some out."
    return None


def _as_it_stands(processor: ProcessorMixin, message: Message) -> str:
    """For base models, and families that are not known here: the mark of each picture, if there is one, and the text.

    Qwen's base models were shown pictures between two marks of their own; others put a line break after them.
    """
    text, mark = plain(processor, message.text), getattr(processor, "image_token", None)
    if not isinstance(mark, str) or not message.images:
        return text
    around = ("<|vision_start|>", "<|vision_end|>")
    if all(token in processor.tokenizer.get_added_vocab() for token in around):
        return mark.join(around) * len(message.images) + text
    return mark * len(message.images) + "\n" + text
