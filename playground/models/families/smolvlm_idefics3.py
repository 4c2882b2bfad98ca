"""SmolVLM (Marafioti et al. 2025, arXiv:2504.05299) and Idefics3 (Laurençon et al. 2024, arXiv:2408.12637).

A picture is stretched to a grid of square tiles, each announced in the text as <row_r_col_c>, and after them comes the
whole picture. The tower's patches are folded together ("pixel shuffle"), so a tile has a square of few tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.families.base import Family, patches_of
from playground.models.layout.grid import NoLayout, View, evenly, runs, whole

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")


def _announced(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """Tiles, each announced as <row_r_col_c>, then the whole picture, all stretched.

    The announcement is read from the text before each run of tokens: some tokenizers spell it in many tokens.
    """
    ids = inputs["input_ids"][0].tolist()
    places = runs(ids, model.config.image_token_id)
    each = places[0][1] - places[0][0]
    side = math.isqrt(each)
    if side * side != each:
        raise NoLayout(f"{each} image tokens for one tile are no square.")
    views: list[View] = []
    image, tiles, before = 0, [], 0
    for start, end in places:
        found = _TILE.findall(processor.tokenizer.decode(ids[before:start], skip_special_tokens=False))
        before = end
        if found:
            tiles.append((int(found[-1][0]), int(found[-1][1])))
            continue
        # The view of the whole ends a picture's tokens: only now its rows and columns are known.
        across, down = whole(images[image].size)
        columns = evenly(across, max((column for _, column in tiles), default=1))
        rows = evenly(down, max((row for row, _ in tiles), default=1))
        shown = [(columns[column - 1], rows[row - 1]) for row, column in tiles] + [(across, down)]
        views += [View(image, evenly(x, side), evenly(y, side)) for x, y in shown]
        image, tiles = image + 1, []
    return views


SMOLVLM_IDEFICS3 = Family(
    "SmolVLM, Idefics3",
    ("smolvlm", "idefics3"),
    processor_settings={"image_seq_len": lambda config: patches_of(config) // config.scale_factor**2},
    encoding="list",
    views=_announced,
    whole_view=-1,
    continues=True,
)
