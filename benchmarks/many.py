"""What batches save: `embed_many` and `caption_many` against one item at a time, on the embedded models.

python benchmarks/many.py [--items 64] [--rounds 3]
"""

from __future__ import annotations

import argparse

import numpy as np
from measuring import ask, medians, print_table

from playground import load
from playground.moji.scenes import make_scene
from playground.tasks.caption import PROMPTS
from playground.tasks.many import caption_many, embed_many


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    scenes = [make_scene(rng, 1 + number % 6).image for number in range(arguments.items)]
    clip, vlm = load("moji-clip"), load("moji-vlm")

    def captions_alone() -> None:
        for scene in scenes:
            vlm.generate([ask(PROMPTS["short"], scene)], max_new_tokens=64)

    def vectors_alone() -> None:
        for scene in scenes:
            clip.embed_images([scene])

    runs = {
        "vectors alone": vectors_alone,
        "vectors": lambda: embed_many(clip, scenes, progress=False) and None,
        "captions alone": captions_alone,
        "captions": lambda: caption_many(vlm, scenes, progress=False) and None,
    }
    seconds = medians(runs, arguments.rounds)
    rows = []
    for name, model, wanted in (("vectors", "moji-clip", "≥ 3×"), ("captions", "moji-vlm", "≥ 2.5×")):
        alone, together = (arguments.items / seconds[key] for key in (f"{name} alone", name))
        rows.append((f"{name}, {model}", f"{alone:.0f} → {together:.0f} a second, {together / alone:.1f}×", wanted))
    print_table(f"{arguments.items} pictures one at a time → in batches", rows)


if __name__ == "__main__":
    main()
