"""What attention capture costs: streaming with a recorder of all image tokens against streaming without.

    python benchmarks/attention.py [--rounds 3]

A random model of the shape of SmolVLM-256M (30 layers, 9 heads), a picture of more than 1,000 tokens that was
encoded before (the vision encoder is not captured, and would hide the difference), 32 new tokens. Seconds are
medians of runs that take turns; memory is how far a process of its own rises in its first run. The third row is
what people do otherwise: `generate(output_attentions=True)`, which needs eager attention.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import torch
from measuring import ask, medians, noise, print_table, smolvlm_shaped

from playground.inside.capture import Recorder
from playground.models import generation
from playground.models.conversation import begin
from playground.models.memory import growth
from playground.models.seen import Seen

TOKENS = 32
NAMES = ("plain", "captured", "output_attentions")


def runs() -> tuple[dict, int]:
    """The three ways by name, each a function that returns its seconds; and how many image tokens there are."""
    model, seen = smolvlm_shaped(), Seen()
    messages = [ask("what is this ?", noise())]
    inputs = model.prepare(messages)
    columns = (inputs["input_ids"][0] == model.model.config.image_token_id).nonzero().flatten().tolist()
    begin(model.model, inputs, seen=seen)  # encodes the picture

    def stream(recorder: Recorder | None) -> float:
        pieces = model.stream(messages, max_new_tokens=TOKENS, recorder=recorder, seen=seen)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                return end.value.statistics.seconds

    def output_attentions() -> None:
        before = model.model.config.text_config._attn_implementation
        model.model.set_attn_implementation({"text_config": "eager"})
        asked = dict(output_attentions=True, return_dict_in_generate=True)
        generation.once(
            model.model, inputs, stop=(), spent=generation.Spent(), seen=seen, max_new_tokens=TOKENS, **asked
        )
        model.model.set_attn_implementation({"text_config": before})

    ways = (lambda: stream(None), lambda: stream(Recorder(columns)), output_attentions)
    return dict(zip(NAMES, ways, strict=True)), len(columns)


def added_megabytes(name: str) -> float:
    """How far the memory of a new process rises while it runs one of the ways."""
    told = subprocess.run([sys.executable, __file__, "--alone", name], capture_output=True, text=True, check=True)
    return json.loads(told.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", choices=NAMES, help="run one of the ways once, and print by how many MB memory rose")
    arguments = parser.parse_args()
    ways, tokens = runs()
    if arguments.alone:
        with growth(torch.device("cpu")) as risen:
            ways[arguments.alone]()
        print(json.dumps(risen.bytes / 1e6))
        return
    seconds = medians(ways, arguments.rounds)
    room = {name: added_megabytes(name) for name in NAMES}
    rows = []
    for name, wanted in (("plain", ""), ("captured", "≤ 1.15× time, ≤ 1.2× memory"), ("output_attentions", "")):
        figures = (seconds[name], seconds[name] / seconds["plain"], room[name], room[name] / room["plain"])
        rows.append((name, "{:.2f} s, {:.2f}×; + {:.0f} MB, {:.2f}×".format(*figures), wanted))
    print_table(f"Streaming → with attention capture, {tokens:,} image tokens", rows)
    print(f"output_attentions=True adds {room['output_attentions'] / room['captured']:.0f} times what capture adds.")


if __name__ == "__main__":
    main()
