"""Stage 5, ``moji-blip``: captions and answers by cross-attention, with the three objectives of BLIP.

Pictures and captions are told apart (contrast, ITC), a caption is matched with a picture that it may belong to (ITM,
with the most similar wrong ones of the batch), and captions and answers are spoken (LM): Li et al. 2022. All three
run through one text transformer; BLIP itself keeps two sets of self-attention. Beside them, as in the other
stages, every patch says the word for what it shows, the box of its thing and whether it holds its centre.

Run: ``python -m playground.training.blip --minutes 75``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import BlipForConditionalGeneration, CLIPModel

from playground.training.alignment import name_targets
from playground.training.augment import share_at
from playground.training.blip_model import SIZES, blip_tokenizer, make_blip, make_processor
from playground.training.blip_packing import RowPacker
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import MakeBatch, Run, add_run_arguments, conclude, run_from, train
from playground.training.optimisation import make_optimizers
from playground.training.packing import talks_about
from playground.training.scene_tensors import IGNORE, NAMES, patch_truth, training_pixels, training_scene
from playground.training.stages import announce, set_learning

ALIGN_SHARE = 0.08  # of the budget: no talks yet; the tower learns to see what moji-clip sees, words find patches
TOWER_RESTS = (0.08, 0.6)  # between these shares of the budget the tower is frozen, which makes steps cheaper
CURRICULUM = ((0.16, 2), (0.28, 4), (1.01, 6))  # until this fraction of the budget, at most so many things
TOWER_RATE = 3e-4  # small, and AdamW alone: the tower knows how to see already
MATCHED = 0.25  # share of the pictures of a batch that the matching loss asks about; it costs three texts each


def decode(
    blip: BlipForConditionalGeneration,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor,
    mask: torch.Tensor,
    seen: torch.Tensor | None,
) -> torch.Tensor:
    """The text transformer, (rows, tokens, hidden): as an encoder or decoder, whichever the ``mask`` makes it.

    ``mask`` bool (rows, 1, tokens or 1, tokens). ``seen`` (pictures, patches, features) is shared by rows / pictures
    rows each, in order; None leaves out the cross-attention. The same as ``BlipTextModel`` makes of each row alone.
    """
    bert = blip.text_decoder.bert
    hidden = bert.embeddings(input_ids, position_ids)
    blocked = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -1e4)
    for layer in bert.encoder.layer:
        hidden = layer.attention(hidden, blocked)[0]
        if seen is not None:
            shared = hidden.view(len(seen), -1, hidden.shape[-1])
            hidden = layer.crossattention(shared, encoder_hidden_states=seen)[0].view(hidden.shape)
        hidden = layer.feed_forward_chunk(hidden)
    return hidden


class Heads(nn.Module):
    """What the losses beside LM read from features and hidden states; thrown away afterwards."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.box, self.centre = nn.Linear(features, 4), nn.Linear(features, 1)
        self.image, self.text = nn.Linear(features, 128), nn.Linear(hidden, 128)
        self.match = nn.Linear(hidden, 2)
        self.log_scale = nn.Parameter(torch.tensor(2.66))


class BlipObjective(nn.Module):
    """The losses of this stage."""

    def __init__(self, blip: BlipForConditionalGeneration, clip: CLIPModel) -> None:
        super().__init__()
        self.blip, self.targets = blip, name_targets()
        self.one = blip_tokenizer().convert_tokens_to_ids("▁one")
        self.teacher = clip.vision_model.requires_grad_(False).eval()
        self.heads = Heads(blip.config.vision_config.hidden_size, blip.config.text_config.hidden_size)

    def forward(
        self,
        pixels: torch.Tensor,
        names: torch.Tensor,
        boxes: torch.Tensor,
        centres: torch.Tensor,
        tower: torch.Tensor,
        **talks: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Losses by name; without ``talks`` (the first part of the budget) those of single patches alone.

        ``tower`` tells whether the vision tower learns in this step.
        """
        with torch.set_grad_enabled(bool(tower) and torch.is_grad_enabled()):
            seen = self.blip.vision_model(pixels).last_hidden_state
        parts = self.dense(seen[:, 1:], names, boxes, centres)
        loss = 0.3 * parts["said"] + 0.1 * parts["found"] + parts["box"] + 0.3 * parts["centre"]
        if not talks:
            with torch.no_grad():
                wanted = self.teacher.post_layernorm(self.teacher(pixels).last_hidden_state)
            parts["distance"] = F.mse_loss(seen.float(), wanted.float())
            return {"loss": loss + 2 * parts["distance"]} | parts
        parts |= self.speak(seen, talks["input_ids"], talks["position_ids"], talks["weights"], talks["talks"])
        parts |= self.match(seen, talks["caption_ids"], talks["caption_mask"])
        return {"loss": parts["answer"] + 0.1 * parts["contrast"] + 0.1 * parts["match"] + 0.5 * loss} | parts

    def dense(
        self, patches: torch.Tensor, names: torch.Tensor, boxes: torch.Tensor, centres: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """What single patches tell: their thing's name, its box, its centre.

        "said": what the cross-attention takes from a patch, read with the output head, is the word for what it shows;
        a patch that holds the centre of its thing also says "one", so that counting is adding up.
        "found": a word asks, in the lower layers, for the patches that show it, among all of the batch.
        "patches" is the share of patches whose word is right.
        """
        decoder, thing = self.blip.text_decoder, (names != IGNORE) & (names != len(NAMES) - 1)
        targets = self.targets.to(patches.device)
        named, there = targets[names[thing]], names[thing].unique()
        middle = 0.75 * named
        middle[:, self.one] += 0.25
        wanted = torch.where(centres[thing][:, None] > 0, middle, named)
        words = decoder.bert.embeddings.LayerNorm(targets[there] @ decoder.bert.embeddings.word_embeddings.weight)
        fits = there[:, None] == names.flatten()
        layers = [layer.crossattention for layer in decoder.bert.encoder.layer]
        said, found, right = [], [], []
        for cross in layers:
            logits = decoder.cls(cross.output.LayerNorm(cross.output.dense(cross.self.value(patches[thing])))).float()
            said.append(F.cross_entropy(logits, wanted))
            right.append(named.gather(1, logits.argmax(-1, keepdim=True)).gt(0).float().mean())
        for cross in layers[: len(layers) // 2]:
            heads = cross.self.num_attention_heads
            scores = cross.self.query(words) @ cross.self.key(patches.flatten(0, 1)).T
            scores = (scores.float() / heads / cross.self.attention_head_size**0.5).masked_fill(
                names.flatten() == IGNORE, -1e4
            )
            found.append(F.cross_entropy(scores, fits / fits.sum(1, keepdim=True)))
        centre = F.binary_cross_entropy_with_logits(
            self.heads.centre(patches).float().squeeze(-1), centres, pos_weight=centres.new_tensor(5.0)
        )
        box = (self.heads.box(patches).float() - boxes).abs()[thing].mean()
        mean = {"said": said, "found": found, "patches": right}
        return {name: sum(values) / len(values) for name, values in mean.items()} | {"box": box, "centre": centre}

    def speak(
        self,
        seen: torch.Tensor,
        input_ids: torch.Tensor,
        position_ids: torch.Tensor,
        weights: torch.Tensor,
        talks: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """LM: weighted next-token loss on captions and answers; "words" is the share predicted rightly."""
        same = talks[:, :, None] == talks[:, None, :]
        causal = torch.ones(same.shape[1:], dtype=torch.bool, device=same.device).tril()
        hidden = decode(self.blip, input_ids, position_ids, (same & causal)[:, None], seen)
        wanted = weights[:, 1:] > 0
        logits = self.blip.text_decoder.cls(hidden[:, :-1][wanted]).float()
        target, weight = input_ids[:, 1:][wanted], weights[:, 1:][wanted]
        answer = (F.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum()
        return {"answer": answer, "words": (logits.argmax(-1) == target).float().mean()}

    def encode(self, ids: torch.Tensor, mask: torch.Tensor, seen: torch.Tensor | None) -> torch.Tensor:
        """The first token of each caption when it may look both ways: (captions, hidden)."""
        positions = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        return decode(self.blip, ids, positions, mask[:, None, None], seen)[:, 0]

    def match(self, seen: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """ITC over the batch; ITM on true pairs and on the wrong ones that ITC finds most alike."""
        image = F.normalize(self.heads.image(seen[:, 0]).float(), dim=-1)
        text = F.normalize(self.heads.text(self.encode(ids, mask, None)).float(), dim=-1)
        scores = self.heads.log_scale.exp().clamp(max=100) * image @ text.T
        own = torch.arange(len(scores), device=scores.device)
        contrast = (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2
        asked = own[: max(1, int(MATCHED * len(own)))]
        with torch.no_grad():
            # two pictures with the same caption both match it
            alike = (ids[:, None] == ids[None]).all(-1)
            others = scores.masked_fill(alike, -1e4)
            text_for, image_for = (torch.multinomial(near[asked].softmax(-1), 1)[:, 0] for near in (others, others.T))
        pictures, captions = torch.cat([asked, asked, image_for]), torch.cat([asked, text_for, asked])
        verdict = self.heads.match(self.encode(ids[captions], mask[captions], seen[pictures])).float()
        truth = (torch.arange(len(pictures), device=ids.device) < len(asked)).long()
        return {"contrast": contrast, "match": F.cross_entropy(verdict, truth)}


def batch_maker(curriculum: tuple[tuple[float, int], ...] = CURRICULUM) -> MakeBatch:
    """``make_batch`` for ``loop.train``; twice as many scenes while there is nothing to say about them."""
    packer = RowPacker(blip_tokenizer())

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        share = share_at(fraction)
        if fraction < ALIGN_SHARE:
            scenes = [training_scene(rng, None, share) for _ in range(2 * size)]
            pixels = training_pixels(scenes, rng, share)
            return patch_truth(scenes) | {"pixels": pixels, "tower": torch.tensor(True)}
        most = next(things for until, things in curriculum if fraction < until)
        scenes = [training_scene(rng, int(rng.integers(1, most + 1)), share) for _ in range(size)]
        packed = packer.pack(scenes, [talks_about(scene, rng) for scene in scenes], rng)
        learns = {"tower": torch.tensor(not TOWER_RESTS[0] <= fraction < TOWER_RESTS[1])}
        pixels = training_pixels(scenes, rng, share)
        return patch_truth(scenes) | {"pixels": pixels} | learns | packed | packer.captions(scenes)

    return make_batch


def learn(run: Run, blip: BlipForConditionalGeneration, clip: CLIPModel) -> list[float]:
    """Train all of ``blip``, in place, its tower slowly; the loss of every step."""
    set_learning(blip, "blip")
    objective = BlipObjective(blip, clip)
    tower = torch.optim.AdamW(blip.vision_model.parameters(), lr=TOWER_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    for group in tower.param_groups:
        group["peak"] = TOWER_RATE
    others = make_optimizers(
        [blip.text_decoder, objective.heads], matrix_rate=run.rate * 2.5e-3, other_rate=run.rate * 1.5e-3
    )
    return train(run, objective, batch_maker(), optimizers=[tower, *others])


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, train, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/blip", minutes=75, batch=16)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--clip", type=Path, default=Path("assets/moji/moji-clip"))
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-blip"))
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce("blip")
    torch.manual_seed(arguments.seed)
    clip = CLIPModel.from_pretrained(arguments.clip, dtype=torch.float32)
    blip = make_blip(clip, arguments.size)
    learn(run, blip, clip)
    save_checkpoint(blip, make_processor(), arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
