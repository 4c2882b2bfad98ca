"""What continuing a conversation saves: the second turn's time to its first token, against a cold run.

    python benchmarks/conversation.py [--rounds 3]

A random model of the shape of SmolVLM-256M with a picture of more than 1,000 tokens. A cold run computes the
picture and the whole talk; one with the picture already encoded only the talk; a continued one only the new turn.
All of them cut the picture into tiles and tokenise the talk, which is counted.
"""

from __future__ import annotations

import argparse

from measuring import ask, medians, noise, print_table, smolvlm_shaped

from playground.models.generation.image_features import ImageFeatureCache
from playground.models.messages import Message


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    model, seen, kept = smolvlm_shaped(), ImageFeatureCache(), None
    talk = [ask("what is this ?", noise())]
    first = model.generate(talk, max_new_tokens=8, seen=seen)
    talk += [Message("assistant", first.text), ask("how many dogs are there ?")]

    def continued() -> float:
        nonlocal kept
        kept = kept or model.conversation()
        kept.clear()
        model.generate(talk[:1], max_new_tokens=8, conversation=kept, seen=seen)
        return model.generate(talk, max_new_tokens=1, conversation=kept).statistics.seconds_to_first_token

    runs = {
        "cold": lambda: model.generate(talk, max_new_tokens=1).statistics.seconds_to_first_token,
        "encoded": lambda: model.generate(talk, max_new_tokens=1, seen=seen).statistics.seconds_to_first_token,
        "continued": continued,
    }
    seconds = medians(runs, rounds)
    tokens = first.statistics.image_tokens
    rows = [
        ("cold", f"{seconds['cold']:.2f} s", ""),
        ("picture encoded before", f"{seconds['encoded']:.2f} s, {seconds['cold'] / seconds['encoded']:.1f}×", ""),
        ("continued", f"{seconds['continued']:.2f} s, {seconds['cold'] / seconds['continued']:.1f}×", "≥ 8×"),
    ]
    print_table(f"Second turn, time to first token, {tokens:,} image tokens", rows)


if __name__ == "__main__":
    main()
