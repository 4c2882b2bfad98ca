"""Pictures and texts to vectors of one space, where what belongs together lies close (CLIP, SigLIP)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.catalog import Entry

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import PreTrainedModel, ProcessorMixin

_AT_ONCE = 16


@dataclass
class EmbeddingModel:
    """A loaded two-tower encoder: `embed_images`, `embed_texts`, and `match` of a picture with labels."""

    name: str
    entry: Entry | None
    model: PreTrainedModel
    processor: ProcessorMixin

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    def embed_images(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """Float32 tensor (pictures, dimensions) on the CPU, each row of length 1."""
        return self._embed(images, self._image_features)

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Float32 tensor (texts, dimensions) on the CPU, each row of length 1. Long texts are cut."""
        return self._embed(texts, self._text_features)

    def match(self, image: Image.Image, labels: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """How well each label fits the picture, best first.

        CLIP was trained to choose among captions: its numbers are a softmax over the labels and sum to 1
        (Radford et al. 2021). SigLIP was trained on single pairs: its numbers are sigmoids, each by itself
        (Zhai et al. 2023). Raises ValueError when there is no label.
        """
        if not labels:
            raise ValueError("Name at least one label to compare the picture with.")
        cosines = (self.embed_images([image]) @ self.embed_texts(labels).T)[0]
        logits = cosines * self.model.logit_scale.exp().float().cpu()
        bias = getattr(self.model, "logit_bias", None)
        fits = logits.softmax(0) if bias is None else (logits + bias.float().cpu()).sigmoid()
        return tuple(sorted(zip(labels, fits.tolist(), strict=True), key=lambda pair: pair[1], reverse=True))

    @property
    def _is_siglip(self) -> bool:
        return hasattr(self.model, "logit_bias")

    def _image_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        inputs = self.processor(images=[image.convert("RGB") for image in images], return_tensors="pt")
        return self.model.get_image_features(**inputs.to(self.device, dtype=self.model.dtype)).pooler_output

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        # SigLIP was trained on texts padded to full length and reads shorter ones differently.
        padding = "max_length" if self._is_siglip else True
        inputs = self.processor(text=list(texts), padding=padding, truncation=True, return_tensors="pt")
        return self.model.get_text_features(**inputs.to(self.device)).pooler_output

    def _embed(self, items: Sequence, features) -> torch.Tensor:
        import torch

        if not items:
            raise ValueError("There is nothing to embed: pass at least one picture or text.")
        with torch.inference_mode():
            batches = [features(items[start : start + _AT_ONCE]) for start in range(0, len(items), _AT_ONCE)]
        return torch.nn.functional.normalize(torch.cat(batches).float().cpu(), dim=-1)
