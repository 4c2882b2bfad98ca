"""What the benchmarks share: runs that take turns, medians, a table, and a model of the size of SmolVLM-256M."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "tests")]

import torch  # noqa: E402
import transformers as hf  # noqa: E402
from PIL import Image  # noqa: E402
from tiny import bytes_tokenizer, ids_of  # noqa: E402
from transformers.models.smolvlm.configuration_smolvlm import SmolVLMVisionConfig  # noqa: E402

from playground.models.attention import plug_in  # noqa: E402
from playground.models.chat import ChatModel  # noqa: E402
from playground.models.messages import Message  # noqa: E402

_TURN = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}:{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %} {{ c['text'] }}{% endif %}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def medians(runs: dict[str, Callable[[], float | None]], rounds: int) -> dict[str, float]:
    """The median of each run over some rounds in which they take turns, after one round that does not count.

    A run returns what it measured, or nothing: then its seconds are.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            measured = run()
            if number:
                found[name].append(time.perf_counter() - began if measured is None else measured)
    return {name: statistics.median(values) for name, values in found.items()}


def print_table(title: str, rows: list[tuple[str, str, str]]) -> None:
    """A Markdown table of (what, measured, asked for)."""
    print(f"{title} ({os.cpu_count()} cores, torch uses {torch.get_num_threads()})")
    print("\n| | measured | wanted |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()


def smolvlm_shaped() -> ChatModel:
    """A random model with the layers of SmolVLM-256M: a picture is 16 tiles and the whole, 64 tokens each.

    It never ends an answer by itself, so that every answer has the length that was allowed.
    """
    torch.manual_seed(0)
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
    marks = ["<image>", "<fake_token_around_image>", "<global-img>", *tiles]
    tokenizer = bytes_tokenizer(marks, bos="<|im_start|>", eos="<end_of_utterance>")
    text = hf.LlamaConfig(
        **(ids_of(tokenizer) | {"vocab_size": 49280}),
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
    )
    vision = SmolVLMVisionConfig(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        image_size=512,
        patch_size=16,
    )
    config = hf.SmolVLMConfig(
        vision_config=vision,
        text_config=text,
        scale_factor=4,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
    )
    sizes = dict(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
    processor = hf.SmolVLMProcessor(
        image_processor=hf.SmolVLMImageProcessor(**sizes),
        video_processor=hf.SmolVLMVideoProcessor(**sizes),
        tokenizer=tokenizer,
        image_seq_len=64,
        chat_template=_TURN,
    )
    model = hf.SmolVLMForConditionalGeneration(config).eval().requires_grad_(False)
    model.generation_config.eos_token_id = None
    return ChatModel("SmolVLM-256M, random", None, model, processor, attention_reason=plug_in(model))


def noise(size: int = 1024, seed: int = 0) -> Image.Image:
    """A square picture in which every pixel is drawn."""
    pixels = torch.randint(0, 256, (size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(pixels.numpy())


def ask(text: str, *images: Image.Image) -> Message:
    """A user's message."""
    return Message("user", text, images)
