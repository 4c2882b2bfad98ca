"""Measure the shipped Moji models on fresh scenes: ``python -m playground.training.evaluate``.

The scenes come from seeds that no training step can draw. Prints the tables of docs/moji.md, and saves all figures as
JSON with the picture of how sure the models are. 500 scenes take some 15 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from playground import load
from playground.checkpoints.catalog import find
from playground.checkpoints.fingerprint import fingerprint
from playground.models.chat import ChatModel
from playground.models.messages import Message
from playground.models.out_of_distribution import out_of_distribution_score
from playground.moji.asking import LOOSE
from playground.moji.phrasing import SHORT_PROMPT
from playground.moji.scenes import Scene
from playground.training.measures_answers import ask, measure_captions, questions_about, score_answers
from playground.training.measures_confidence import draw_reliability, measure_confidence
from playground.training.measures_examples import measure_examples
from playground.training.measures_looks import AUGMENTED, LOOKS, STYLES, measure_look, measure_names
from playground.training.measures_matching import measure_retrieval, measure_zero_shot
from playground.training.measures_outside import measure_outside
from playground.training.measures_regions import measure_boxes, measure_masks
from playground.training.measures_table import as_tables
from playground.training.measures_worlds import HARDER, UNSEEN, Shown, World, as_drawn, fresh_scenes
from playground.training.measures_yes_no import measure_yes_no
from playground.training.scene_tensors import NAMES

CHAT_MODELS = ("moji-vlm", "moji-blip")
OTHERS = ("moji-clip", "moji-clipseg", "moji-owl")


def shipped(name: str) -> bool:
    """Whether this model of the catalogue lies in its folder (it does once its recipe has run)."""
    entry = find(name)
    return entry is not None and Path(entry.source, "config.json").exists()


def fingerprints() -> dict[str, str]:
    """Which weights the figures tell of: the ``fingerprint`` of every model that is measured, by its name."""
    names = [name for name in (*CHAT_MODELS, *OTHERS) if shipped(name)]
    return {name: fingerprint(Path(find(name).source)) for name in names}


def measure_seconds(chat: ChatModel, scenes: Sequence[Scene]) -> dict[str, float]:
    """Median seconds to the first token of a short caption, and to its end, one picture at a time."""
    runs = [chat.generate([Message("user", SHORT_PROMPT, (scene.image,))]).statistics for scene in scenes]
    return {
        "first token": float(np.median([run.seconds_to_first_token for run in runs])),
        "caption": float(np.median([run.seconds for run in runs])),
        "cores": torch.get_num_threads(),
    }


def measure_world(chat: ChatModel, world: World, count: int, seed: int) -> dict[str, dict]:
    """``answers`` by question type and ``captions`` in one of the harder worlds."""
    shown = world.shown(count, seed)
    asked = questions_about(shown, seed, world.typing, world.unasked)
    return {
        "answers": score_answers(asked, ask(chat, asked)),
        "captions": measure_captions(chat, shown, seed, world.typing),
    }


def measure_unseen(chat: ChatModel, shown: Sequence[Shown], seed: int) -> dict[str, dict]:
    """Answers to every kind of question in wordings that training never draws."""
    asked = questions_about(shown, seed, UNSEEN)
    return score_answers(asked, ask(chat, asked))


def measure_chat(chat: ChatModel, scenes: Sequence[Scene], seed: int) -> dict:
    """All figures of one chat model; a fifth as many scenes of each harder world."""
    shown = as_drawn(scenes)
    asked = questions_about(shown, seed, LOOSE)
    replies = ask(chat, asked)
    return {
        "answers": score_answers(asked, replies),
        "confidence": measure_confidence(asked, replies),
        "captions": measure_captions(chat, shown, detailed=True),
        "yes_no": {kind: vars(score) for kind, score in measure_yes_no(chat, shown, seed).items()},
        "unseen": measure_unseen(chat, shown[: max(1, len(shown) // 2)], seed),
        "examples": measure_examples(chat),
        "looks": {look.name: measure_look(chat, look, max(1, len(scenes) // 10), seed) for look in (*LOOKS, *STYLES)},
        "worlds": {world.name: measure_world(chat, world, max(1, len(scenes) // 5), seed) for world in HARDER},
        "seconds": measure_seconds(chat, scenes[:20]),
    }


def measure_foreignness(model: ChatModel, count: int, seed: int) -> dict[str, dict[str, float]] | None:
    """AUROC of pictures from outside against fresh and changed scenes; None for a model without such a score."""
    fresh, changed = fresh_scenes(count, seed), AUGMENTED.scenes(count, seed)
    if out_of_distribution_score(model, fresh[0].image) is None:
        return None

    def score(images: Sequence[Image.Image]) -> list[float]:
        return [out_of_distribution_score(model, image) or 0.0 for image in images]

    return measure_outside(score, [scene.image for scene in fresh], [scene.image for scene in changed], seed)


def evaluate(count: int, seed: int, models: Sequence[str] = (*CHAT_MODELS, *OTHERS)) -> dict:
    """All figures of those of ``models`` that are there, on ``count`` fresh scenes of ``seed``, as a dictionary."""
    scenes = fresh_scenes(count, seed)
    fewer = scenes[: max(1, count // 3)]
    changed = AUGMENTED.scenes(len(fewer), seed)
    there = [name for name in models if shipped(name)]
    told = {name: print_ for name, print_ in fingerprints().items() if name in there}
    result: dict = {"scenes": count, "seed": seed, "weights": told}
    if chats := [name for name in CHAT_MODELS if name in there]:
        result["chat"] = {name: measure_chat(load(name), scenes, seed) for name in chats}
        foreign = {name: measure_foreignness(load(name), max(1, count // 3), seed) for name in chats}
        result["outside"] = {name: each for name, each in foreign.items() if each}
    if "moji-clip" in there:
        clip = load("moji-clip")
        result["names_asked"] = len(NAMES) - 1  # without the ground
        result["zero_shot"] = measure_zero_shot(clip, fresh_scenes(count, seed, most=1))
        result["retrieval"] = measure_retrieval(clip, fresh_scenes(2 * count, seed + 1))
        result["names"] = measure_names(clip, (*LOOKS, *STYLES), max(1, count // 3), seed)
    if "moji-clipseg" in there:
        result["mask_iou"] = measure_masks(load("moji-clipseg"), fewer, seed)
        result["mask_iou_augmented"] = measure_masks(load("moji-clipseg"), changed, seed)
    if "moji-owl" in there:
        result["boxes"] = measure_boxes(load("moji-owl"), fewer)
        result["boxes_augmented"] = measure_boxes(load("moji-owl"), changed)
    return result


def merged(earlier: dict, result: dict) -> dict:
    """The figures of ``earlier`` with those of ``result`` in place of them, model by model."""
    both = earlier | result
    for part in ("weights", "chat", "outside"):
        both[part] = earlier.get(part, {}) | result.get(part, {})
    return both


def main() -> None:
    """Measure, print the tables, and save the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("docs/evaluation.json"), help="where the figures go")
    parser.add_argument("--figure", type=Path, default=Path("docs/reliability.png"), help="where the picture goes")
    parser.add_argument("--models", nargs="+", choices=(*CHAT_MODELS, *OTHERS), help="measure these alone; others stay")
    arguments = parser.parse_args()
    began = time.monotonic()
    result = evaluate(arguments.scenes, arguments.seed, arguments.models or (*CHAT_MODELS, *OTHERS))
    if arguments.models:
        print(json.dumps(result, indent=1))
        if arguments.output.is_file():
            result = merged(json.loads(arguments.output.read_text(encoding="utf-8")), result)
    else:
        print(as_tables(result))
    print(f"\n{arguments.scenes} fresh scenes of seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    if rows := {name: row["confidence"]["rows"] for name, row in result.get("chat", {}).items()}:
        draw_reliability(rows, arguments.figure)


if __name__ == "__main__":
    main()
