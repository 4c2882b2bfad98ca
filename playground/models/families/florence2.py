"""Florence-2 (Xiao et al. 2023, arXiv:2311.06242): an encoder reads picture and words, a decoder writes the answer.

It comes without a chat template and reads one message: a task word alone (`<OD>`) or before its words
(`<OPEN_VOCABULARY_DETECTION>cat`), which its processor spells out; any other text as it stands; an empty message means
`<CAPTION>`. Every answer begins with a fixed token. The tower (DaViT) is made of convolutions and windows: its patches
do not attend to each other as a whole, and a picture's tokens are one for the mean of all and then a grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.models.families.base import Family
from playground.models.layout.grid import View, whole
from playground.models.prompt_text import asked_for, plain

if TYPE_CHECKING:
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

    from playground.models.messages import Message


def _task(processor: ProcessorMixin, message: Message) -> str:
    text = asked_for(message, "<CAPTION>", "<MORE_DETAILED_CAPTION>") or "<CAPTION>"
    tasks = (*processor.task_prompts_without_inputs, *processor.task_prompts_with_input)
    task = next((task for task in tasks if text.startswith(task)), "")
    return task + plain(processor, text.removeprefix(task), allowed=r"<loc_\d+>")


def _convolved(
    model: PreTrainedModel, processor: ProcessorMixin, inputs: BatchFeature, images: Sequence[Image.Image]
) -> list[View]:
    """One token for the mean of all, then a grid made by convolutions that start at the padded edge.

    Token i sees around pixel stride · i, not around the middle of the i-th part: its box is where it is nearest.
    """
    vision = model.config.vision_config
    views = []
    for place, image in enumerate(images):
        spans = []
        for length, (start, end) in zip(inputs["pixel_values"].shape[:-3:-1], whole(image.size), strict=True):
            count, stride = length, 1
            for kernel, step, padding in zip(vision.patch_size, vision.patch_stride, vision.patch_padding, strict=True):
                count, stride = (count + 2 * padding - kernel) // step + 1, stride * step
            scale = (end - start) / length
            edges = [start, *(start + (stride * (i - 0.5) + 0.5) * scale for i in range(1, count)), end]
            spans.append(tuple(zip(edges, edges[1:], strict=False)))
        views += [View(place, *((span,) for span in whole(image.size))), View(place, *spans)]
    return views


FLORENCE2 = Family(
    "Florence-2",
    ("florence2",),
    without_template=_task,
    encoding="stacked",
    views=_convolved,
    sequence="encoder",
    grid_view=-1,
    patches_attend=False,
)
