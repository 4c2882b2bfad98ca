"""What a click on a thing gives with moji-clipseg, which reads only words, against the exact masks of fresh scenes.

    python benchmarks/clicks.py [--scenes 100]

Every thing of every scene is clicked once, at a random pixel of it: once with the names of the scene's things given,
once with none, so that all names of the world are asked.
"""

from __future__ import annotations

import argparse
import time

from playground import load
from playground.moji.fresh import fresh_scenes
from playground.training.measures_regions import measure_clicks


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=100)
    scenes = fresh_scenes(parser.parse_args().scenes, seed=11)
    model, things = load("moji-clipseg"), sum(len(scene.things) for scene in scenes)
    print(f"{len(scenes)} scenes, {things} things\n")
    print("| names given | mean IoU | right name | ground taken for a thing | seconds in all |")
    print("| --- | --- | --- | --- | --- |")
    for named in (True, False):
        start = time.perf_counter()
        found = measure_clicks(model, scenes, named=named)
        ground = f"{found['ground']:.0%}" if "ground" in found else "not asked"
        seconds = time.perf_counter() - start
        given = "those of the scene" if named else "none"
        print(f"| {given} | {found['iou']:.2f} | {found['name']:.0%} | {ground} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
