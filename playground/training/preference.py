"""Preference tuning: true answers become likelier than hallucinated ones.

Direct preference optimisation (DPO, Rafailov et al. 2023): no reward model and no reinforcement learning, only pairs
of a chosen and a rejected answer to the same question, and the frozen start to measure against. Here the truth is
known, so the pairs need no people: chosen is what is true; rejected is the model's own caption where it errs, else
the truth with something put in that is not there, a "yes" to an absent thing, or a wrong number.

``trl`` has a DPO trainer, but it wants each pair as two sequences of its own; the pairs here stand packed behind one
picture, which is most of the tokens, and the loss itself is four lines.

Run: ``python -m playground.training.preference --minutes 5``
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlavaForConditionalGeneration, LlavaProcessor

from playground.models.chat import ChatModel
from playground.moji.asking import Asker
from playground.moji.questions import ask as draw
from playground.moji.questions import presence
from playground.moji.scenes import Scene
from playground.moji.words import SHORT_PROMPT, Exchange, counted, counts, join_phrases, sentence, short_caption
from playground.moji.world import NUMBERS
from playground.training.answers import answer_log_probabilities
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import MakeBatch, Run, add_run_arguments, conclude, run_from, train
from playground.training.measures_answers import LONGEST, Asked, ask
from playground.training.measures_worlds import as_drawn, fresh_scenes
from playground.training.measures_yes_no import measure_yes_no
from playground.training.packing import Packer
from playground.training.scene_tensors import pixel_values, training_scene
from playground.training.scoring import parse_caption
from playground.training.stages import announce, set_learning

BETA = 0.1  # how dear it is to leave the start
ANCHOR = 1.0  # weight of the chosen answers' own loss
_TRUTHS = ((True, "Yes."), (False, "No."))
Pair = tuple[Exchange, Exchange]
"""The same question, answered truly and wrongly."""


def spoilt_caption(asker: Asker) -> str:
    """The short caption with one thing that is not there: beside the true ones, or in the place of one of them."""
    told = Counter(asker.counts)
    phrases = [counted(name, number) for name, number in told.items()]
    place, invented = int(asker.rng.integers(len(phrases))), counted(asker.absent_name(), 1)
    phrases[place : place + int(asker.rng.random() < 0.5)] = [invented]
    return sentence(join_phrases(phrases))


def pairs_about(scene: Scene, rng: np.random.Generator, own_caption: str) -> list[Pair]:
    """A caption, two yes/no questions and a count, each with its rejected answer.

    ``own_caption`` is the model's: it is rejected where it is wrong.
    """
    asker = Asker(scene, rng)
    errs = parse_caption(own_caption) != counts(scene)
    caption = Exchange("caption", SHORT_PROMPT, sentence(short_caption(scene)))
    there, absent = (Exchange("exists", presence.exists(asker, there)[0], said) for there, said in _TRUTHS)
    count = draw("count", asker)
    wrong = [sentence(number) for number in ("none", *NUMBERS[1:7]) if sentence(number) != count.answer]
    rejected = (own_caption if errs else spoilt_caption(asker), "No.", "Yes.", asker.pick(wrong))
    chosen = (caption, there, absent, count)
    return [(good, Exchange(good.type, good.question, bad)) for good, bad in zip(chosen, rejected, strict=True)]


class PreferenceObjective(nn.Module):
    """The DPO loss over answers that stand in pairs, chosen before rejected, plus the next-token loss of the chosen.

    DPO alone only wants a margin, and gets it by making both answers of a pair less likely, the rejected one more: its
    words are mostly true. The second part holds the chosen answers where they were (Pang et al. 2024).
    """

    def __init__(self, vlm: LlavaForConditionalGeneration, beta: float = BETA, anchor: float = ANCHOR) -> None:
        super().__init__()
        self.vlm, self.reference = vlm, deepcopy(vlm).requires_grad_(False)
        self.beta, self.anchor = beta, anchor

    def answer_log_probabilities(
        self, vlm: LlavaForConditionalGeneration, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """log p of every whole answer, and its length in tokens; both (pairs, 2)."""
        whole, length = answer_log_probabilities(vlm, batch)
        return whole.view(-1, 2), length.view(-1, 2)

    def forward(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Losses by name; "margin" is how much the reward of chosen answers exceeds that of rejected ones, "better"
        the share of pairs where it does, "chosen" the reward of chosen answers, "words" their loss a token."""
        with torch.no_grad():
            start, _ = self.answer_log_probabilities(self.reference, batch)
        now, length = self.answer_log_probabilities(self.vlm, batch)
        reward = self.beta * (now - start)
        margin = reward[:, 0] - reward[:, 1]
        words = -(now / length)[:, 0].mean()
        return {
            "loss": -F.logsigmoid(margin).mean() + self.anchor * words,
            "margin": margin.mean(),
            "better": (margin > 0).float().mean(),
            "chosen": reward[:, 0].mean(),
            "words": words,
        }


@torch.no_grad()
def own_captions(
    vlm: LlavaForConditionalGeneration, processor: LlavaProcessor, scenes: Sequence[Scene], seed: int
) -> list[str]:
    """A short caption of each scene, drawn from the model's own probabilities; the same seed, the same captions."""
    prompt = {"type": "text", "text": SHORT_PROMPT}
    inputs = processor.apply_chat_template(
        [[{"role": "user", "content": [{"type": "image", "image": scene.image}, prompt]}] for scene in scenes],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    ).to(vlm.device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        written = vlm.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=LONGEST)
    return processor.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def batch_maker(reference: LlavaForConditionalGeneration, processor: LlavaProcessor) -> MakeBatch:
    """``make_batch`` for ``loop.train``: pairs about fresh scenes, with captions drawn from the ``reference``."""
    packer = Packer(processor.tokenizer)

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        scenes = [training_scene(rng) for _ in range(size)]
        captions = own_captions(reference, processor, scenes, int(rng.integers(2**31)))
        pairs = [pairs_about(scene, rng, own) for scene, own in zip(scenes, captions, strict=True)]
        talks = [[(exchange,) for pair in own for exchange in pair] for own in pairs]
        return packer.pack(talks) | {"pixels": pixel_values(scenes)}

    return make_batch


def prefer(
    run: Run, vlm: LlavaForConditionalGeneration, processor: LlavaProcessor, beta: float = BETA, anchor: float = ANCHOR
) -> list[float]:
    """Train what this stage trains of ``vlm``, in place; the loss of every step."""
    objective = PreferenceObjective(vlm, beta, anchor)
    set_learning(vlm, "preference")
    batches = batch_maker(objective.reference, processor)
    # the scenes' captions come from the model itself, so that no worker beside it can draw them
    return train(replace(run, workers=0), objective, batches, matrix_rate=2e-4, other_rate=1e-4)


def chair(captions: Sequence[str], truths: Sequence[Counter[str]]) -> dict[str, float]:
    """CHAIR (Rohrbach et al. 2018). "chair_i": of all things that captions name, the share that is not there;
    "chair_s": captions that name such a thing. Beside them "named": of all things that are there, those that captions
    name, since whoever says little invents little; and "exact": captions wholly right."""
    told = [parse_caption(caption) for caption in captions]
    invented = [len(said.keys() - truth.keys()) for said, truth in zip(told, truths, strict=True)]
    found = sum(len(said.keys() & truth.keys()) for said, truth in zip(told, truths, strict=True))
    return {
        "chair_i": sum(invented) / max(1, sum(map(len, told))),
        "chair_s": sum(number > 0 for number in invented) / len(invented),
        "named": found / sum(map(len, truths)),
        "exact": sum(said == truth for said, truth in zip(told, truths, strict=True)) / len(told),
    }


def measure(vlm: LlavaForConditionalGeneration, processor: LlavaProcessor, count: int, seed: int = 0) -> dict:
    """``chair`` on ``count`` fresh scenes, and yes/no questions as in POPE with nouns that are likely but absent:
    "yes_no" is the share of right answers, "yes" how many answers say so (half of the right ones do)."""
    chat, scenes = ChatModel("moji-vlm", None, vlm, processor), fresh_scenes(count, seed)
    shown = as_drawn(scenes)
    captions = ask(chat, [Asked(each.image, (Exchange("caption", SHORT_PROMPT, ""),)) for each in shown])
    score = measure_yes_no(chat, shown, seed)["adversarial"]
    told = chair([reply.text for reply in captions], [counts(scene) for scene in scenes])
    return told | {"yes_no": score.accuracy, "yes": score.yes}


def main(given: Sequence[str] | None = None) -> None:
    """Parse the options, measure, train, measure again, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/preference", minutes=5, batch=8)
    parser.add_argument("--beta", type=float, default=BETA, help="how dear it is to leave the start")
    parser.add_argument("--anchor", type=float, default=ANCHOR, help="weight of the chosen answers' own loss")
    parser.add_argument("--start", type=Path, default=Path("assets/moji/moji-vlm"), help="an instructed checkpoint")
    parser.add_argument("--output", type=Path, default=Path("runs/moji-vlm-preferred"))
    parser.add_argument("--scenes", type=int, default=200, help="fresh scenes to measure on, before and after")
    arguments = parser.parse_args(given)
    run = run_from(arguments)
    announce("preference")
    vlm = LlavaForConditionalGeneration.from_pretrained(arguments.start, dtype=torch.float32)
    processor = LlavaProcessor.from_pretrained(arguments.start)
    before = measure(vlm, processor, arguments.scenes)
    prefer(run, vlm, processor, arguments.beta, arguments.anchor)
    after = measure(vlm, processor, arguments.scenes)
    for name in before:
        print(f"{name:10} {before[name]:6.1%} → {after[name]:6.1%}")
    save_checkpoint(vlm, processor, arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
