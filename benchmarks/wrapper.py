"""What the wrapper costs: an answer through `ChatModel` against `transformers`' own `generate` on the same inputs.

    python benchmarks/wrapper.py [--rounds 15]

Both begin with the picture and the question and end with the text. The wrapper gives every token its probability
and runners-up, can be stopped, and measures itself; the bare run does nothing of that. A small model shows the cost
best: an answer of moji-vlm takes a tenth of a second.
"""

from __future__ import annotations

import argparse

import torch
from measuring import ask, medians, noise, print_table, smolvlm_shaped

from playground import load
from playground.imaging.opening import open_picture
from playground.models.chat import ChatModel
from playground.tasks.examples import examples


def bare(model: ChatModel, messages: list, tokens: int) -> None:
    """The same answer by hand."""
    inputs = model.prepare(messages)
    with torch.inference_mode():
        found = model.model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    model.processor.tokenizer.decode(found[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def compare(name: str, model: ChatModel, messages: list, tokens: int, rounds: int) -> tuple[str, str, str]:
    """A row of the table."""
    runs = {
        "bare": lambda: bare(model, messages, tokens),
        "wrapped": lambda: model.generate(messages, max_new_tokens=tokens) and None,
    }
    seconds = medians(runs, rounds)
    ratio = seconds["wrapped"] / seconds["bare"]
    return name, f"{1000 * seconds['bare']:.0f} ms → {1000 * seconds['wrapped']:.0f} ms, {ratio:.3f}×", "≤ 1.03×"


def main() -> None:
    """Measure two models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    scene = open_picture(examples()[0].path).image
    small = [ask("describe the picture in detail.", scene)]
    large = [ask("what is this ?", noise(200))]
    shaped = smolvlm_shaped()
    shaped.processor.image_processor.do_image_splitting = False
    rows = [
        compare("moji-vlm, a detailed caption", load("moji-vlm"), small, 256, rounds),
        compare("shape of SmolVLM-256M, 24 tokens", shaped, large, 24, max(1, rounds // 3)),
    ]
    print_table("Bare `generate` → wrapper", rows)


if __name__ == "__main__":
    main()
