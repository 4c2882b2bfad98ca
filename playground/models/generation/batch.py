"""Several prepared prompts answered together, each as it would be alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from playground.models.families.registry import family_of
from playground.models.generation import image_inputs as vision
from playground.models.generation.detokenize import decoded
from playground.models.generation.generate import StopWhenSet
from playground.models.generation.stopping import Stopped
from playground.models.prompt import answer_start

if TYPE_CHECKING:
    import threading

    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

_ALONG = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")


def generate_batch(
    model: PreTrainedModel,
    processor: ProcessorMixin,
    prepared: Sequence[BatchFeature],
    *,
    max_new_tokens: Sequence[int],
    stop: threading.Event,
    **options,
) -> list[str]:
    """The greedy answer to each prompt, or what of it was written when `stop` was set.

    Shorter prompts are padded on the left. Only prompts that can be joined exactly are computed together, see `_form`,
    and of those only such as have room for equally long answers: a long one would else cut the others' answers, or be
    led on beyond the last position that its model knows.

    max_new_tokens: how many tokens each prompt's answer may have. options: what else `generate` takes.
    """
    together: dict[tuple, list[int]] = defaultdict(list)
    for place, (inputs, room) in enumerate(zip(prepared, max_new_tokens, strict=True)):
        together[_form(model, inputs), room].append(place)
    answers = [""] * len(prepared)
    for (_, room), places in together.items():
        batch = _joined(model, [prepared[place] for place in places])
        found = _generated(model, batch, stop, max_new_tokens=room, do_sample=False, num_beams=1, **options)
        if found is None:
            break
        for place, ids in zip(places, found[:, answer_start(model, batch) :].tolist(), strict=True):
            answers[place] = decoded(processor.tokenizer, ids)
    return answers


def _form(model: PreTrainedModel, inputs: BatchFeature) -> tuple:
    """Prompts of one form are computed together.

    A family that counts positions from the first column whatever is masked (BLIP, Florence-2) gets prompts of one
    length. Where pictures are not encoded ahead, what is not one row a prompt must have the same shape in all of them,
    and where one of these has as many columns as the prompt has tokens (Mllama's cross-attention mask) there is no
    padding either.
    """
    length = inputs["input_ids"].shape[1]
    counts_columns = family_of(model.config).counts_columns or model.config.is_encoder_decoder
    if vision.encodes_ahead(model):
        return (length if counts_columns else 0,)
    others = {name: tuple(values.shape[1:]) for name, values in inputs.items() if name not in _ALONG}
    follows = counts_columns or any(length in shape for shape in others.values())
    return (length if follows else 0, *sorted(others.items()))


def _generated(
    model: PreTrainedModel, batch: dict[str, torch.Tensor], stop: threading.Event, **options
) -> torch.Tensor | None:
    """What `model.generate` returns, or None where it was stopped before the first token."""
    stopping = StopWhenSet(model, stop)
    try:
        with torch.inference_mode():
            return model.generate(**batch, **options, stopping_criteria=[stopping])
    except Stopped:
        return None
    finally:
        stopping.release()


def _joined(model: PreTrainedModel, prepared: list[BatchFeature]) -> dict[str, torch.Tensor]:
    """One batch of all prompts, their pictures encoded ahead where the family can."""
    parts = [vision.parts(model, inputs) for inputs in prepared]
    longest = max(inputs["input_ids"].shape[1] for inputs in prepared)
    batch = {}
    for name in dict.fromkeys(name for inputs in prepared for name in inputs):
        if name in _ALONG:
            rows = [inputs.get(name, torch.zeros_like(inputs["input_ids"])) for inputs in prepared]
            fillings = [_padding(model, row) if name == "input_ids" else 0 for row in rows]
            rows = [
                torch.nn.functional.pad(row, (longest - row.shape[1], 0), value=filling)
                for row, filling in zip(rows, fillings, strict=True)
            ]
        elif None in parts or name == "image_grid_thw":  # Qwen-VL works out positions from the grids
            rows = [inputs[name] for inputs in prepared if name in inputs]
        else:
            continue
        batch[name] = torch.cat(rows)
    if None not in parts and (shown := [part for row in parts for part in row]):
        batch["mm_encoder_outputs"] = vision.as_outputs(model, vision.features(model, shown))
    return batch


def _padding(model: PreTrainedModel, row: torch.Tensor) -> int:
    """Any token will do where the mask is 0, as long as it stands for no picture: the prompt's own first one, since a
    penalty on repetition counts what stands there, mask or not."""
    first, image = int(row[0, 0]), getattr(model.config, "image_token_id", None)
    if first != image:
        return first
    settings = model.generation_config
    for token in (settings.pad_token_id, settings.bos_token_id):
        if isinstance(token, int) and token >= 0:
            return token
    return 0
