"""Stage 2, alignment: the projector learns to put each patch near the word for what it shows.

LLaVA aligns its projector with captions through a frozen language model. Moji's language model knows nothing yet,
so the projected patch is read directly with the tied output head: the logit lens (nostalgebraist 2020) as a loss.

Run: ``python -m playground.training.alignment --minutes 3``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPModel, LlavaForConditionalGeneration

from playground.moji.world import plural
from playground.training.augment import share_at
from playground.training.checkpoint import carry_over, save_checkpoint
from playground.training.loop import Run, add_run_arguments, conclude, run_from, train
from playground.training.scene_tensors import IGNORE, NAMES, patch_truth, training_pixels, training_scene
from playground.training.stages import announce, set_learning
from playground.training.vlm import SIZES, chat_tokenizer, make_processor, make_vlm


def name_targets() -> torch.Tensor:
    """Per name of NAMES the words that say it, as a distribution over the vocabulary: (names, vocabulary).

    A noun's share goes to its singular (70 %) and its plural, so that "dogs" in a question is as near to a dog's
    patches as "dog"; a coloured shape shares between colour and noun.
    """
    tokenizer = chat_tokenizer()
    targets = torch.zeros(len(NAMES), len(tokenizer))
    for row, name in enumerate(NAMES):
        *colour, noun = name.split()
        for word, share in [(noun, 0.7), (plural(noun), 0.3), *((word, 1.0) for word in colour)]:
            targets[row, tokenizer(word, add_special_tokens=False).input_ids[0]] += share / (1 + len(colour))
    return targets


def project(vlm: LlavaForConditionalGeneration, pixels: torch.Tensor) -> list[torch.Tensor]:
    """The image tokens as the language model gets them: one (patches, hidden) a picture."""
    return vlm.model.get_image_features(
        pixels,
        vision_feature_layer=vlm.config.vision_feature_layer,
        vision_feature_select_strategy=vlm.config.vision_feature_select_strategy,
    ).pooler_output


def patch_word_loss(
    vlm: LlavaForConditionalGeneration,
    features: torch.Tensor,
    names: torch.Tensor,
    centres: torch.Tensor,
    targets: torch.Tensor,
    one: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy between projected patches read by the output head and the words for what they show.

    ``features`` (pictures, patches, hidden), ``names`` and ``centres`` (pictures, patches) from ``patch_truth``,
    ``targets`` from ``name_targets``. Ground and slivers do not count. A patch that holds the centre of its thing
    also says "one" (the token ``one``), a quarter of its words: counting is then adding up. Also returns the share
    of patches whose best word is one of the right ones.
    """
    chosen = (names != IGNORE) & (names != len(NAMES) - 1)
    logits = vlm.lm_head(features[chosen]).float()
    named = targets.to(logits.device)[names[chosen]]
    middle = 0.75 * named
    middle[:, one] += 0.25
    wanted = torch.where(centres[chosen][:, None] > 0, middle, named)
    right = named.gather(1, logits.argmax(-1, keepdim=True)).gt(0).float().mean()
    return F.cross_entropy(logits, wanted), right


class AlignmentObjective(nn.Module):
    """The patch–word loss over a ``LlavaForConditionalGeneration``."""

    def __init__(self, vlm: LlavaForConditionalGeneration) -> None:
        super().__init__()
        self.vlm, self.targets, self.one = vlm, name_targets(), chat_tokenizer().convert_tokens_to_ids("▁one")

    def forward(self, pixels: torch.Tensor, names: torch.Tensor, centres: torch.Tensor) -> dict[str, torch.Tensor]:
        """Losses by name."""
        features = torch.stack(project(self.vlm, pixels))
        loss, right = patch_word_loss(self.vlm, features, names, centres, self.targets, self.one)
        return {"loss": loss, "patches": right}


def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
    """Scenes with the name of every patch, and which patches hold a centre."""
    share = share_at(fraction)
    scenes = [training_scene(rng, None, share) for _ in range(size)]
    truth = patch_truth(scenes)
    return {"pixels": training_pixels(scenes, rng, share), "names": truth["names"], "centres": truth["centres"]}


def align(run: Run, vlm: LlavaForConditionalGeneration) -> list[float]:
    """Train what this stage trains of ``vlm``, in place; the loss of every step."""
    set_learning(vlm, "alignment")
    return train(run, AlignmentObjective(vlm), make_batch, matrix_rate=5e-3, other_rate=1e-2)


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, train, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/alignment", minutes=3, batch=64)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--clip", type=Path, default=Path("assets/moji/moji-clip"))
    parser.add_argument("--begin", type=Path, help="take language model and projector from this moji-vlm")
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-vlm"))
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce("alignment")
    torch.manual_seed(arguments.seed)
    clip = CLIPModel.from_pretrained(arguments.clip, dtype=torch.float32)
    vlm = make_vlm(clip, arguments.size)
    if arguments.begin:
        carry_over(vlm, arguments.begin, chat_tokenizer())
        vlm.model.vision_tower.load_state_dict(clip.vision_model.state_dict())
    align(run, vlm)
    save_checkpoint(vlm, make_processor(), arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
