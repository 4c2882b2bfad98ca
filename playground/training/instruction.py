"""Stage 3, instruction tuning: the language model learns to talk about what the projector shows it.

Visual instruction tuning (Liu et al. 2023) with many short talks packed behind each picture (see ``packing``),
on a curriculum that begins with one or two things. The patch–word loss of the alignment stays on beside it.

Run: ``python -m playground.training.instruction --minutes 75``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlavaForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

from playground.training.alignment import name_targets, patch_word_loss, project
from playground.training.augment import share_at
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import MakeBatch, Run, add_run_arguments, conclude, run_from, train
from playground.training.packing import Packer, talks_about
from playground.training.scene_tensors import patch_truth, training_pixels, training_scene
from playground.training.stages import announce, set_learning
from playground.training.vlm import chat_tokenizer, make_processor
from playground.training.word_vectors import carry_words

CURRICULUM = ((0.08, 2), (0.2, 4), (1.01, 6))  # until this fraction of the budget, at most so many things


class InstructionObjective(nn.Module):
    """Weighted next-token loss on the answers, plus a fifth of the patch–word loss."""

    def __init__(self, vlm: LlavaForConditionalGeneration) -> None:
        super().__init__()
        self.vlm, self.targets, self.one = vlm, name_targets(), chat_tokenizer().convert_tokens_to_ids("▁one")

    def forward(
        self,
        pixels: torch.Tensor,
        names: torch.Tensor,
        centres: torch.Tensor,
        input_ids: torch.Tensor,
        position_ids: torch.Tensor,
        weights: torch.Tensor,
        attention_mask: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Losses by name; "words" is the share of answer tokens that would be predicted rightly."""
        features = project(self.vlm, pixels)
        patch_word, _ = patch_word_loss(self.vlm, torch.stack(features), names, centres, self.targets, self.one)
        hidden = self.vlm.model(
            input_ids=input_ids,
            position_ids=position_ids,
            attention_mask=attention_mask,
            mm_encoder_outputs={"image": BaseModelOutputWithPooling(pooler_output=features)},
            use_cache=False,
        ).last_hidden_state
        wanted = weights[:, 1:] > 0
        logits = self.vlm.lm_head(hidden[:, :-1][wanted]).float()
        target, weight = input_ids[:, 1:][wanted], weights[:, 1:][wanted]
        answer = (F.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum()
        right = (logits.argmax(-1) == target).float().mean()
        return {"loss": answer + 0.2 * patch_word, "answer": answer, "patch_word": patch_word, "words": right}


def batch_maker(curriculum: tuple[tuple[float, int], ...] = CURRICULUM) -> MakeBatch:
    """``make_batch`` for ``loop.train``."""
    packer = Packer(chat_tokenizer())

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        most = next(things for until, things in curriculum if fraction < until)
        share = share_at(fraction)
        scenes = [training_scene(rng, int(rng.integers(1, most + 1)), share) for _ in range(size)]
        packed = packer.pack([talks_about(scene, rng) for scene in scenes])
        truth = patch_truth(scenes)
        pixels = training_pixels(scenes, rng, share)
        return packed | {"pixels": pixels, "names": truth["names"], "centres": truth["centres"]}

    return make_batch


def instruct(
    run: Run, vlm: LlavaForConditionalGeneration, stage: str = "instruction", *, full: bool = False
) -> list[float]:
    """Train what ``stage`` ("instruction" or "everything") trains of ``vlm``, in place; the loss of every step.

    ``full`` leaves the curriculum out, for a model that can speak already.
    """
    set_learning(vlm, stage)
    curriculum = CURRICULUM[-1:] if full else CURRICULUM
    return train(run, InstructionObjective(vlm), batch_maker(curriculum), matrix_rate=2e-3, other_rate=1.5e-3)


def run_stage(
    stage: str, description: str | None, *, minutes: float, rate: float = 1.0, given: Sequence[str] | None = None
) -> None:
    """Parse the options of "instruction" or "everything", train, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder=f"runs/{stage}", minutes=minutes, batch=16, rate=rate)
    parser.add_argument("--start", type=Path, default=Path("assets/moji/moji-vlm"), help="the checkpoint to go on from")
    parser.add_argument("--full", action="store_true", default=stage == "everything", help="no curriculum")
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-vlm"))
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce(stage)
    vlm = LlavaForConditionalGeneration.from_pretrained(arguments.start, dtype=torch.float32)
    vlm = carry_words(vlm, arguments.start, chat_tokenizer())
    instruct(run, vlm, stage, full=arguments.full)
    save_checkpoint(vlm, make_processor(), arguments.output)
    conclude(run)


if __name__ == "__main__":
    run_stage("instruction", __doc__, minutes=75)
