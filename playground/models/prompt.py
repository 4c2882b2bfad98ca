"""A conversation becomes a model's inputs: through its chat template, or as its family was taught without one.

Three families come without a template and read one message with the picture before it:

- PaliGemma: the message as it stands, so its task words work (`caption en`, `detect cat`, `ocr`); a question is
  asked as `answer en …`, an empty message means `caption en` (Beyer et al. 2024, arXiv:2407.07726, appendix B).
- Florence-2: a task word alone (`<OD>`) or before its words (`<OPEN_VOCABULARY_DETECTION>cat`), which its
  processor spells out; any other text as it stands; an empty message means `<CAPTION>` (Xiao et al. 2023,
  arXiv:2311.06242).
- BLIP: a captioner continues the message as the beginning of its caption, and may have an empty one; a
  question-answering BLIP reads it as a question (Li et al. 2022, arXiv:2201.12086).

The playground's own two requests for a description (`DESCRIBE`) become these families' words for it.

A video is shown as its frames, one picture each, to every family: what the families' own video inputs add (fewer
tokens a frame, time stamps) is not used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.generation.detokenize import as_plain_text, control_tokens

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedConfig, PreTrainedModel, ProcessorMixin

    from playground.models.messages import Message


# What the app and the tasks ask for, and what Moji was taught: a short and a detailed description.
DESCRIBE = ("describe the picture.", "describe the picture in detail.")


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
    single = config.model_type == "blip" or not whole
    images = (1, None) if config.model_type == "paligemma" else (1, 1) if single else (0, None)
    return Limits(images, turns=whole, system=whole and _tells_rules(processor))


def _tells_rules(processor: ProcessorMixin) -> bool:
    """Whether a system prompt gets through the template: Moji's, for one, leaves it out without a word."""
    from playground.models.messages import Message

    rules = "answer in one word"
    try:
        return rules in _through_template(processor, [Message("system", rules), Message("user", "")], tokenize=False)
    except Exception:  # templates refuse in many ways
        return False


def chat_template(processor: ProcessorMixin) -> str | dict[str, str] | None:
    """The template that turns a conversation into one text: the processor's own, else its tokenizer's."""
    own = getattr(processor, "chat_template", None)
    return own or getattr(getattr(processor, "tokenizer", None), "chat_template", None)


def is_asked_plainly(family: str, processor: ProcessorMixin) -> bool:
    """Whether a message becomes a prompt as it stands though it marks where the picture is: nothing says how this
    model is asked, neither a chat template nor what its family (its model type) was taught."""
    known = chat_template(processor) is not None or family in ("blip", *_WITHOUT_TEMPLATE)
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
    if config.model_type == "blip":
        inputs = _blip(config, processor, messages, asks)
    elif chat_template(processor):
        inputs = _through_template(processor, messages, tokenize=True, return_dict=True, return_tensors="pt")
    else:
        text = _WITHOUT_TEMPLATE.get(config.model_type, _as_it_stands)(processor, messages[-1])
        inputs = processor(images=_pictures(messages), text=text, return_tensors="pt")
        inputs.pop("labels", None)  # PaliGemma's processor adds some, for training
    return inputs


def answer_start(model: PreTrainedModel, inputs: BatchFeature) -> int:
    """Where the answer begins in the sequence that `model.generate` returns, and how much of its context is used.

    A decoder repeats the prompt first; BLIP leaves out the prompt's last token, its end mark; decoders behind an
    encoder (Florence-2, a question-answering BLIP) start with one token of their own.
    """
    blip = model.config.model_type == "blip"
    if model.config.is_encoder_decoder or (blip and hasattr(model, "text_encoder")):
        return 1
    return inputs["input_ids"].shape[1] - blip


def answer_tokens(
    model: PreTrainedModel, processor: ProcessorMixin, messages: Sequence[Message], answer: str
) -> list[int]:
    """The tokens of an answer that somebody else wrote, its end mark included, as they would follow the prompt.

    A chat template says how an answer stands in it (SmolVLM writes a blank before), and the words are cut into tokens
    behind the prompt's, since a token may depend on its neighbour. Families without a template take the text as it is.
    """
    tokenizer = processor.tokenizer
    text, end = _plain(processor, answer.strip()), _ends(model)
    if not chat_template(processor):
        return [*tokenizer(text, add_special_tokens=False)["input_ids"], *end[:1]]
    from playground.models.messages import Message

    prompt = _through_template(processor, messages, tokenize=False)
    whole = _through_template(
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


def _ends(model: PreTrainedModel) -> list[int]:
    """The tokens that end an answer, the usual one first; none where a model knows no end."""
    blip = model.config.model_type == "blip"
    ends = model.config.text_config.sep_token_id if blip else model.generation_config.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def _refusal(limit: Limits, messages: Sequence[Message]) -> str | None:
    fewest, most = limit.images
    shown = len(_pictures(messages))
    if any(message.role == "system" for message in messages) and not limit.system:
        return "It reads no system prompt: leave that out."
    if len(messages) > 1 and not limit.turns:
        return "It reads one message, without earlier turns: ask in a new conversation."
    if shown < fewest:
        return "It reads nothing without a picture: add one."
    if most is not None and shown > most:
        return f"It looks at {most} picture{'s' * (most > 1)}, and this conversation shows {shown}: leave some out."
    return None


def _pictures(messages: Sequence[Message]) -> list[Image.Image]:
    """Only pictures reach a processor, no paths or addresses: it would fetch them."""
    return [image for message in messages for image in message.images]


def _plain(processor: ProcessorMixin, text: str, allowed: str = r"(?!)") -> str:
    """The text with its special tokens broken up, but for those that the pattern `allowed` matches."""
    control = control_tokens(processor)
    return as_plain_text(text, frozenset(token for token in control if not re.fullmatch(allowed, token)))


def _through_template(processor: ProcessorMixin, messages: Sequence[Message], **options) -> BatchFeature | str:
    from jinja2 import TemplateError

    conversation = []
    for message in messages:
        pictures = [{"type": "image", "image": image} for image in _pictures([message])]
        text = {"type": "text", "text": _plain(processor, message.text)}
        conversation.append({"role": message.role, "content": [*pictures, text]})
    borrowed = None if getattr(processor, "chat_template", None) else chat_template(processor)
    try:
        return processor.apply_chat_template(
            conversation, chat_template=borrowed, **{"add_generation_prompt": True, **options}
        )
    except TemplateError as error:  # for example, Gemma's template wants user and assistant by turns
        raise ValueError(f"Its chat template says: {error}.") from error


def _blip(config: PreTrainedConfig, processor: ProcessorMixin, messages: Sequence[Message], asks: bool) -> BatchFeature:
    """BLIP's `generate` overwrites the first token of a prompt and drops the last one: the decoder's start, and an
    end mark, stand there whatever its tokenizer adds by itself."""
    from torch.nn.functional import pad

    if chat_template(processor):
        text = _through_template(processor, messages, tokenize=False)
    else:
        text = _plain(processor, messages[-1].text if asks else _asked(messages[-1], "", ""))
    inputs = processor(images=_pictures(messages), text=text, add_special_tokens=False, return_tensors="pt")
    marks = config.text_config
    # A question goes to an encoder, whose texts begin with the tokenizer's own mark.
    first = processor.tokenizer.cls_token_id if asks else marks.bos_token_id
    ids = pad(inputs["input_ids"].long(), (1, 0), value=first)
    inputs["input_ids"] = pad(ids, (0, 1), value=marks.sep_token_id)
    inputs["attention_mask"] = inputs["input_ids"].new_ones(inputs["input_ids"].shape)
    return inputs


def _asked(message: Message, *described: str) -> str:
    """The message's text; in place of a request for a description the words that a family was taught for it."""
    text = message.text.strip()
    return dict(zip(DESCRIBE, described, strict=True)).get(text, text)


def _paligemma(processor: ProcessorMixin, message: Message) -> str:
    text = _asked(message, "caption en", "describe en")
    text = _plain(processor, text, allowed=r"<(loc\d{4}|seg\d{3})>") or "caption en"
    asked = f"answer en {text}" if text.endswith("?") and not text.startswith("answer ") else text
    return processor.image_token * len(message.images) + asked


def _florence2(processor: ProcessorMixin, message: Message) -> str:
    text = _asked(message, "<CAPTION>", "<MORE_DETAILED_CAPTION>") or "<CAPTION>"
    tasks = (*processor.task_prompts_without_inputs, *processor.task_prompts_with_input)
    task = next((task for task in tasks if text.startswith(task)), "")
    return task + _plain(processor, text.removeprefix(task), allowed=r"<loc_\d+>")


def _as_it_stands(processor: ProcessorMixin, message: Message) -> str:
    """For base models, and families that are not known here: the mark of each picture, if there is one, and the text.

    Qwen's base models were shown pictures between two marks of their own; others put a line break after them.
    """
    text, mark = _plain(processor, message.text), getattr(processor, "image_token", None)
    if not isinstance(mark, str) or not message.images:
        return text
    around = ("<|vision_start|>", "<|vision_end|>")
    if all(token in processor.tokenizer.get_added_vocab() for token in around):
        return mark.join(around) * len(message.images) + text
    return mark * len(message.images) + "\n" + text


def _words_alone(processor: ProcessorMixin, message: Message) -> str:
    """For processors that put the marks of the picture before the words themselves (BLIP-2, InstructBLIP)."""
    return _plain(processor, message.text)


def _blip2(processor: ProcessorMixin, message: Message) -> str:
    """BLIP-2 continues what it is given; a question is asked as its authors asked it, a description with no words."""
    text = _plain(processor, _asked(message, "", "")).strip()
    return f"Question: {text} Answer:" if text.endswith("?") and not text.startswith("Question:") else text


_WITHOUT_TEMPLATE: dict[str, Callable[[ProcessorMixin, Message], str]] = {
    "blip-2": _blip2,
    "instructblip": _words_alone,
    "paligemma": _paligemma,
    "florence2": _florence2,
}
