"""Logit lens: which word each image token is turning into, layer by layer.

nostalgebraist 2020, "interpreting GPT: the logit lens": what stands at a position after a layer goes through the
model's last norm and its output head, as if no layer followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.interpret.forward.propagate_relevance import image_tokens
from playground.interpret.forward.teacher_forcing import reader, teacher_forced_forward
from playground.models.families.registry import family_of

if TYPE_CHECKING:
    import numpy as np
    import torch
    from transformers import PreTrainedModel

    from playground.interpret.forward.teacher_forcing import ForcedRun
    from playground.interpret.trace import Trace
    from playground.models.chat import ChatModel


@dataclass(frozen=True, eq=False)
class Lens:
    """What image tokens say after every layer.

    words: one tuple per layer, the language model's input first and its output last; in each the likeliest token's
    text for every image token, the layouts one after the other. probability: float32 (layers + 1, image tokens).
    """

    words: tuple[tuple[str, ...], ...]
    probability: np.ndarray


def logit_lens(model: ChatModel, trace: Trace) -> Lens:
    """Read every image token of a trace at every layer. Runs the model again.

    Raises CannotExplain where image tokens do not pass the output head.
    """
    import numpy as np
    import torch

    from playground.interpret.forward.cost import refusal
    from playground.interpret.methods.base import CannotExplain
    from playground.models.generation.detokenize import token_text

    if why := apart(model):
        raise CannotExplain(why)
    if why := refusal("The logit lens", ("hidden",), model, trace):
        raise CannotExplain(why)
    run = teacher_forced_forward(model, trace, hidden=True)
    places, texts = image_tokens(trace), {}
    words, likely = [], []
    with torch.inference_mode():
        head = model.model.get_output_embeddings()
        for place in range(len(run.hidden)):
            best = head(normalised(model.model, run, place)[places]).float().softmax(-1).max(-1)
            ids = best.indices.tolist()
            texts |= {token: token_text(model.processor.tokenizer, token) for token in {*ids} - {*texts}}
            words.append(tuple(texts[token] for token in ids))
            likely.append(best.values.cpu().numpy())
    return Lens(tuple(words), np.stack(likely).astype(np.float32))


def apart(model: ChatModel) -> str | None:
    """None where image tokens go the same way as words, through all layers to the output head; else a sentence."""
    if family_of(model.model.config).beside:
        return "Its picture stays beside the words (cross-attention) and never reaches the output head."
    if model.model.config.is_encoder_decoder:
        return "Its picture ends in the encoder, and the output head reads the decoder alone."
    return None


def normalised(model: PreTrainedModel, run: ForcedRun, place: int) -> torch.Tensor:
    """The hidden states (tokens, size) at a place of `run.hidden`, as the output head would read them."""
    states = run.hidden[place].detach()
    last = place == len(run.hidden) - 1  # these are normalised already
    return states if last else reader(model).norm(states)
