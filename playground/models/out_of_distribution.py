"""How unlike the pictures that a model learnt from a picture is, told from its own vision tower's features.

Two known methods, added: the Mahalanobis distance of the features (Lee et al. 2018), and a linear classifier that was
shown made-up pictures from elsewhere (outlier exposure, Hendrycks et al. 2019). The features are mean and standard
deviation over the patches of one middle layer, which tells textures and lines better than the last one. What they are
compared with lies in ``out_of_distribution/`` beside the weights, for these weights alone;
``python -m playground.training.out_of_distribution`` writes it.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from playground.checkpoints.fingerprint import fingerprint
from playground.imaging.opening import Source, open_picture

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

FOLDER = "out_of_distribution"
TENSORS, FIGURES = "statistics.safetensors", "statistics.json"
_TOWER = re.compile(r"Vision(Model|Transformer)$")


@dataclass(frozen=True, eq=False)
class Statistics:
    """What features are compared with.

    weights: fingerprint of the weights. layer: after which layer of the tower the features are taken. mean, scale
    (features,): of training scenes. whitening (features, features): of the scaled ones, so that their distance is
    Mahalanobis'. direction (features,) and bias: the linear classifier. distance, side: mean and deviation of the two
    methods' scores on training scenes. middle, edge: the median of the sum on scenes not fitted on, and what one
    scene in a hundred exceeds.
    """

    weights: str
    layer: int
    mean: torch.Tensor
    scale: torch.Tensor
    whitening: torch.Tensor
    direction: torch.Tensor
    bias: float
    distance: tuple[float, float]
    side: tuple[float, float]
    middle: float = 0.0
    edge: float = 1.0

    def sums(self, features: torch.Tensor) -> torch.Tensor:
        """The two methods' scores of features (pictures, features), each in its own deviations, added."""
        scaled = (features.float() - self.mean) / self.scale
        far = (scaled @ self.whitening).square().sum(-1).clamp(min=1e-12).log() / 2
        beyond = scaled.clamp(-6, 6) @ self.direction + self.bias
        return (far - self.distance[0]) / self.distance[1] + (beyond - self.side[0]) / self.side[1]

    def score(self, features: torch.Tensor) -> torch.Tensor:
        """0 for the middle of training scenes, 1 for what one of a hundred of them exceeds, (pictures,)."""
        return (self.sums(features) - self.middle) / (self.edge - self.middle)


def vision_tower(model: PreTrainedModel) -> torch.nn.Module | None:
    """The part of a model that encodes pictures, whichever class it has; None where there is none."""
    return next((part for part in model.modules() if _TOWER.search(type(part).__name__)), None)


def tower_features(tower: torch.nn.Module, pixels: torch.Tensor, layer: int) -> torch.Tensor:
    """Mean and deviation over the patches after a layer, float32 (pictures, 2 × hidden) on the CPU."""
    import torch

    with torch.inference_mode():
        patches = tower(pixels, output_hidden_states=True).hidden_states[layer][:, 1:].float()
        return torch.cat([patches.mean(1), patches.std(1)], -1).cpu()


def out_of_distribution_score(model: object, image: Source) -> float | None:
    """How unlike its training pictures a picture is to a loaded model of the playground (of any kind).

    About 0 for pictures like those it learnt from; one in a hundred of them exceeds 1; above 1 it is most likely
    from elsewhere, and what the model says of it means little. None where nobody has measured this for its weights.
    ``image`` is anything that `open_picture` takes. Raises MediaError for what is no picture.
    """
    network, processor = getattr(model, "model", None), getattr(model, "processor", None)
    folder = Path(getattr(network, "name_or_path", "") or "")
    known = read(folder) if network is not None else None
    if known is None or getattr(network, "peft_config", None):
        return None
    tower = vision_tower(network)
    inputs = processor.image_processor(images=open_picture(image).image, return_tensors="pt")
    pixels = inputs.pixel_values.to(network.device, network.dtype)
    return float(known.score(tower_features(tower, pixels, known.layer))[0])


def write(folder: Path, found: Statistics, figures: dict) -> None:
    """Put statistics beside the weights in ``folder``, with ``figures`` on how well they tell pictures apart."""
    from safetensors.torch import save_file

    place = Path(folder, FOLDER)
    place.mkdir(parents=True, exist_ok=True)
    names = ("mean", "scale", "whitening", "direction")
    save_file({name: getattr(found, name).half().contiguous() for name in names}, place / TENSORS)
    told = {name: value for name, value in vars(found).items() if name not in names}
    (place / FIGURES).write_text(json.dumps(told | {"measured": figures}, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> Statistics | None:
    """The statistics that count for the weights in a folder; None where there are none, or for other weights only."""
    place = Path(folder, FOLDER)
    if not (place / FIGURES).is_file():
        return None
    files = (place / FIGURES, place / TENSORS, *sorted(Path(folder).glob("*.safetensors")))
    states = tuple((file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.exists())
    return _read(place, states)


@lru_cache(maxsize=16)
def _read(place: Path, states: tuple) -> Statistics | None:
    """`read`, once for files that have not changed: hashing the weights takes a moment."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        told = json.loads((place / FIGURES).read_text(encoding="utf-8"))
        told.pop("measured", None)
        tensors = {name: tensor.float() for name, tensor in load_file(place / TENSORS).items()}
        found = Statistics(**told, **tensors)
        numbers = (found.bias, found.middle, found.edge, *found.distance, *found.side)
        if not math.isfinite(sum(numbers)) or found.edge <= found.middle:
            return None
    except (OSError, ValueError, TypeError, SafetensorError):
        return None
    return found if found.weights == fingerprint(place.parent) else None
