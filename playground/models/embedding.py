"""Pictures and texts to vectors of one space, where what belongs together lies close (CLIP, SigLIP, SigLIP 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.checkpoints.catalog import Entry
from playground.imaging.noted import Noted, opened_with_warnings
from playground.imaging.opening import Source, open_picture
from playground.models.generation.image_features import ImageFeatureCache, key_of

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import PreTrainedModel, ProcessorMixin

_AT_ONCE = 64


@dataclass
class EmbeddingModel:
    """A loaded two-tower encoder: `embed_images`, `embed_texts`, and `match` of a picture with labels."""

    name: str
    entry: Entry | None
    model: PreTrainedModel
    processor: ProcessorMixin
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.device

    def out_of_distribution_score(self, image: Source) -> float | None:
        """How unlike its training pictures this one is; above 1 what the model says of it means little. None where
        that was not measured, see `playground.models.out_of_distribution`."""
        from playground.models.out_of_distribution import out_of_distribution_score

        return out_of_distribution_score(self, image)

    def embed_images(self, images: Sequence[Source], *, seen: ImageFeatureCache | None = None) -> torch.Tensor:
        """Float32 tensor (pictures, dimensions) on the CPU, each row of length 1.

        images: anything that `playground.imaging.opening.open_picture` takes; what it changed is told by a warning
            (`PictureChanged`), as vectors cannot carry notes.
        seen: the session's encoded pictures; those that are among them are not encoded again.
        Raises ValueError when there is no picture.
        """
        import torch

        images = [opened_with_warnings(image) for image in images]
        if seen is None or not images:
            return self._embed(images, self._image_features, self._pictures_at_once)
        keys = [key_of(self.model, image) for image in images]
        vectors = {key: seen.get(key) for key in keys}
        new = {key: image for key, image in zip(keys, images, strict=True) if vectors[key] is None}
        if new:
            made = self._embed(list(new.values()), self._image_features, self._pictures_at_once)
            for key, vector in zip(new, made, strict=True):
                vectors[key] = vector.clone()  # a row of its own: a view would keep the whole batch
                seen.keep(key, vectors[key])
        return torch.stack([vectors[key] for key in keys])

    def embed_texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Float32 tensor (texts, dimensions) on the CPU, each row of length 1. Long texts are cut.

        Raises ValueError when there is no text.
        """
        return self._embed(texts, self._text_features, _AT_ONCE)

    def match(
        self, image: Source, labels: Sequence[str], *, seen: ImageFeatureCache | None = None
    ) -> Noted[tuple[str, float]]:
        """How well each label fits the picture, best first; its `notes` say what was done to the picture.

        CLIP was trained to choose among captions: its numbers are a softmax over the labels and sum to 1
        (Radford et al. 2021). SigLIP was trained on single pairs: its numbers are sigmoids, each by itself
        (Zhai et al. 2023). Raises ValueError when there is no label.
        """
        if not labels:
            raise ValueError("Name at least one label to compare the picture with.")
        picture = open_picture(image)
        cosines = (self.embed_images([picture.image], seen=seen) @ self.embed_texts(labels).T)[0]
        logits = cosines * self.model.logit_scale.exp().float().cpu()
        bias = getattr(self.model, "logit_bias", None)
        fits = logits.softmax(0) if bias is None else (logits + bias.float().cpu()).sigmoid()
        ranked = sorted(zip(labels, fits.tolist(), strict=True), key=lambda pair: pair[1], reverse=True)
        return Noted(ranked, picture.notes)

    @property
    def _pictures_at_once(self) -> int:
        # On a CPU more are slower: their activations no longer fit its caches.
        return 8 if self.device.type == "cpu" else _AT_ONCE

    def _image_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        # The image processor itself: Siglip2Processor would overrule the patch size that it was saved with.
        inputs = self.processor.image_processor(images=list(images), return_tensors="pt")
        return self.model.get_image_features(**inputs.to(self.device, dtype=self.model.dtype)).pooler_output

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        tokenizer, padding = self.processor.tokenizer, True
        length = min(tokenizer.model_max_length, self.model.config.get_text_config().max_position_embeddings)
        if hasattr(self.model, "logit_bias"):
            # SigLIP was trained on lower-case texts padded to full length and reads others differently; many a
            # tokenizer of SigLIP 2 neither knows that length nor lowers the case.
            padding, texts = "max_length", [text.lower() for text in texts]
        inputs = tokenizer(list(texts), padding=padding, truncation=True, max_length=length, return_tensors="pt")
        inputs = {name: inputs[name].to(self.device) for name in ("input_ids", "attention_mask") if name in inputs}
        return self.model.get_text_features(**inputs).pooler_output

    def _embed(self, items: Sequence, features: Callable[[Sequence], torch.Tensor], at_once: int) -> torch.Tensor:
        import torch

        if not items:
            raise ValueError("There is nothing to embed: pass at least one picture or text.")
        with torch.inference_mode():
            batches = [features(items[start : start + at_once]) for start in range(0, len(items), at_once)]
        return torch.nn.functional.normalize(torch.cat(batches).float().cpu(), dim=-1)
