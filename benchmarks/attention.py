"""What attention capture costs: streaming with a recorder of all image tokens against streaming without.

    python benchmarks/attention.py [--rounds 3]

A random model of the shape of SmolVLM-256M (30 layers, 9 heads), a picture of more than 1,000 tokens that was
encoded before (the vision encoder is not captured, and would hide the difference), 32 new tokens.
"""

from __future__ import annotations

import argparse
import statistics

from measuring import ask, medians, noise, print_table, smolvlm_shaped

from playground.inside.capture import Recorder
from playground.models.seen import Seen


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    model, seen = smolvlm_shaped(), Seen()
    messages = [ask("what is this ?", noise())]
    ids = model.prepare(messages)["input_ids"][0]
    columns = (ids == model.model.config.image_token_id).nonzero().flatten().tolist()
    memory: dict[str, list[int]] = {"plain": [], "captured": []}

    def stream(name: str, recorder: Recorder | None) -> float:
        figures = model.generate(messages, max_new_tokens=32, recorder=recorder, seen=seen).statistics
        memory[name].append(figures.peak_memory or 0)
        return figures.seconds

    runs = {"plain": lambda: stream("plain", None), "captured": lambda: stream("captured", Recorder(columns))}
    seconds = medians(runs, rounds)
    most = {name: statistics.median(values[1:]) / 1e6 for name, values in memory.items()}
    time, room = seconds["captured"] / seconds["plain"], most["captured"] / max(1.0, most["plain"])
    rows = [
        ("time", f"{seconds['plain']:.2f} s → {seconds['captured']:.2f} s, {time:.2f}×", "≤ 1.15×"),
        ("added memory", f"{most['plain']:.0f} MB → {most['captured']:.0f} MB, {room:.2f}×", "≤ 1.2×"),
    ]
    print_table(f"Streaming → with attention capture, {len(columns):,} image tokens", rows)


if __name__ == "__main__":
    main()
