"""Stage 1, the encoder: ``moji-clip`` learns single sprites, then whole scenes.

Contrastive learning of pictures and captions (CLIP, Radford et al. 2021), with two dense parts beside it, since
a caption alone says too little about each patch: every patch is matched against the names of all things
(as in MaskCLIP, Zhou et al. 2022, but learnt), and tells the box of the thing that it belongs to.

Run: ``python -m playground.training.encoder --minutes 40``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

from playground.moji.scenes import Scene, Variety, make_scene
from playground.moji.synonyms import synonyms
from playground.moji.tokenizer import make_tokenizer
from playground.moji.words import short_caption
from playground.moji.world import ALL_STYLES, CANVAS, PATCH, WRITINGS, article
from playground.training.augment import reframed, share_at
from playground.training.checkpoint import carry_over, save_checkpoint
from playground.training.loop import MakeBatch, add_run_arguments, conclude, run_from, train
from playground.training.scene_tensors import (
    GROUND,
    IGNORE,
    MEAN,
    NAMES,
    STD,
    patch_truth,
    training_pixels,
    training_scene,
)
from playground.training.stages import announce

SIZES = {"tiny": (64, 2), "small": (192, 6), "base": (384, 8)}  # hidden size, vision layers
TEXT_LENGTH = 64
SPRITE_CANVAS = 64  # pixels; the first part of the curriculum shows one thing on a small canvas
SPRITE_SHARE = 0.22  # of the budget
SPRITE_SIGNS = 0.12  # of the sprites: nineteen writings look more alike than all emoji do
_OTHERS = 2  # of the lists of names hold other words for things
_TEMPLATES = ("{name}", "{a}", "the {name}", "a picture of {a}")


def make_clip(size: str = "small") -> CLIPModel:
    """A fresh ``CLIPModel`` for 192×192 pictures in patches of 16. ``size`` is a key of SIZES."""
    hidden, layers = SIZES[size]
    tokenizer = make_tokenizer(bos=True, eos=True, max_length=TEXT_LENGTH)
    tower = {"hidden_size": hidden, "intermediate_size": 4 * hidden, "num_attention_heads": hidden // 32}
    text = {
        "num_hidden_layers": 2,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": TEXT_LENGTH,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {"num_hidden_layers": layers, "image_size": CANVAS, "patch_size": PATCH}
    return CLIPModel(CLIPConfig(text_config=tower | text, vision_config=tower | vision, projection_dim=hidden))


def image_processor() -> CLIPImageProcessor:
    """What all Moji models see: the whole picture at 192×192, never cropped, pixels in −1 … 1."""
    side = {"height": CANVAS, "width": CANVAS}
    return CLIPImageProcessor(
        size=side, do_center_crop=False, crop_size=side, image_mean=list(MEAN), image_std=list(STD), resample=2
    )


def name_phrases(template: str, names: Sequence[str] = NAMES) -> list[str]:
    """The names of everything in the world, or other words for them, as ``template`` words them."""
    return [template.format(name=name, a=name if name == GROUND else article(name)) for name in names]


def other_names(rng: np.random.Generator) -> list[str]:
    """The names of everything in the world, half of them by another word where there is one."""
    others = synonyms()
    return [str(rng.choice(others[name])) if name in others and rng.random() < 0.5 else name for name in NAMES]


class EncoderObjective(nn.Module):
    """The losses of this stage over a ``CLIPModel``; the box and centre heads are thrown away afterwards."""

    def __init__(self, clip: CLIPModel) -> None:
        super().__init__()
        self.clip = clip
        hidden = clip.config.vision_config.hidden_size
        self.box_head, self.centre_head = nn.Linear(hidden, 4), nn.Linear(hidden, 1)

    def texts(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Unit vectors (texts, projection)."""
        return F.normalize(self.clip.get_text_features(ids, mask).pooler_output.float(), dim=-1)

    def forward(
        self,
        pixels: torch.Tensor,
        names: torch.Tensor,
        boxes: torch.Tensor,
        centres: torch.Tensor,
        name_ids: torch.Tensor,
        name_mask: torch.Tensor,
        caption_ids: torch.Tensor,
        caption_mask: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Losses by name; "loss" is their weighted sum, "patches" the share of thing patches named rightly."""
        seen = self.clip.vision_model(pixels, interpolate_pos_encoding=pixels.shape[-1] != CANVAS)
        patches = seen.last_hidden_state[:, 1:]
        scale = self.clip.logit_scale.exp().clamp(max=100)
        words = self.texts(name_ids, name_mask)
        dense = self.clip.visual_projection(self.clip.vision_model.post_layernorm(patches)).float()
        logits = scale * F.normalize(dense, dim=-1) @ words.T
        weight = torch.ones(len(NAMES), device=pixels.device)
        weight[-1] = 0.05  # ground is most of every picture
        patch_word = F.cross_entropy(logits.flatten(0, 1), names.flatten(), weight, ignore_index=IGNORE)
        thing = (names != IGNORE) & (names != len(NAMES) - 1)
        box = (self.box_head(patches).float() - boxes).abs()[thing].mean()
        centre = F.binary_cross_entropy_with_logits(
            self.centre_head(patches).float().squeeze(-1), centres, pos_weight=centres.new_tensor(5.0)
        )
        image = F.normalize(self.clip.visual_projection(seen.pooler_output).float(), dim=-1)
        match = scale * image @ self.texts(caption_ids, caption_mask).T
        target = torch.arange(len(match), device=match.device)
        contrast = (F.cross_entropy(match, target) + F.cross_entropy(match.T, target)) / 2
        right = (logits.argmax(-1) == names)[thing].float().mean()
        loss = patch_word + 0.3 * contrast + 2 * box + 0.5 * centre
        return {
            "loss": loss, "patch_word": patch_word, "contrast": contrast, "box": box, "centre": centre,
            "patches": right,
        }  # fmt: skip


def scenes_for(
    rng: np.random.Generator,
    size: int,
    fraction: float,
    sprites: float = SPRITE_SHARE,
    styles: tuple[str, ...] = ALL_STYLES,
) -> list[Scene]:
    """The curriculum: single things on a small canvas (four times as many), then scenes of one to six.

    ``sprites`` is the share of the budget that the first part takes; ever more is changed as the budget is used.
    """
    share = share_at(fraction)
    if fraction < sprites:
        return [_sprite_scene(rng, Variety(styles, shapes=True, changes=share)) for _ in range(4 * size)]
    # every eighth scene holds one thing on its large canvas: what zero-shot classification is asked about
    return [training_scene(rng, 1 if index % 8 == 0 else None, share, styles) for index in range(size)]


def _sprite_scene(rng: np.random.Generator, variety: Variety) -> Scene:
    sign = ("sign", str(rng.choice(WRITINGS)), str(rng.choice(variety.styles)))
    names = [sign] if rng.random() < SPRITE_SIGNS else None
    return reframed(make_scene(rng, 1, canvas=SPRITE_CANVAS, names=names, variety=variety), rng, variety.changes)


def batch_maker(
    tokenizer: PreTrainedTokenizerFast, sprites: float = SPRITE_SHARE, styles: tuple[str, ...] = ALL_STYLES
) -> MakeBatch:
    """``make_batch`` for ``loop.train``; ``sprites`` and ``styles`` as in ``scenes_for``."""
    worded = [name_phrases(template) for template in _TEMPLATES]
    worded += [name_phrases("{name}", other_names(np.random.default_rng(each))) for each in range(_OTHERS)]
    phrases = [tokenizer(texts, padding=True, return_tensors="pt") for texts in worded]

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        scenes = scenes_for(rng, size, fraction, sprites, styles)
        captions = tokenizer([short_caption(scene) for scene in scenes], padding=True, return_tensors="pt")
        names = phrases[int(rng.integers(len(phrases)))]
        return patch_truth(scenes) | {
            "pixels": training_pixels(scenes, rng, share_at(fraction)),
            "name_ids": names.input_ids,
            "name_mask": names.attention_mask,
            "caption_ids": captions.input_ids,
            "caption_mask": captions.attention_mask,
        }

    return make_batch


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, train, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/encoder", minutes=40, batch=64)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-clip"))
    parser.add_argument("--begin", type=Path, help="go on from this moji-clip")
    parser.add_argument("--without", nargs="*", choices=ALL_STYLES, default=(), help="styles to leave out")
    parser.add_argument("--sprites", type=float, default=SPRITE_SHARE, help="share of the budget for single sprites")
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce("encoder")
    torch.manual_seed(arguments.seed)
    clip = make_clip(arguments.size)
    tokenizer = make_tokenizer(bos=True, eos=True, max_length=TEXT_LENGTH)
    if arguments.begin:
        carry_over(clip, arguments.begin, tokenizer)
    if not torch.cuda.is_available():
        clip.set_attn_implementation("eager")  # on CPUs a step takes a sixth less than with SDPA's backward pass
    styles = tuple(style for style in ALL_STYLES if style not in arguments.without)
    train(run, EncoderObjective(clip), batch_maker(tokenizer, arguments.sprites, styles))
    save_checkpoint(clip, CLIPProcessor(image_processor(), tokenizer), arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
