"""Prompts that are computed together get the answers that each would get alone, whatever their pictures' shapes."""

from __future__ import annotations

import lively
import numpy as np
import pytest
from PIL import Image

from playground import load
from playground.models.messages import Message

WIDE, HIGH, SMALL = (160, 120), (120, 160), (48, 48)


def _picture(size: tuple[int, int], seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8))


# vip_llava stands for the families that encode their pictures only as they read the prompt.
@pytest.mark.parametrize("family", ["llava_onevision", "llava_next", "smolvlm", "idefics3", "internvl", "vip_llava"])
def test_pictures_of_the_same_and_of_other_tile_counts_share_a_batch(tmp_path, family):
    model = load(str(lively.write(family, tmp_path)))
    shown = [(WIDE,), (WIDE,), (HIGH,), (SMALL,), ((300, 100),), (WIDE, HIGH), (SMALL, WIDE, HIGH), ()]
    talks = [
        [
            Message(
                "user",
                "what is it ? " * (1 + place % 3),
                tuple(_picture(size, place + k) for k, size in enumerate(sizes)),
            )
        ]
        for place, sizes in enumerate(shown)
    ]
    alone = [model.generate(talk, max_new_tokens=5).text.strip() for talk in talks]
    together = model.generate_batch([model.prepare(talk) for talk in talks], max_new_tokens=5)
    assert [text.strip() for text in together] == alone
    assert len(set(alone)) > 4
