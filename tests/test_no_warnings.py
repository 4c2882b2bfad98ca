"""Nothing that transformers is about to take away is used: what it warns of is an error here."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from playground import load
from playground.interpret.methods import explain
from playground.interpret.trace import trace
from playground.models.messages import Message
from playground.training import encoder, lora
from playground.training.loop import Budget, Run
from playground.training.vlm import chat_tokenizer, make_vlm


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What transformers logs as a warning while the test runs; Python's own warnings are raised."""
    from transformers.utils import logging as logs

    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler, logger, before = Kept(logging.WARNING), logging.getLogger("transformers"), logs.get_verbosity()
    logs.set_verbosity_warning()
    logger.addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("default", category=ResourceWarning)
        yield said
    logger.removeHandler(handler)
    logs.set_verbosity(before)


@pytest.mark.parametrize("family", ["moji-vlm", "moji-blip", "smolvlm", "qwen2_5_vl", "gemma3", "llava_onevision"])
def test_talking_batches_and_traces_use_nothing_that_goes_away(checkpoint, picture, family, told):
    model = load(family if family.startswith("moji") else str(checkpoint(family)))
    kept, talk = model.conversation(), [Message("user", "what is this ?", (picture,))]
    first = model.generate(talk, max_new_tokens=3, conversation=kept)
    list(
        model.stream(
            [*talk, Message("assistant", first.text or "a"), Message("user", "and ?")],
            max_new_tokens=3,
            conversation=kept,
        )
    )
    model.candidates(talk, count=2, max_new_tokens=3, conversation=kept)
    model.likelihoods(talk, ["yes", "no"], conversation=kept)
    model.generate_batch([model.prepare(talk), model.prepare(talk)], max_new_tokens=3)
    found = trace(model, talk, max_new_tokens=8)
    if found.words:
        for method in ("rollout", "relevance", "gradcam", "activation"):
            if family != "moji-blip" or method != "activation":
                explain(method, model, found, 0)
    assert told == []


def test_a_training_step_uses_nothing_that_goes_away(told, tmp_path):
    torch.manual_seed(0)
    vlm = make_vlm(encoder.make_clip("tiny"), "tiny")
    losses = lora.adapt(Run(tmp_path, Budget(steps=1), batch=2), vlm, chat_tokenizer(), rank=2)
    assert told == [] and np.isfinite(losses).all()
