"""A picture and words, clicks or a box in; masks out (CLIPSeg, SAM, SAM 2, SAM 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.checkpoints.catalog import Entry
from playground.imaging.drawing import resized
from playground.imaging.opening import Picture, Source, open_picture
from playground.models.families.registry import family_of
from playground.models.generation.image_features import ImageFeatureCache, encoded

if TYPE_CHECKING:
    import torch
    from PIL import Image
    from transformers import PreTrainedModel, ProcessorMixin

# Of other clickable classes it is not known where they want a picture and its clicks.
_CLICKABLE = ("SamModel", "Sam2Model", "Sam3TrackerModel")
_WORDED = ("CLIPSegForImageSegmentation", "Sam3Model")

Point = tuple[float, float]
"""x and y in pixels of the picture, from its top left corner."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the picture."""


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The masks that were found. The logits are kept, so that another threshold costs nothing.

    phrases: what each mask is of; for clicks “mask 1” and so on, best first.
    logits: float32 (masks, height, width) at the picture's own size, or at that to which a very large one was scaled
        down as it was opened. image_size: (width, height) of the picture as it was given,
        upright, in pixels.
    scores: how sure the model is of each mask as a whole (0 to 1); None where it does not say.
    notes: what was done to the picture as it was opened, one sentence each.
    """

    phrases: tuple[str, ...]
    logits: np.ndarray
    image_size: tuple[int, int]
    scores: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()

    def masks(self, threshold: float = 0.5, size: tuple[int, int] | None = None) -> np.ndarray:
        """Bool (masks, height, width): where the sigmoid of the logits is above `threshold` (0 to 1).

        size: (width, height) in pixels that the logits are scaled to, bilinear; None: `image_size`.
        """
        width, height = size or self.image_size
        threshold = min(max(threshold, 1e-7), 1 - 1e-7)
        cut = np.log(threshold / (1 - threshold))
        if self.logits.shape[1:] == (height, width):
            return self.logits > cut
        masks = np.empty((len(self.logits), height, width), bool)
        for place, logits in enumerate(self.logits):
            np.greater(resized(logits, (width, height)), cut, out=masks[place])
        return masks


@dataclass
class SegmentationModel:
    """A loaded model that finds what words name (`segment`), what is clicked at (`segment_at`), or both.

    clicker: the part of SAM 3 that takes clicks, where the checkpoint has it; it shares the model's backbone.
    notes: sentences on what of the checkpoint's own files is not used as it stands.
    """

    name: str
    entry: Entry | None
    model: PreTrainedModel
    processor: ProcessorMixin
    clicker: PreTrainedModel | None = None
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
    def words_reason(self) -> str | None:
        """Why `segment` is not to be had, as a sentence; None where it is."""
        if type(self.model).__name__ in _WORDED:
            return None
        return "This model is pointed at and reads no words. Choose moji-clipseg, another CLIPSeg, or SAM 3."

    @property
    def click_reason(self) -> str | None:
        """Why `segment_at` is not to be had, as a sentence; None where it is."""
        if type(self._clicked).__name__ in _CLICKABLE:
            return None
        if self.words_reason is None:
            return "This model finds what words name and takes no clicks. Choose SAM 2."
        return "How this kind of model is told a place is not known here. Choose SAM 2."

    def segment(self, image: Source, phrases: Sequence[str], *, seen: ImageFeatureCache | None = None) -> Segmentation:
        """Look for each phrase in the picture; long phrases are cut.

        image: anything that `playground.imaging.opening.open_picture` takes.

        CLIPSeg (Lüddecke and Ecker 2022) paints one map a phrase. SAM 3 (Carion et al. 2025) finds single things: a
        pixel's probability is that of its surest thing, the thing's own times that of the pixel being part of it.

        seen: the session's encoded pictures; another phrase for one of them does not encode it again.
        Raises ValueError when there is no phrase, or when there is a `words_reason`.
        """
        import torch

        if self.words_reason:
            raise ValueError(self.words_reason)
        phrases = tuple(phrases)
        if not phrases:
            raise ValueError("Name at least one thing to look for.")
        picture = open_picture(image)
        with torch.inference_mode():
            if hasattr(self.model, "detr_decoder"):
                logits, scores = self._sam3(picture.image, phrases, seen)
            else:
                logits, scores = self._clipseg(picture.image, phrases, seen), None
            return Segmentation(phrases, _at_size(logits, picture), picture.size, scores, picture.notes)

    def segment_at(
        self,
        image: Source,
        points: Sequence[Point] = (),
        box: Box | None = None,
        *,
        outside: Sequence[Point] = (),
        seen: ImageFeatureCache | None = None,
    ) -> Segmentation:
        """The thing at the points or in the box (SAM 2, Ravi et al. 2024); `scores` are the overlaps it expects.

        One point alone may mean a thing, a part of it or more: three masks, best first. Otherwise one mask.

        image: anything that `playground.imaging.opening.open_picture` takes.
        points: places on the thing. outside: places that are not part of it. box: around it. All in pixels of the
            picture as it was given, upright.
        seen: the session's encoded pictures; another click on one of them does not encode it again.
        Raises ValueError when there is neither point nor box, or when there is a `click_reason`.
        """
        import torch

        if self.click_reason:
            raise ValueError(self.click_reason)
        if not points and box is None:
            raise ValueError("Click on a thing, or draw a box around it.")
        clicked, picture = self._clicked, open_picture(image)
        image, scale = (
            picture.image,
            tuple(now / own for now, own in zip(picture.image.size, picture.size, strict=True)),
        )
        points, outside = ([(x * scale[0], y * scale[1]) for x, y in places] for places in (points, outside))
        box = None if box is None else tuple(side * scale[place % 2] for place, side in enumerate(box))
        with torch.inference_mode():
            features = encoded(seen, clicked, image, self._click_features)
            side = clicked.config.prompt_encoder_config.image_size
            room = _longest(image, side) if family_of(self.model.config).padded else (side, side)
            prompt = _prompt(image, room, points, outside, box)
            found = clicked(
                image_embeddings=features,
                multimask_output=len(points) == 1 and box is None and not outside,
                **{name: value.to(self.device) for name, value in prompt.items()},
            )
            scores = found.iou_scores[0, 0].float()
            order = scores.argsort(descending=True)
            logits = found.pred_masks[0, 0, order].float()
            if room != (side, side):
                logits = torch.nn.functional.interpolate(logits[None], size=(side, side), mode="bilinear")[0]
                logits = logits[:, : room[1], : room[0]]
            logits = _at_size(logits, picture)
        names = tuple(f"mask {rank + 1}" for rank in range(len(order)))
        return Segmentation(names, logits, picture.size, tuple(scores[order].clamp(0, 1).tolist()), picture.notes)

    @property
    def _clicked(self) -> PreTrainedModel | None:
        return self.model if hasattr(self.model, "prompt_encoder") else self.clicker

    def _pixels(self, image: Image.Image) -> torch.Tensor:
        pixels = self.processor.image_processor(images=image, return_tensors="pt").pixel_values
        return pixels.to(self.device, dtype=self.model.dtype)

    def _tokens(self, phrases: Sequence[str], padding: bool | str) -> dict[str, torch.Tensor]:
        tokenizer, longest = self.processor.tokenizer, self.model.config.text_config.max_position_embeddings
        cut = dict(truncation=True, max_length=min(longest, tokenizer.model_max_length))
        return dict(tokenizer(list(phrases), padding=padding, return_tensors="pt", **cut).to(self.device))

    def _clipseg(self, image: Image.Image, phrases: tuple[str, ...], seen: ImageFeatureCache | None) -> torch.Tensor:
        """Logits (phrases, height, width) at the model's size: its own forward would encode a picture per phrase."""
        clip, decoder = self.model.clip, self.model.decoder

        def layers(picture: Image.Image) -> list[torch.Tensor]:
            states = clip.vision_model(self._pixels(picture), output_hidden_states=True).hidden_states
            return [states[index + 1] for index in self.model.extract_layers]

        features = encoded(seen, self.model, image, layers)
        texts = clip.get_text_features(**self._tokens(phrases, True)).pooler_output
        features = [layer.expand(len(phrases), -1, -1) for layer in features]
        return decoder(features, texts).logits.float()

    def _sam3(
        self, image: Image.Image, phrases: tuple[str, ...], seen: ImageFeatureCache | None
    ) -> tuple[torch.Tensor, tuple[float, ...]]:
        """Logits (phrases, height, width) at the model's size, and how sure it is that each is there at all."""
        import torch

        features = encoded(seen, self.model, image, self._sam3_features)
        tokens = self._tokens(phrases, "max_length")
        maps, scores = [], []
        for index in range(len(phrases)):  # one at a time: the features are those of one picture
            found = self.model(vision_embeds=features, **{k: v[index : index + 1] for k, v in tokens.items()})
            sure = (found.pred_logits.sigmoid() * found.presence_logits.sigmoid())[0].float()
            maps.append((found.pred_masks[0].float().sigmoid() * sure[:, None, None]).amax(0))
            scores.append(sure.max().item())
        return torch.stack(maps).logit(eps=1e-6), tuple(scores)

    def _sam3_features(self, image: Image.Image) -> Any:
        """What SAM 3 reads of a picture, without the backbone's own output, which it does not need again."""
        features = self.model.get_vision_features(self._pixels(image))
        features.last_hidden_state = None
        return features

    def _click_features(self, image: Image.Image) -> list[torch.Tensor]:
        return self._clicked.get_image_embeddings(self._pixels(image))


def _longest(image: Image.Image, side: int) -> tuple[int, int]:
    """Width and height of a picture whose longer side is made `side` pixels long; the first SAM pads the rest."""
    scale = side / max(image.size)
    return int(image.width * scale + 0.5), int(image.height * scale + 0.5)


def _prompt(
    image: Image.Image, room: tuple[int, int], points: Sequence[Point], outside: Sequence[Point], box: Box | None
) -> dict[str, torch.Tensor]:
    """Points and box as SAM wants them: in pixels of the (width, height) that the picture was scaled to."""
    import torch

    scale = torch.tensor([room[0] / image.width, room[1] / image.height])
    prompt = {}
    if points or outside:
        prompt["input_points"] = (torch.tensor([*points, *outside]).float() * scale)[None, None]
        prompt["input_labels"] = torch.tensor([1] * len(points) + [0] * len(outside))[None, None]
    if box is not None:
        prompt["input_boxes"] = (torch.tensor(box).float() * scale.repeat(2))[None, None]
    return prompt


def _at_size(logits: torch.Tensor, picture: Picture) -> np.ndarray:
    """Logits (masks, h, w) scaled to the picture, never larger than it was: float32 (masks, height, width)."""
    import torch

    size = min(picture.size, picture.image.size)[::-1]
    scaled = torch.nn.functional.interpolate(logits[:, None], size=size, mode="bilinear", align_corners=False)
    return scaled[:, 0].cpu().numpy()
