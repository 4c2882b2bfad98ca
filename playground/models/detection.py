"""A picture and names in, boxes out (OWL-ViT, OWLv2, Grounding DINO)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.checkpoints.catalog import Entry
from playground.imaging.noted import Noted
from playground.imaging.opening import Source, open_picture
from playground.models.families.registry import family_of
from playground.models.generation.image_features import ImageFeatureCache, encoded
from playground.models.messages import PromptTooLong

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

_SAME_THING = 0.5
"""Of boxes of one name that overlap by more than this (intersection over union) only the surest is kept."""


@dataclass(frozen=True)
class Detection:
    """One thing that was found.

    name: the name it answers to, as it was asked for.
    box: left, top, right, bottom in pixels of the picture, within it.
    score: how sure the model is, 0 to 1.
    """

    name: str
    box: tuple[float, float, float, float]
    score: float


@dataclass
class DetectionModel:
    """A loaded model that finds every thing that a name fits, and where."""

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

    @property
    def usual_threshold(self) -> float:
        """The score that the model's authors ask of a box: OWL's scores are small."""
        return 0.25 if self._reads_one_caption else 0.1

    def detect(
        self,
        image: Source,
        names: Sequence[str],
        *,
        threshold: float | None = None,
        seen: ImageFeatureCache | None = None,
    ) -> Noted[Detection]:
        """Find the things of these names, surest first (Minderer et al. 2022 and 2023; Liu et al. 2023).

        Each place gets the name that fits it best. Boxes are in pixels of the picture as it was given, upright;
        `notes` of what comes back say what was done to it.

        image: anything that `playground.imaging.opening.open_picture` takes.
        threshold: the least score; None: `usual_threshold`.
        seen: the session's encoded pictures; OWL does not encode one of them again. (Grounding DINO reads picture
        and names together from the first layers on.)
        Raises ValueError when there is no name, PromptTooLong when they are more than Grounding DINO reads.
        """
        import torch
        from torchvision.ops import batched_nms, box_convert, clip_boxes_to_image

        names = tuple(names)
        if not names:
            raise ValueError("Name at least one thing to look for.")
        threshold = self.usual_threshold if threshold is None else threshold
        picture = open_picture(image)
        image = picture.image
        with torch.inference_mode():
            if self._reads_one_caption:
                found = self._from_caption(self._pixels(image), names)
            else:
                places = encoded(seen, self.model, image, lambda it: self.model.image_embedder(**self._pixels(it))[0])
                found = self._from_list(places, names)
        fits, boxes = (part.float().cpu() for part in found)
        scores, labels = fits.max(-1)
        boxes = box_convert(boxes, "cxcywh", "xyxy") * torch.tensor(self._seen_size(image) * 2)
        boxes *= torch.tensor([own / now for own, now in zip(picture.size, image.size, strict=True)] * 2)
        boxes = clip_boxes_to_image(boxes, picture.size[::-1])
        sides = boxes[:, 2:] - boxes[:, :2]
        sure = ((scores >= threshold) & (sides > 0).all(-1)).nonzero()[:, 0]
        kept = sure[batched_nms(boxes[sure], scores[sure], labels[sure], _SAME_THING)].tolist()
        found = (Detection(names[labels[i]], tuple(boxes[i].tolist()), scores[i].item()) for i in kept)
        return Noted(found, picture.notes)

    @property
    def _reads_one_caption(self) -> bool:
        return family_of(self.model.config).one_caption

    def _seen_size(self, image: Image.Image) -> tuple[int, int]:
        """Width and height, in pixels of the picture, of what the boxes are parts of: OWLv2 pads to a square."""
        if family_of(self.model.config).padded:
            return max(image.size), max(image.size)
        return image.size

    def _pixels(self, image: Image.Image) -> BatchFeature:
        inputs = self.processor.image_processor(images=image, return_tensors="pt")
        return inputs.to(self.device, dtype=self.model.dtype)

    def _from_list(self, places: torch.Tensor, names: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """OWL: how well each place fits each name (places, names), and the places' boxes (places, 4).

        places: (1, rows, columns, dimensions). The heads by themselves: the model's own forward would encode the
        picture every time.
        """
        tokenizer, owl = self.processor.tokenizer, self.model
        longest = min(tokenizer.model_max_length, owl.config.text_config.max_position_embeddings)
        tokens = tokenizer(list(names), padding="max_length", truncation=True, max_length=longest, return_tensors="pt")
        texts = owl.base_model.get_text_features(
            input_ids=tokens.input_ids.to(self.device), attention_mask=tokens.attention_mask.to(self.device)
        ).pooler_output
        features = places.flatten(1, 2)
        fits, _ = owl.class_predictor(features, texts[None])
        return fits[0].sigmoid(), owl.box_predictor(features, places)[0]

    def _from_caption(self, pixels: BatchFeature, names: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
        """As `_from_list` for Grounding DINO, which reads “a cat. a dog.” and fits each place to each token.

        A name fits as well as its best token; the tokens are found by where they stand in the caption.
        """
        import torch

        phrases = [re.sub(r"[.\s]+", " ", name).strip().lower() for name in names]  # a dot would end the phrase
        tokens = self.processor.tokenizer(
            ". ".join(phrases) + ".", return_offsets_mapping=True, return_token_type_ids=True, return_tensors="pt"
        )
        places = tokens.pop("offset_mapping")[0].tolist()
        if len(places) > self.model.config.max_text_len:
            raise PromptTooLong(
                f"These names are {len(places)} tokens long; {self.name} reads up to {self.model.config.max_text_len}. "
                "Name fewer things."
            )
        found = self.model(**tokens.to(self.device), **pixels)
        fits, start, columns = found.logits[0].sigmoid(), 0, []
        for phrase in phrases:
            end = start + len(phrase)
            own = [i for i, (left, right) in enumerate(places) if left < end and right > max(start, left)]
            columns.append(fits[:, own].amax(-1) if own else fits.new_zeros(len(fits)))
            start = end + len(". ")
        return torch.stack(columns, -1), found.pred_boxes[0]
