"""Stage 4, segmentation: a small decoder learns to paint what a phrase names, on the frozen ``moji-clip``.

CLIPSeg (Lüddecke & Ecker 2022): three layers of the vision encoder, conditioned on the text vector by FiLM.

Run: ``python -m playground.training.segmentation --minutes 12``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import (
    CLIPModel,
    CLIPProcessor,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    CLIPSegProcessor,
    PreTrainedTokenizerFast,
)

from playground.moji.asking import Asker, Typing
from playground.moji.scenes import Scene
from playground.moji.words import plural_name
from playground.moji.world import article
from playground.training.augment import share_at
from playground.training.checkpoint import save_checkpoint
from playground.training.encoder import image_processor
from playground.training.loop import MakeBatch, add_run_arguments, conclude, run_from, train
from playground.training.scene_tensors import training_pixels, training_scene
from playground.training.stages import announce, set_learning

PHRASES = 4  # asked about each scene of a batch


def make_clipseg(clip: CLIPModel) -> CLIPSegForImageSegmentation:
    """A CLIPSeg on the encoders of ``clip`` with a fresh decoder that reads three of its vision layers."""
    layers = clip.config.vision_config.num_hidden_layers
    config = CLIPSegConfig(
        text_config=clip.config.text_config.to_dict(),
        vision_config=clip.config.vision_config.to_dict(),
        projection_dim=clip.config.projection_dim,
        extract_layers=[layers // 3 - 1, 2 * layers // 3 - 1, layers - 1],
        reduce_dim=64,
        decoder_intermediate_size=256,
        use_complex_transposed_convolution=True,
    )
    clipseg = CLIPSegForImageSegmentation(config)
    clipseg.clip.load_state_dict(clip.state_dict())
    for part in clipseg.decoder.modules():  # transformers draws these with a deviation of 1: far too large to learn
        if isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            part.reset_parameters()
    return clipseg


def ask_phrases(scene: Scene, rng: np.random.Generator, count: int = PHRASES) -> list[tuple[str, np.ndarray]]:
    """``count`` phrases with their masks (bool, of the picture's size): things that are there, and one in four not."""
    asker = Asker(scene, rng, Typing(synonyms=0.15))
    asked = []
    for _ in range(count):
        thing = asker.pick(scene.things)
        name = asker.absent_name() if rng.random() < 0.25 else asker.pick((thing.name, thing.noun))
        fits = [i + 1 for i, other in enumerate(scene.things) if name in (other.name, other.noun)]
        said = asker.said(name)
        phrase = asker.pick((said, article(said), f"the {said}", plural_name(said)))
        asked.append((phrase, np.isin(scene.labels, fits)))
    return asked


class SegmentationObjective(nn.Module):
    """Binary cross-entropy plus Dice loss (Milletari et al. 2016) on the masks of phrases."""

    def __init__(self, clipseg: CLIPSegForImageSegmentation) -> None:
        super().__init__()
        self.clipseg = clipseg

    def forward(
        self, pixels: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor, masks: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Losses by name; "iou" is the mean overlap at threshold 0.5 over phrases that name something."""
        with torch.no_grad():
            layers = self.clipseg.clip.vision_model(pixels, output_hidden_states=True).hidden_states
            texts = self.clipseg.clip.get_text_features(ids, mask).pooler_output
        repeat = len(ids) // len(pixels)
        picked = [layers[i + 1].repeat_interleave(repeat, 0) for i in self.clipseg.extract_layers]
        logits = self.clipseg.decoder(picked, texts).logits.float()
        probability = logits.sigmoid()
        named = masks.flatten(1).any(1)
        overlap = (probability * masks).flatten(1).sum(1)
        dice = 1 - (2 * overlap + 1) / ((probability + masks).flatten(1).sum(1) + 1)
        pixel = F.binary_cross_entropy_with_logits(logits, masks)
        hard = (logits > 0).float()
        both, either = (hard * masks).flatten(1).sum(1), torch.maximum(hard, masks).flatten(1).sum(1)
        iou = (both / either.clamp(min=1))[named].mean()
        return {"loss": pixel + 0.5 * dice.mean(), "pixel": pixel, "dice": dice.mean(), "iou": iou}


def batch_maker(tokenizer: PreTrainedTokenizerFast) -> MakeBatch:
    """``make_batch`` for ``loop.train``; ``tokenizer`` is that of the ``moji-clip`` whose text encoder is used."""

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        share = share_at(fraction)
        scenes = [training_scene(rng, None, share) for _ in range(size)]
        asked = [pair for scene in scenes for pair in ask_phrases(scene, rng)]
        texts = tokenizer([phrase for phrase, _ in asked], padding=True, return_tensors="pt")
        masks = torch.from_numpy(np.stack([mask for _, mask in asked])).float()
        pixels = training_pixels(scenes, rng, share)
        return {"pixels": pixels, "ids": texts.input_ids, "mask": texts.attention_mask, "masks": masks}

    return make_batch


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, train, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/segmentation", minutes=12, batch=32)
    parser.add_argument("--clip", type=Path, default=Path("assets/moji/moji-clip"))
    parser.add_argument("--begin", type=Path, help="take the mask decoder from this moji-clipseg")
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-clipseg"))
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce("segmentation")
    torch.manual_seed(arguments.seed)
    clipseg = make_clipseg(CLIPModel.from_pretrained(arguments.clip, dtype=torch.float32))
    if arguments.begin:
        earlier = CLIPSegForImageSegmentation.from_pretrained(arguments.begin, dtype=torch.float32)
        clipseg.decoder.load_state_dict(earlier.decoder.state_dict())
    set_learning(clipseg, "segmentation")
    tokenizer = CLIPProcessor.from_pretrained(arguments.clip).tokenizer
    train(run, SegmentationObjective(clipseg), batch_maker(tokenizer))
    save_checkpoint(clipseg, CLIPSegProcessor(image_processor(), tokenizer), arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
