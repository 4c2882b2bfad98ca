"""Measure the shipped Moji models on fresh scenes: ``python -m playground.training.evaluate``.

The scenes come from seeds that no training step can draw. Beside each share of right answers stands what always
giving the most frequent answer would reach.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from .. import load
from ..models.chat import ChatModel, Message
from ..models.embedding import EmbeddingModel
from ..models.segmentation import SegmentationModel
from ..moji.scenes import Scene, make_scene
from ..moji.words import (
    DETAILED_PROMPT,
    QUESTION_TYPES,
    SHORT_PROMPT,
    Asker,
    Exchange,
    counts,
    detailed_caption,
    follow_up,
)
from .scene_tensors import GROUND, NAMES
from .scoring import constant_answer_share, mask_iou, normalised, score_captions
from .segmentation import ask_phrases

EVALUATION = 20_000_003  # first word of every evaluation seed; training seeds begin with the run's own small number
BATCH = 32


def fresh_scenes(count: int, seed: int, most: int = 6, least: int = 1) -> list[Scene]:
    """``count`` scenes of ``least`` to ``most`` things that training has not seen."""
    rngs = (np.random.default_rng((EVALUATION, seed, least, most, index)) for index in range(count))
    return [make_scene(rng, int(rng.integers(least, most + 1))) for rng in rngs]


def exchanges_about(scene: Scene, seed: int) -> list[tuple[Exchange, ...]]:
    """One talk of every question type that fits the scene; the last exchange of each is the one to answer."""
    rng = np.random.default_rng((EVALUATION, seed, 7))
    asker = Asker(scene, rng)
    asked = [getattr(asker, kind)() for kind in QUESTION_TYPES]
    return [(exchange,) for exchange in asked if exchange] + ([talk] if (talk := follow_up(scene, rng)) else [])


def _messages(image: Image.Image, talk: tuple[Exchange, ...]) -> list[dict]:
    """The talk up to the last question, in the form of the chat template."""
    messages = []
    for exchange in talk:
        content = [{"type": "text", "text": exchange.question}]
        messages.append({"role": "user", "content": content})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": exchange.answer}]})
    messages[0]["content"].insert(0, {"type": "image", "image": image})
    return messages[:-1]


def generate_answers(chat: ChatModel, asked: list[tuple[Image.Image, tuple[Exchange, ...]]]) -> list[str]:
    """Greedy answers of a chat model to the last question of each talk, in batches."""
    model, processor = chat.model, chat.processor
    order = sorted(range(len(asked)), key=lambda i: sum(len(exchange.question) for exchange in asked[i][1]))
    answers = [""] * len(asked)
    for start in tqdm(range(0, len(order), BATCH), desc="asking", leave=False):
        rows = order[start : start + BATCH]
        inputs = processor.apply_chat_template(
            [_messages(*asked[row]) for row in rows],
            add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        ).to(model.device)  # fmt: skip
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=96, do_sample=False)
        texts = processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        for row, text in zip(rows, texts, strict=True):
            answers[row] = text.strip()
    return answers


def measure_answers(chat: ChatModel, scenes: list[Scene], seed: int) -> dict[str, dict]:
    """Per question type: ``right`` and ``chance`` (shares), ``asked`` (how many)."""
    asked = [(scene.image, talk) for i, scene in enumerate(scenes) for talk in exchanges_about(scene, seed * 10**6 + i)]
    answers = generate_answers(chat, asked)
    rights, truths = defaultdict(list), defaultdict(list)
    for (_, talk), answer in zip(asked, answers, strict=True):
        rights[talk[-1].type].append(normalised(answer) == normalised(talk[-1].answer))
        truths[talk[-1].type].append(talk[-1].answer)
    return {
        kind: {
            "right": float(np.mean(rights[kind])),
            "chance": constant_answer_share(truths[kind]),
            "asked": len(rights[kind]),
        }
        for kind in (*QUESTION_TYPES, "follow-up")
        if kind in rights
    }


def measure_captions(chat: ChatModel, scenes: list[Scene]) -> dict[str, float]:
    """Short captions by ``score_captions``, and the share of detailed captions that are right word for word."""
    short = generate_answers(chat, [(scene.image, (Exchange("caption", SHORT_PROMPT, ""),)) for scene in scenes])
    detailed = generate_answers(chat, [(scene.image, (Exchange("detail", DETAILED_PROMPT, ""),)) for scene in scenes])
    score = score_captions(short, [counts(scene) for scene in scenes])
    exact = [
        normalised(text) == normalised(detailed_caption(scene)) for text, scene in zip(detailed, scenes, strict=True)
    ]
    return vars(score) | {"detailed": float(np.mean(exact))}


def measure_zero_shot(clip: EmbeddingModel, scenes: list[Scene]) -> float:
    """Share of one-thing scenes whose picture lies nearest to the text of its own name, among all names."""
    names = [name for name in NAMES if name != GROUND]
    texts = clip.embed_texts([f"a picture of a {name}" for name in names])
    nearest = (clip.embed_images([scene.image for scene in scenes]) @ texts.T).argmax(-1).tolist()
    return float(np.mean([names[i] == scene.things[0].name for i, scene in zip(nearest, scenes, strict=True)]))


def measure_masks(clipseg: SegmentationModel, scenes: list[Scene], seed: int) -> float:
    """Mean IoU at threshold 0.5 over phrases that name something in the scene."""
    scores = []
    for index, scene in enumerate(tqdm(scenes, desc="segmenting", leave=False)):
        asked = ask_phrases(scene, np.random.default_rng((EVALUATION, seed, 8, index)))
        named = [(phrase, mask) for phrase, mask in asked if mask.any()]
        if named:
            masks = clipseg.segment(scene.image, [phrase for phrase, _ in named]).masks(0.5)
            scores += [mask_iou(mask, truth) for mask, (_, truth) in zip(masks, named, strict=True)]
    return float(np.mean(scores))


def measure_seconds(chat: ChatModel, scenes: list[Scene]) -> dict[str, float]:
    """Median seconds to the first token of an answer, and to the end of a short caption, one at a time."""
    runs = [chat.generate([Message("user", SHORT_PROMPT, (scene.image,))]).statistics for scene in scenes]
    return {
        "first token": float(np.median([run.seconds_to_first_token for run in runs])),
        "caption": float(np.median([run.seconds for run in runs])),
    }


def evaluate(count: int, seed: int) -> dict:
    """All figures on ``count`` fresh scenes of ``seed``, as a plain dictionary."""
    scenes = fresh_scenes(count, seed)
    chat = load("moji-vlm")
    return {
        "scenes": count,
        "seed": seed,
        "answers": measure_answers(chat, scenes, seed),
        "captions": measure_captions(chat, scenes),
        "zero_shot": measure_zero_shot(load("moji-clip"), fresh_scenes(count, seed, most=1)),
        "mask_iou": measure_masks(load("moji-clipseg"), scenes[: max(1, count // 2)], seed),
        "seconds": measure_seconds(chat, scenes[:20]),
    }


def as_table(result: dict) -> str:
    """The figures as the Markdown tables of the README."""
    lines = ["| question | right | always the same answer | asked |", "|---|---|---|---|"]
    for kind, row in result["answers"].items():
        lines.append(f"| {kind} | {row['right']:.0%} | {row['chance']:.0%} | {row['asked']} |")
    captions, seconds = result["captions"], result["seconds"]
    rows = {
        "short caption wholly right": f"{captions['exact']:.0%}",
        "short caption, F1 of the things named": f"{captions['f1']:.2f}",
        "short caption, right counts of things found": f"{captions['counts']:.0%}",
        "detailed caption right word for word": f"{captions['detailed']:.0%}",
        f"`moji-clip` zero-shot, one of {len(NAMES) - 1} names": f"{result['zero_shot']:.0%}",
        "`moji-clipseg` mean IoU": f"{result['mask_iou']:.2f}",
        "first token of a caption / whole caption": f"{seconds['first token']:.2f} s / {seconds['caption']:.2f} s",
    }
    return "\n".join(
        [*lines, "", "| other figures | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    )


def main() -> None:
    """Measure, print the tables, and save the figures as JSON where ``--output`` names a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    began = time.monotonic()
    result = evaluate(arguments.scenes, arguments.seed)
    print(as_table(result))
    print(f"\n{arguments.scenes} fresh scenes of seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
