"""Stage 5, detection: words to boxes on the encoders of ``moji-clip``.

OWL-ViT (Minderer et al. 2022): every patch of the picture predicts one box, and is compared with the vector of
every phrase. Its paper matches patches and things anew in every step (bipartite matching, as in DETR); here the
patch that holds a thing's **centre** is the one that has to score, since a patch of ``moji-clip`` already knows
whether it does. So no matching can flicker, and one thing gives one box without any suppression of doubles.

Run: ``python -m playground.training.detection --minutes 35``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import processors
from torch import nn
from torchvision.ops import box_convert, generalized_box_iou_loss, sigmoid_focal_loss
from transformers import (
    CLIPModel,
    CLIPProcessor,
    OwlViTConfig,
    OwlViTForObjectDetection,
    OwlViTImageProcessor,
    OwlViTProcessor,
    PreTrainedTokenizerFast,
)

from playground.moji.asking import Asker, Typing
from playground.moji.scenes import Scene
from playground.moji.words import plural_name
from playground.moji.world import PATCH, article
from playground.training.augment import share_at
from playground.training.checkpoint import save_checkpoint
from playground.training.encoder import image_processor
from playground.training.loop import MakeBatch, Run, add_run_arguments, conclude, run_from, train
from playground.training.optimisation import make_optimizers
from playground.training.scene_tensors import GROUND, IGNORE, NAME_INDEX, patch_truth, training_pixels, training_scene
from playground.training.stages import announce, set_learning

END = "<end>"
QUERY_LENGTH = 16  # tokens of a phrase, as in OWL-ViT; its processor pads every phrase to so many
ABSENT = 2  # phrases a scene that name nothing in it; those of the other scenes in the batch come on top
_PADDING = " "  # what OwlViTProcessor fills short lists of phrases with; it must find nothing


def owl_tokenizer(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """The tokenizer of ``moji-clip``, changed in place: a new last token ends every text instead of ``</s>``.

    OWL-ViT reads a text at the token with the highest id, which CLIP's own end token happens to have.
    """
    tokenizer.add_special_tokens({"eos_token": END})
    ends = [(token, tokenizer.convert_tokens_to_ids(token)) for token in (tokenizer.bos_token, END)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{tokenizer.bos_token} $A {END}", special_tokens=ends
    )
    tokenizer.model_max_length = QUERY_LENGTH
    return tokenizer


def make_processor(tokenizer: PreTrainedTokenizerFast) -> OwlViTProcessor:
    """What turns pictures and lists of phrases into the inputs of ``moji-owl``; ``tokenizer`` by `owl_tokenizer`."""
    sees = image_processor()
    pictures = OwlViTImageProcessor(
        size=dict(sees.size), image_mean=sees.image_mean, image_std=sees.image_std, resample=sees.resample
    )
    return OwlViTProcessor(pictures, tokenizer)


def make_owl(clip: CLIPModel) -> OwlViTForObjectDetection:
    """An OWL-ViT on the encoders of ``clip`` with fresh heads; its vocabulary has one token more, see `owl_tokenizer`.

    OWL-ViT multiplies every patch with the class token after a shared layer norm. That norm starts with a small
    weight around one, (1 + a p)(1 + a c) ≈ 1 + a (p + c), so that a patch keeps what the frozen encoder says of it.
    """
    text, vision = clip.config.text_config.to_dict(), clip.config.vision_config.to_dict()
    sizes = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    special = {"bos_token_id": text["bos_token_id"], "pad_token_id": 0, "eos_token_id": text["vocab_size"]}
    config = OwlViTConfig(
        text_config={name: text[name] for name in sizes}
        | {"vocab_size": text["vocab_size"] + 1, "max_position_embeddings": QUERY_LENGTH}
        | special,
        vision_config={name: vision[name] for name in (*sizes, "image_size", "patch_size")},
        projection_dim=clip.config.projection_dim,
    )
    owl = OwlViTForObjectDetection(config)
    weights = {name.replace("pre_layrnorm", "pre_layernorm"): value for name, value in clip.state_dict().items()}
    embeddings = "text_model.embeddings.token_embedding.weight"
    positions = "text_model.embeddings.position_embedding.weight"
    ending = weights[embeddings][text["eos_token_id"]]
    weights[embeddings] = torch.cat([weights[embeddings], ending[None]])
    weights[positions] = weights[positions][:QUERY_LENGTH]
    owl.owlvit.load_state_dict(weights)
    for part in (*owl.class_head.modules(), *owl.box_head.modules()):
        if isinstance(part, nn.Linear):  # transformers draws these with a deviation of 1: far too large to learn
            part.reset_parameters()
    with torch.no_grad():
        merged, score = owl.owlvit.vision_model.post_layernorm, owl.class_head
        merged.weight.mul_(0.2 / merged.weight.abs().mean())
        merged.bias.fill_(1.0)
        score.dense0.weight.copy_(clip.visual_projection.weight)  # which names a patch already
        score.logit_scale.weight.zero_()
        score.logit_scale.bias.fill_(20.0)  # cosines are at most 1, and a probability wants a wider range
        score.logit_shift.weight.zero_()
        score.logit_shift.bias.fill_(-0.7)  # at first next to nothing is found
    return owl


def carry_heads(owl: OwlViTForObjectDetection, folder: Path) -> None:
    """Start the heads of ``owl`` from those of an earlier checkpoint; the encoders stay those of its own CLIP."""
    earlier = OwlViTForObjectDetection.from_pretrained(folder, dtype=torch.float32)
    for part in ("class_head", "box_head", "layer_norm", "owlvit.vision_model.post_layernorm"):
        owl.get_submodule(part).load_state_dict(earlier.get_submodule(part).state_dict())


def phrases_about(scene: Scene, rng: np.random.Generator, absent: int = ABSENT) -> list[tuple[str, str]]:
    """Phrases with the name that each stands for: everything in the scene, and ``absent`` names that are not."""
    asker = Asker(scene, rng, Typing(synonyms=0.15))
    names = [asker.pick((thing.name, thing.noun)) for thing in scene.things]
    names += [asker.absent_name() for _ in range(absent)]
    asked = [(asker.said(name), name) for name in dict.fromkeys(names)]
    return [(asker.pick((said, article(said), f"the {said}", plural_name(said))), name) for said, name in asked]


class DetectionObjective(nn.Module):
    """Focal loss (Lin et al. 2017) on which patch is the centre of what, and L1 + GIoU (Rezatofighi et al. 2019) on
    the box that every patch of a thing tells."""

    def __init__(self, owl: OwlViTForObjectDetection) -> None:
        super().__init__()
        self.owl = owl

    def forward(
        self,
        pixels: torch.Tensor,
        ids: torch.Tensor,
        mask: torch.Tensor,
        found: torch.Tensor,
        boxes: torch.Tensor,
        things: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Losses by name; "l1" and "giou" are those of the boxes told at the centres, which count twice.

        ids, mask (phrases, tokens) are asked about every scene; found (scenes, patches, phrases) is 1.0 where the
        patch is the centre of what the phrase names; boxes (scenes, patches, 4) are corners in 0–1, and count where
        things (scenes, patches) is True.
        """
        features = self.owl.image_embedder(pixels)[0]
        patches = features.flatten(1, 2)
        queries = self.owl.owlvit.get_text_features(ids, mask).pooler_output
        logits, _ = self.owl.class_predictor(patches, queries)
        score = sigmoid_focal_loss(logits.float(), found, alpha=0.3, gamma=2, reduction="sum") / found.sum().clamp(
            min=1
        )
        told = self.owl.box_predictor(patches, features).float()
        corners = box_convert(told, "cxcywh", "xyxy")
        centres = found.any(-1) & things
        l1 = (told - box_convert(boxes, "xyxy", "cxcywh")).abs().sum(-1)
        giou = [generalized_box_iou_loss(corners[own], boxes[own], reduction="mean") for own in (things, centres)]
        loss = score + 5 * (l1[things].mean() + l1[centres].mean()) / 2 + sum(giou)
        return {"loss": loss, "score": score, "l1": l1[centres].mean(), "giou": giou[1]}


def _centre_patch(box: tuple[int, int, int, int], side: int) -> int:
    """Index of the patch that holds the centre of a box in pixels, on a grid of ``side`` × ``side``."""
    left, top, right, bottom = box
    return (top + bottom) // 2 // PATCH * side + (left + right) // 2 // PATCH


def batch_maker(tokenizer: PreTrainedTokenizerFast) -> MakeBatch:
    """``make_batch`` for ``loop.train``: every scene is asked for the phrases of all scenes in the batch."""

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        share = share_at(fraction)
        scenes = [training_scene(rng, None, share) for _ in range(size)]
        asked = dict([(_PADDING, GROUND), *(pair for scene in scenes for pair in phrases_about(scene, rng))])
        texts = tokenizer(list(asked), padding=True, truncation=True, return_tensors="pt")
        truth = patch_truth(scenes)
        side = scenes[0].labels.shape[0] // PATCH
        found = torch.zeros(size, side * side, len(asked))
        for row, scene in enumerate(scenes):
            for thing in scene.things:
                fits = torch.tensor([name in (thing.name, thing.noun) for name in asked.values()])
                found[row, _centre_patch(thing.box, side), fits] = 1.0
        return {
            "pixels": training_pixels(scenes, rng, share),
            "ids": texts.input_ids,
            "mask": texts.attention_mask,
            "found": found,
            "boxes": truth["boxes"],
            "things": (truth["names"] != IGNORE) & (truth["names"] != NAME_INDEX[GROUND]),
        }

    return make_batch


def detect(run: Run, owl: OwlViTForObjectDetection, tokenizer: PreTrainedTokenizerFast) -> list[float]:
    """Train what this stage trains of ``owl``, in place; the loss of every step."""
    set_learning(owl, "detection")
    heads = [owl.class_head, owl.box_head, owl.layer_norm]
    optimizers = [
        *make_optimizers(heads, matrix_rate=run.rate * 3e-3, other_rate=run.rate * 2e-3),
        *make_optimizers([owl.owlvit], matrix_rate=run.rate * 1.5e-3, other_rate=run.rate * 1e-3),
    ]
    return train(run, DetectionObjective(owl), batch_maker(tokenizer), optimizers=optimizers)


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, train, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/detection", minutes=35, batch=16)
    parser.add_argument("--clip", type=Path, default=Path("assets/moji/moji-clip"))
    parser.add_argument("--begin", type=Path, help="an earlier moji-owl, whose heads go on with these encoders")
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-owl"))
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce("detection")
    torch.manual_seed(arguments.seed)
    owl = make_owl(CLIPModel.from_pretrained(arguments.clip, dtype=torch.float32))
    tokenizer = owl_tokenizer(CLIPProcessor.from_pretrained(arguments.clip).tokenizer)
    if arguments.begin:
        carry_heads(owl, arguments.begin)
    if not torch.cuda.is_available():
        owl.set_attn_implementation("eager")  # on CPUs its backward pass takes less time than SDPA's
    detect(run, owl, tokenizer)
    save_checkpoint(owl, make_processor(tokenizer), arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
