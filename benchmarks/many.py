"""What batches save: `embed_many` and `caption_many` against one item at a time, on the embedded models.

    python benchmarks/many.py [--items 64] [--rounds 3]

A picture keeps two cores busy by itself, so a batch of them saves little there; texts and captions do not.
"""

from __future__ import annotations

import argparse
from itertools import cycle

import numpy as np
from measuring import ask, medians, print_table

from playground import load
from playground.moji.scenes import make_scene
from playground.moji.world import EMOJI_NOUNS
from playground.tasks.bulk.many import caption_many, embed_many
from playground.tasks.caption import PROMPTS


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    scenes = [make_scene(rng, 1 + number % 6).image for number in range(arguments.items)]
    texts = [
        f"{1 + number} dogs, a cat and a {noun}" for number, noun in zip(range(arguments.items), cycle(EMOJI_NOUNS))
    ]
    clip, vlm = load("moji-clip"), load("moji-vlm")

    def captions_alone() -> None:
        for scene in scenes:
            vlm.generate([ask(PROMPTS["short"], scene)], max_new_tokens=64)

    def pictures_alone() -> None:
        for scene in scenes:
            clip.embed_images([scene])

    def texts_alone() -> None:
        for text in texts:
            clip.embed_texts([text])

    runs = {
        "texts alone": texts_alone,
        "texts": lambda: embed_many(clip, texts, progress=False) and None,
        "pictures alone": pictures_alone,
        "pictures": lambda: embed_many(clip, scenes, progress=False) and None,
        "captions alone": captions_alone,
        "captions": lambda: caption_many(vlm, scenes, progress=False) and None,
    }
    seconds = medians(runs, arguments.rounds)
    rows = []
    for name, what, wanted in (
        ("texts", "`embed_many` of texts, moji-clip", "≥ 3×"),
        ("pictures", "`embed_many` of pictures, moji-clip", "≥ 3×"),
        ("captions", "`caption_many`, moji-vlm", "≥ 2.5×"),
    ):
        alone, together = (arguments.items / seconds[key] for key in (f"{name} alone", name))
        rows.append((what, f"{alone:.0f} → {together:.0f} a second, {together / alone:.1f}×", wanted))
    print_table(f"{arguments.items} items one at a time → in batches", rows)


if __name__ == "__main__":
    main()
