"""What a change in the Attention tab takes on the server, from the moved slider to the picture that is sent.

    python benchmarks/inside_tab.py [--rounds 30]

The caption of an example scene by moji-vlm. The method that the tab opens on, and methods that read the trace again: no
model runs. The network and the browser are not counted.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from measuring import medians, print_table  # noqa: E402

from playground.interpret.methods import METHODS  # noqa: E402
from playground.tasks.examples import examples  # noqa: E402
from playground.ui.tabs.attention import actions, answers  # noqa: E402
from playground.ui.tabs.attention.view import CONTROLS  # noqa: E402


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    *_, parts = answers.ask(str(examples()[0].path), "what is in the picture?", "moji-vlm")
    kept = parts["kept"]
    begin = dict(word=1, method="attention", layer=0, head=0, opacity=0.75, against="ball", which=0, place=0)

    def change(act: Callable[..., dict[str, Any]], part: str = "heat", **cycles: Any) -> Callable[[], None]:
        """One change at a time, through all values of a control."""
        steps = itertools.cycle(dict(zip(cycles, values, strict=True)) for values in zip(*cycles.values(), strict=True))

        def run() -> None:
            values = begin | next(steps)
            act(kept, *(values[name] for name in CONTROLS))[part].save(io.BytesIO(), "png")

        return run

    words = range(len(kept.trace.words))
    opened = parts["method"].value
    runs = {
        f"another word, {METHODS[opened].label} (as the tab opens)": change(
            actions.another_word, method=[opened] * len(words), word=words
        ),
        "another layer": change(actions.another_map, layer=range(1, kept.trace.layers + 1)),
        "another head": change(actions.another_map, head=range(1, kept.trace.heads + 1)),
        "another word, attention": change(actions.another_word, word=words),
        "another opacity": change(actions.redraw, opacity=(0.2, 0.4, 0.6, 0.8)),
        "another place": change(actions.redraw, place=(3, 30, 60, 120)),
        "another word, without sinks": change(actions.another_word, method=["sinks"] * 3, word=(1, 4, 10)),
        "the grid of all heads": change(actions.show_heads, "heads", word=words),
    }
    found = medians(runs, rounds)
    rows = [(name, f"{1000 * seconds:.0f} ms", "≤ 300 ms") for name, seconds in found.items()]
    print_table(f"A change in the Attention tab, median of {rounds}", rows)


if __name__ == "__main__":
    main()
