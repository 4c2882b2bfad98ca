"""LoRA: ``moji-vlm`` learns one thing that it could not do, to answer in JSON, and no weight of it is touched.

"list everything as json." is to be answered by ``["2 dogs", "1 red circle"]``. All weights stay as they are; beside
every matrix of the language model a product of two thin ones learns (Hu et al. 2021, with ``peft``), and so do the
vectors of the few tokens that the model has never had to write: brackets, quotation marks, digits. What comes out is
an adapter of some hundred kilobytes that ``load`` puts on its base, or, with ``--merge``, a whole checkpoint.
Ordinary talks are rehearsed along, so that the old skills stay while the adapter is on.

Why no ``{"dog": 2}``: the tokenizer knows whole words only behind a space. A noun right behind a quotation mark would
have to be spelt, and spelling two hundred nouns is a skill for hours.

Run: ``python -m playground.training.lora --minutes 5``
"""

from __future__ import annotations

import argparse
import json
import os
import string
from collections import Counter
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerFast

from playground.checkpoints.fingerprint import fingerprint
from playground.models.chat import ChatModel
from playground.moji.asking import LOOSE
from playground.moji.scenes import Scene
from playground.moji.words import Exchange, counts, plural_name
from playground.training.answers import answer_logits
from playground.training.augment import share_at
from playground.training.checkpoint import save_checkpoint, written_once
from playground.training.loop import MakeBatch, Run, add_run_arguments, conclude, run_from, train
from playground.training.measures_answers import Asked, ask, questions_about, score_answers
from playground.training.measures_worlds import as_drawn, fresh_scenes
from playground.training.packing import Packer, talks_about
from playground.training.scene_tensors import training_pixels, training_scene
from playground.training.scoring import NAME_OF
from playground.training.stages import announce, set_learning

JSON_PROMPT = "list everything as json."
_JSON_PROMPTS = (JSON_PROMPT, "json please.", "answer in json: what do you see?", "count everything, as json.")
REHEARSED = 2  # ordinary talks beside the JSON of each picture
SHARES = {"valid": "valid JSON", "right": "JSON wholly right", "ordinary": "ordinary questions right"}
FIGURES = "figures.json"  # beside the adapter: the shares before and after
_MATRICES = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj"


def json_answer(scene: Scene) -> str:
    """How many of each, from left to right: '["2 dogs", "1 red circle"]'."""
    told = counts(scene).items()
    return json.dumps([f"{number} {name if number == 1 else plural_name(name)}" for name, number in told])


def read_json(answer: str) -> Counter[str] | None:
    """What an answer in JSON claims, {"dog": 2, "red circle": 1}; None where it is no list of numbers and names."""
    claimed: Counter[str] = Counter()
    try:
        for phrase in json.loads(answer):
            number, name = phrase.split(" ", 1)
            claimed[NAME_OF.get(name, name)] += int(number)
    except (ValueError, AttributeError, TypeError):
        return None
    return claimed


def new_tokens(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Ids of the tokens that JSON needs and ordinary answers do not: their vectors have to learn, too."""
    return sorted(tokenizer.convert_tokens_to_ids(["▁", "[", "]", '"', *string.digits]))


def add_adapter(vlm: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, rank: int) -> None:
    """Put LoRA matrices of this rank beside every matrix of the language model, and vectors for ``new_tokens``.

    By peft itself: what transformers does with it, it does with some versions of peft only.
    """
    rows = {"embed_tokens": new_tokens(tokenizer)}
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=_MATRICES, trainable_token_indices=rows)
    inject_adapter_in_model(config, vlm)


class AnswerObjective(nn.Module):
    """Weighted next-token loss on the answers."""

    def __init__(self, vlm: LlavaForConditionalGeneration) -> None:
        super().__init__()
        self.vlm = vlm

    def forward(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Losses by name; "words" is the share of answer tokens that would be predicted rightly."""
        logits, target = answer_logits(self.vlm, **batch)
        weight = batch["weights"][:, 1:]
        weight = weight[weight > 0]
        loss = (F.cross_entropy(logits, target, reduction="none") * weight).sum() / weight.sum()
        return {"loss": loss, "words": (logits.argmax(-1) == target).float().mean()}


def batch_maker(tokenizer: PreTrainedTokenizerFast) -> MakeBatch:
    """``make_batch`` for ``loop.train``: behind each picture its JSON and a few ordinary talks."""
    packer = Packer(tokenizer)

    def make_batch(rng: np.random.Generator, size: int, fraction: float) -> dict[str, torch.Tensor]:
        share = share_at(fraction)
        scenes = [training_scene(rng, None, share) for _ in range(size)]
        talks = []
        for scene in scenes:
            prompt = _JSON_PROMPTS[int(rng.integers(len(_JSON_PROMPTS)))]
            old = talks_about(scene, rng)
            rehearsed = [old[i] for i in rng.permutation(len(old))[:REHEARSED]]
            talks.append([(Exchange("json", prompt, json_answer(scene)),), *rehearsed])
        return packer.pack(talks) | {"pixels": training_pixels(scenes, rng, share)}

    return make_batch


def adapt(run: Run, vlm: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, rank: int) -> list[float]:
    """Add an adapter to ``vlm`` and train it, in place; the loss of every step."""
    torch.manual_seed(run.seed)  # the thin matrices start at random
    add_adapter(vlm, tokenizer, rank)
    set_learning(vlm, "lora")
    return train(run, AnswerObjective(vlm), batch_maker(tokenizer), matrix_rate=4e-3, other_rate=4e-3)


def measure(vlm: LlavaForConditionalGeneration, processor: LlavaProcessor, count: int, seed: int = 0) -> dict:
    """Shares on ``count`` fresh scenes: "valid" JSON, "right" JSON; and "ordinary" questions about a third of them."""
    chat, scenes = ChatModel("moji-vlm", None, vlm, processor), fresh_scenes(count, seed)
    replies = ask(chat, [Asked(scene.image, (Exchange("json", JSON_PROMPT, ""),)) for scene in scenes])
    ordinary = questions_about(as_drawn(scenes[: max(1, count // 3)]), seed, LOOSE)
    claimed = [read_json(reply.text) for reply in replies]
    return {
        "scenes": count,
        "seed": seed,
        "valid": float(np.mean([claim is not None for claim in claimed])),
        "right": float(np.mean([claim == counts(scene) for claim, scene in zip(claimed, scenes, strict=True)])),
        "ordinary": score_answers(ordinary, ask(chat, ordinary))["all"]["right"],
    }


@written_once
def save_adapter(vlm: LlavaForConditionalGeneration, base: Path, folder: Path) -> None:
    """Write the adapter alone in bf16, in peft's format: safetensors, and adapter_config.json that says where ``base``
    lies, seen from ``folder``."""
    rounded = deepcopy(vlm).to(torch.bfloat16)
    config = rounded.peft_config["default"]
    config.base_model_name_or_path, config.inference_mode = Path(os.path.relpath(base, folder)).as_posix(), True
    config.save_pretrained(folder)
    learnt = get_peft_model_state_dict(rounded, save_embedding_layers=False)
    weights = {f"base_model.model.{name}": tensor.contiguous() for name, tensor in learnt.items()}
    # Word vectors are tied to the output head, and those of new tokens are looked for under both names.
    rows = weights["base_model.model.model.language_model.embed_tokens.token_adapter.trainable_tokens_delta"]
    weights["base_model.model.lm_head.token_adapter.trainable_tokens_delta.default"] = rows.clone()
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def merge(base: Path, adapter: Path, folder: Path) -> None:
    """Add the adapter's products to the matrices of its base, and save a plain checkpoint that needs no ``peft``."""
    vlm = LlavaForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
    save_checkpoint(
        PeftModel.from_pretrained(vlm, adapter).merge_and_unload(), LlavaProcessor.from_pretrained(base), folder
    )


@written_once
def save_figures(before: dict, after: dict, base: Path, folder: Path) -> None:
    """Print the shares that ``measure`` found before and after, and write them beside the adapter, with the
    fingerprint of the adapter and its base: another base, other figures."""
    for name, what in SHARES.items():
        print(f"{what:28} {before[name]:4.0%} → {after[name]:4.0%}")
    told = {"weights": fingerprint(folder, base), "before": before, "after": after}
    (folder / FIGURES).write_text(json.dumps(told, indent=1) + "\n")


def main() -> None:
    """Parse the options, measure, train, measure again, and save the adapter."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_run_arguments(parser, folder="runs/lora", minutes=5, batch=8)
    parser.add_argument("--rank", type=int, default=16, help="width of the thin matrices")
    parser.add_argument("--start", type=Path, default=Path("assets/moji/moji-vlm"), help="the base; stays as it is")
    parser.add_argument("--output", type=Path, default=Path("assets/moji/moji-vlm-json"))
    parser.add_argument("--merge", type=Path, help="also write base and adapter as one plain checkpoint here")
    parser.add_argument("--scenes", type=int, default=100, help="fresh scenes to measure on, before and after")
    arguments = parser.parse_args()
    run = run_from(arguments)
    announce("lora")
    vlm = LlavaForConditionalGeneration.from_pretrained(arguments.start, dtype=torch.float32)
    processor = LlavaProcessor.from_pretrained(arguments.start)
    before = measure(vlm, processor, arguments.scenes)
    adapt(run, vlm, processor.tokenizer, arguments.rank)
    after = measure(vlm, processor, arguments.scenes)
    save_adapter(vlm, arguments.start, arguments.output)
    save_figures(before, after, arguments.start, arguments.output)
    if arguments.merge:
        merge(arguments.start, arguments.output, arguments.merge)
    conclude(run)


if __name__ == "__main__":
    main()
