"""Captions that add up: the model learns from its own answers, each scored exactly against the truth.

Next-token loss asks for one wording; whoever names five things of six is told only that some words were unlikely. Here
the model writes several answers to a question about a scene, and the truth decides what each is worth: a verifiable
reward, no reward model. Three ways to learn from that, and one without samples to compare with:

- ``rejection``: rejection sampling (RAFT, Dong et al. 2023): more of those of its answers that are wholly right;
- ``dpo``: direct preference (Rafailov et al. 2023) between its best and its worst answer, see ``preference``;
- ``grpo``: group relative policy optimisation (Shao et al. 2024): each answer more or less likely by how far its reward
  lies above or below the mean of the same question's answers;
- ``truth``: plain next-token loss on the true answers.

Answers are drawn from the weights as they are in that very step. So the ratio that GRPO clips is always one, and is
left out. Whatever the way, the true answer is learnt along with a small weight (``anchor``), which holds the wording.

Run: ``python -m playground.training.reward --way grpo --minutes 5``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import LlavaForConditionalGeneration, LlavaProcessor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from playground.models.chat import ChatModel
from playground.moji.asking import LOOSE, USUAL, Asker
from playground.moji.phrasing import SHORT_PROMPT
from playground.moji.questions import ask as draw
from playground.moji.scenes import Scene
from playground.moji.words import Exchange, sentence, short_caption
from playground.training.alignment import project
from playground.training.answers import answer_log_probabilities
from playground.training.checkpoint import save_checkpoint
from playground.training.loop import MakeBatch, Run, add_run_arguments, conclude, run_from, train
from playground.training.measures_answers import LONGEST, ask, measure_captions, questions_about, score_answers
from playground.training.measures_worlds import as_drawn, fresh_scenes
from playground.training.packing import Packer
from playground.training.scene_tensors import training_pixels, training_scene
from playground.training.scoring import normalised, parse_caption
from playground.training.stages import announce, set_learning
from playground.training.vlm import IMAGE_TOKENS

WAYS = ("rejection", "dpo", "grpo", "truth")
SAMPLES = 6  # answers to every question
QUESTIONS = ("caption", "count", "total", "list kind", "count kind", "at")  # those whose answers have to add up
ASKED = 3  # questions about each scene: the caption, and others of these
BETA, ANCHOR = 0.1, 0.2


def reward(kind: str, said: str, truth: str) -> float:
    """0–1: what an answer is worth. A caption gets half for the share of things that it has in common with the truth
    (F1 of things, each as often as it stands there), and half for being wholly right; other answers all or nothing."""
    if kind != "caption":
        return float(normalised(said) == normalised(truth))
    told, there = parse_caption(said), parse_caption(truth)
    common = (told & there).total()
    f1 = 2 * common / max(1, told.total() + there.total())
    return 0.5 * f1 + 0.5 * (told == there)


def advantages(rewards: torch.Tensor) -> torch.Tensor:
    """How far each answer's reward lies above its question's mean, in standard deviations: (questions, samples).

    0 throughout where all answers of a question are worth the same: there is nothing to choose.
    """
    spread = rewards.std(1, keepdim=True, unbiased=False)
    return (rewards - rewards.mean(1, keepdim=True)) / spread.clamp(min=1e-3) * (spread > 1e-3)


class RewardObjective(nn.Module):
    """Draws answers, scores them, and tells the loss of one of WAYS. A batch is as ``batch_maker`` makes it."""

    def __init__(
        self,
        vlm: LlavaForConditionalGeneration,
        processor: LlavaProcessor,
        way: str,
        samples: int = SAMPLES,
        beta: float = BETA,
        anchor: float = ANCHOR,
    ) -> None:
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"There is no way {way!r} to learn from rewards. Choose one of: {', '.join(WAYS)}.")
        self.vlm, self.way, self.samples, self.beta, self.anchor = vlm, way, samples, beta, anchor
        self.reference = deepcopy(vlm).requires_grad_(False) if way == "dpo" else None
        self.tokenizer, self.packer = processor.tokenizer, Packer(processor.tokenizer)

    def forward(
        self, pixels: torch.Tensor, questions: torch.Tensor, truths: torch.Tensor, kinds: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Losses by name; "reward" is the mean of the drawn answers, "whole" the share of those that earn all of it.

        pixels (scenes, 3, side, side); questions and truths (scenes, ASKED, tokens), padded; kinds (scenes, ASKED) are
        places in QUESTIONS.
        """
        asked, right = self._texts(questions), self._texts(truths)
        names = [QUESTIONS[index] for index in kinds.flatten().tolist()]
        true = [Exchange(*each) for each in zip(names, asked, right, strict=True)]
        if self.way == "truth":
            own, length = self._log_probabilities(self.vlm, pixels, [[each] for each in true])
            words = -(own / length).mean()
            return {"loss": words, "words": words}
        drawn = self.drawn(pixels, asked)
        rewards = torch.tensor(
            [[reward(each.type, said, each.answer) for said in own] for each, own in zip(true, drawn, strict=True)],
            device=pixels.device,
        )
        answers = [
            [Exchange(each.type, each.question, said) for said in own] for each, own in zip(true, drawn, strict=True)
        ]
        together = [[each, *own] for each, own in zip(true, answers, strict=True)]  # the true one first
        own, length = self._log_probabilities(self.vlm, pixels, together)
        words = -(own / length)[:, 0].mean()
        loss = self._loss(own, length, rewards, pixels, together)
        return {
            "loss": loss + self.anchor * words,
            "learnt": loss,
            "words": words,
            "reward": rewards.mean(),
            "whole": (rewards > 0.999).float().mean(),
        }

    def _loss(
        self,
        own: torch.Tensor,
        length: torch.Tensor,
        rewards: torch.Tensor,
        pixels: torch.Tensor,
        together: list[list[Exchange]],
    ) -> torch.Tensor:
        """The loss over drawn answers; ``own`` and ``length`` (questions, 1 + samples) begin with the true one."""
        each = (own / length)[:, 1:]
        if self.way == "grpo":
            return -(advantages(rewards) * each).mean()
        if self.way == "rejection":
            kept = (rewards > 0.999).float()
            return -(kept * each).sum() / kept.sum().clamp(min=1)
        with torch.no_grad():
            start, _ = self._log_probabilities(self.reference or self.vlm, pixels, together)
        gain = self.beta * (own - start)[:, 1:]
        best, worst = rewards.argmax(1, keepdim=True), rewards.argmin(1, keepdim=True)
        differ = (rewards.gather(1, best) > rewards.gather(1, worst)).float()
        margin = gain.gather(1, best) - gain.gather(1, worst)
        return -(differ * F.logsigmoid(margin)).sum() / differ.sum().clamp(min=1)

    @torch.no_grad()
    def drawn(self, pixels: torch.Tensor, asked: Sequence[str]) -> list[list[str]]:
        """``samples`` answers to every question, by the model's own probabilities; questions scene after scene."""
        packer, each = self.packer, len(asked) // len(pixels)
        prompts = [
            [packer.start, packer.user, *[packer.image] * IMAGE_TOKENS, *packer.ids(text), packer.assistant]
            for text in asked
        ]
        longest = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (longest - len(row)) + row for row in prompts], device=pixels.device)
        ids = ids.repeat_interleave(self.samples, 0)
        features = torch.stack(project(self.vlm, pixels)).repeat_interleave(each * self.samples, 0)  # each seen once
        written = self.vlm.generate(
            input_ids=ids,
            attention_mask=(ids != pad).long(),
            mm_encoder_outputs={"image": BaseModelOutputWithPooling(pooler_output=list(features))},
            do_sample=True,
            top_k=0,
            max_new_tokens=LONGEST,
        )
        texts = self.tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True)
        return [[text.strip() for text in texts[i : i + self.samples]] for i in range(0, len(texts), self.samples)]

    def _texts(self, ids: torch.Tensor) -> list[str]:
        return self.tokenizer.batch_decode(ids.flatten(0, 1), skip_special_tokens=True)

    def _log_probabilities(
        self, vlm: LlavaForConditionalGeneration, pixels: torch.Tensor, exchanges: list[list[Exchange]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """log p of every whole answer and its length in tokens, (questions, answers); packed behind their pictures."""
        each = len(exchanges) // len(pixels)
        rows = [exchanges[i : i + each] for i in range(0, len(exchanges), each)]
        packed = self.packer.pack([[(answer,) for own in row for answer in own] for row in rows])
        packed = {name: value.to(pixels.device) for name, value in packed.items()}
        whole, length = answer_log_probabilities(vlm, packed | {"pixels": pixels})
        return whole.view(len(exchanges), -1), length.view(len(exchanges), -1)


def _padded(rows: list[list[list[int]]], pad: int) -> torch.Tensor:
    longest = max(len(ids) for row in rows for ids in row)
    return torch.tensor([[ids + [pad] * (longest - len(ids)) for ids in row] for row in rows])


def questions_for(scene: Scene, rng: np.random.Generator) -> list[Exchange]:
    """The app's question for a caption, and ASKED - 1 others of QUESTIONS."""
    asker = Asker(scene, rng, USUAL)
    exchanges = [Exchange("caption", SHORT_PROMPT, sentence(short_caption(scene)))]
    while len(exchanges) < ASKED:
        if exchange := draw(QUESTIONS[1 + int(rng.integers(len(QUESTIONS) - 1))], asker):
            exchanges.append(exchange)
    return exchanges


def batch_maker(processor: LlavaProcessor) -> MakeBatch:
    """``make_batch`` for ``loop.train``: scenes as training shows them, with questions and their true answers."""
    packer, pad = Packer(processor.tokenizer), processor.tokenizer.pad_token_id

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        scenes = [training_scene(rng) for _ in range(size)]
        exchanges = [questions_for(scene, rng) for scene in scenes]
        return {
            "pixels": training_pixels(scenes, rng),
            "questions": _padded([[packer.ids(each.question) for each in own] for own in exchanges], pad),
            "truths": _padded([[packer.ids(each.answer) for each in own] for own in exchanges], pad),
            "kinds": torch.tensor([[QUESTIONS.index(each.type) for each in own] for own in exchanges]),
        }

    return make_batch


def learn(
    run: Run,
    vlm: LlavaForConditionalGeneration,
    processor: LlavaProcessor,
    way: str,
    samples: int = SAMPLES,
    anchor: float = ANCHOR,
) -> list[float]:
    """Train what this stage trains of ``vlm``, in place, in one of WAYS; the loss of every step."""
    objective = RewardObjective(vlm, processor, way, samples, anchor=anchor)
    set_learning(vlm, "reward")
    return train(run, objective, batch_maker(processor), matrix_rate=4e-4, other_rate=2e-4)


def measure(vlm: LlavaForConditionalGeneration, processor: LlavaProcessor, count: int, seed: int = 0) -> dict:
    """Shares on ``count`` fresh scenes: captions wholly right, their F1, and right answers to the other QUESTIONS."""
    chat, shown = ChatModel("moji-vlm", None, vlm, processor), as_drawn(fresh_scenes(count, seed))
    captions = measure_captions(chat, shown, seed)
    asked = questions_about(shown, seed, LOOSE, kinds=QUESTIONS[1:])
    asked = [item for item in asked if len(item.talk) == 1]
    rows = score_answers(asked, ask(chat, asked))
    told = {"caption wholly right": captions["exact"], "caption F1": captions["f1"]}
    return told | {kind: rows[kind]["right"] for kind in (*QUESTIONS[1:], "all") if kind in rows}


def main() -> None:
    """Parse the options, measure, train, measure again, and save the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/reward", minutes=5, batch=8)
    parser.add_argument("--way", choices=WAYS, default="grpo")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="answers to every question")
    parser.add_argument("--anchor", type=float, default=ANCHOR, help="weight of the true answers' own loss")
    parser.add_argument("--start", type=Path, default=Path("assets/moji/moji-vlm"), help="an instructed checkpoint")
    parser.add_argument("--output", type=Path, default=Path("runs/moji-vlm-rewarded"))
    parser.add_argument("--scenes", type=int, default=200, help="fresh scenes to measure on, before and after")
    arguments = parser.parse_args()
    run = run_from(arguments)
    announce("reward")
    vlm = LlavaForConditionalGeneration.from_pretrained(arguments.start, dtype=torch.float32)
    processor = LlavaProcessor.from_pretrained(arguments.start)
    before = measure(vlm, processor, arguments.scenes)
    learn(run, vlm, processor, arguments.way, arguments.samples, arguments.anchor)
    after = measure(vlm, processor, arguments.scenes)
    for name in before:
        print(f"{name:22} {before[name]:6.1%} → {after[name]:6.1%}")
    save_checkpoint(vlm, processor, arguments.output)
    conclude(run)


if __name__ == "__main__":
    main()
