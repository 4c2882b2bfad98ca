"""A picture and words in, one mask per phrase out (CLIPSeg)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playground.models.catalog import Entry

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import PreTrainedModel, ProcessorMixin


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What was found for each phrase. The logits are kept, so that another threshold costs nothing.

    logits: float32 (phrases, height, width) at the picture's own size. image_size: (width, height) in pixels.
    """

    phrases: tuple[str, ...]
    logits: np.ndarray
    image_size: tuple[int, int]

    def masks(self, threshold: float = 0.5) -> np.ndarray:
        """Bool (phrases, height, width): where the sigmoid of the logits is above `threshold` (0 to 1)."""
        threshold = min(max(threshold, 1e-7), 1 - 1e-7)
        return self.logits > np.log(threshold / (1 - threshold))


@dataclass
class SegmentationModel:
    """A loaded model that finds what words name."""

    name: str
    entry: Entry | None
    model: PreTrainedModel
    processor: ProcessorMixin

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    def segment(self, image: Image.Image, phrases: Sequence[str]) -> Segmentation:
        """Look for each phrase in the picture (Lüddecke and Ecker 2022); long phrases are cut.

        Raises ValueError when there is no phrase.
        """
        import torch
        from transformers import BatchFeature

        phrases = tuple(phrases)
        if not phrases:
            raise ValueError("Name at least one thing to look for.")
        inputs = self.processor(
            text=list(phrases),
            images=[image.convert("RGB")] * len(phrases),
            padding=True,
            truncation=True,
            return_tensors="pt",
        )
        inputs = BatchFeature(dict(inputs)).to(self.device, dtype=self.model.dtype)
        with torch.inference_mode():
            logits = self.model(**inputs).logits.float()
            logits = logits.reshape(len(phrases), 1, *logits.shape[-2:])  # one phrase comes without its axis
            size = (image.height, image.width)
            logits = torch.nn.functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        return Segmentation(phrases, logits[:, 0].cpu().numpy(), image.size)
