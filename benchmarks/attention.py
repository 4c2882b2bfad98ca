"""What attention capture costs: an answer with a recorder of all image tokens, against one without, and against
`output_attentions=True`.

    python benchmarks/attention.py [--rounds 3]

A random model of the shape of SmolVLM-256M (30 layers, 9 heads), a picture of more than 1,000 tokens that was
encoded before (the vision encoder is not captured, and would hide the difference), 32 new tokens.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import statistics

from measuring import ask, medians, noise, print_table, smolvlm_shaped

from playground.interpret.recorder import Recorder
from playground.models.attention import NAME
from playground.models.generation import generate as generation
from playground.models.generation.image_features import ImageFeatureCache
from playground.models.layout.positions import image_positions

NEW_TOKENS = 32


def hand_back_memory() -> None:
    """What an earlier run took and the allocator kept for reuse would not be counted again."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    model, seen = smolvlm_shaped(), ImageFeatureCache()
    messages = [ask("what is this ?", noise())]
    inputs = model.prepare(messages)
    columns = image_positions(model.model, inputs)
    memory: dict[str, list[int]] = {"plain": [], "captured": [], "output_attentions": []}
    kept: list[int] = []

    def answer(name: str, recorder: Recorder | None) -> float:
        hand_back_memory()
        figures = model.generate(messages, max_new_tokens=NEW_TOKENS, recorder=recorder, seen=seen).statistics
        memory[name].append(figures.peak_memory or 0)
        if recorder is not None:
            kept.append(recorder.rows().nbytes)
        return figures.seconds

    def output_attentions() -> float:
        hand_back_memory()
        spent = generation.GenerationTimings()
        options = dict(max_new_tokens=NEW_TOKENS, do_sample=False, num_beams=1, return_dict_in_generate=True)
        model.model.set_attn_implementation({"text_config": "eager"})
        try:
            generation.once(model.model, inputs, stop=(), spent=spent, seen=seen, output_attentions=True, **options)
        finally:
            model.model.set_attn_implementation({"text_config": NAME})
        memory["output_attentions"].append(spent.memory or 0)
        return spent.seconds

    runs = {
        "plain": lambda: answer("plain", None),
        "captured": lambda: answer("captured", Recorder(columns)),
        "output_attentions": output_attentions,
    }
    seconds = medians(runs, rounds)
    most = {name: statistics.median(values[1:]) / 1e6 for name, values in memory.items()}
    # One peak can hide in another: what a recorder holds in the end was added in any case.
    added = {name: max(kept[-1] / 1e6, most[name] - most["plain"]) for name in ("captured", "output_attentions")}
    less = added["output_attentions"] / added["captured"]
    slower = {name: seconds[name] / seconds["plain"] for name in ("captured", "output_attentions")}
    rows = [
        ("time without", f"{seconds['plain']:.2f} s", ""),
        ("time with capture", f"{seconds['captured']:.2f} s, {slower['captured']:.2f}×", "≤ 1.15×"),
        (
            "time with `output_attentions=True`",
            f"{seconds['output_attentions']:.2f} s, {slower['output_attentions']:.2f}×",
            "",
        ),
        ("memory added by capture", f"{added['captured']:.0f} MB on {most['plain']:.0f} MB", ""),
        (
            "memory added by `output_attentions=True`",
            f"{added['output_attentions']:,.0f} MB, {less:.0f} × that of capture",
            "≥ 10 ×",
        ),
    ]
    print_table(f"Attention to {len(columns):,} image tokens, {NEW_TOKENS} new tokens", rows)


if __name__ == "__main__":
    main()
