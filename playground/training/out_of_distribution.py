"""What is unlike Moji's world: ``python -m playground.training.out_of_distribution``.

Fits the score of ``models.out_of_distribution`` for the shipped models and writes it beside their weights, with how
well it tells pictures from elsewhere (scikit-image's photographs, textures, pages, noise, screens) from fresh scenes
and from scenes in other light and looks. None of the pictures
that it is measured with took part in the fit. A model takes some three minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import LogisticRegression

from playground import load
from playground.checkpoints.catalog import find
from playground.checkpoints.fingerprint import fingerprint
from playground.models.out_of_distribution import Statistics, tower_features, vision_tower, write
from playground.moji.elsewhere import made_elsewhere
from playground.moji.fresh import EVALUATION, fresh_scenes
from playground.moji.scenes import Scene
from playground.training.augment import relit
from playground.training.measures_outside import auroc, outside_pictures
from playground.training.scene_tensors import pixel_values, training_pixels, training_scene

LAYER = 3  # of six: the one after which the score tells most apart, see the log
MODELS = ("moji-clip", "moji-vlm", "moji-blip", "moji-clipseg", "moji-owl")
_STRENGTH = 0.002  # inverse of the classifier's penalty: a stronger one fits the made-up pictures alone
_AT_ONCE = 32
Features = Callable[[torch.Tensor], torch.Tensor]


def augmented_pixels(count: int, seed: int) -> torch.Tensor:
    """Training scenes in other looks and light, (count, 3, 192, 192) in −1 … 1, none of which training draws."""
    scenes: list[Scene] = [training_scene(np.random.default_rng((EVALUATION, seed, 1, i))) for i in range(count)]
    return training_pixels(scenes, np.random.default_rng((EVALUATION, seed, 2)))


def elsewhere_pixels(count: int, seed: int) -> torch.Tensor:
    """Made-up pictures in the same lights as the scenes, so that light alone says nothing."""
    pixels = torch.from_numpy(made_elsewhere(count, seed)).permute(0, 3, 1, 2).float() / 255
    named = torch.zeros(count, 1, *pixels.shape[2:], dtype=torch.bool)
    return relit(pixels, named, np.random.default_rng((EVALUATION, seed, 3))) * 2 - 1


def picture_pixels(pictures: list[Image.Image]) -> torch.Tensor:
    """Pictures of any size as the models' own image processor makes them."""
    square = [np.asarray(picture.convert("RGB").resize((192, 192), Image.Resampling.BILINEAR)) for picture in pictures]
    return torch.from_numpy(np.stack(square)).permute(0, 3, 1, 2).float() / 127.5 - 1


def features_of(model: object, layer: int) -> Features:
    """What turns pixels into the features of a loaded model's tower, some pictures at once."""
    tower = vision_tower(model.model)

    def features(pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([tower_features(tower, some, layer) for some in pixels.split(_AT_ONCE)])

    return features


def fit(inside: torch.Tensor, outside: torch.Tensor, layer: int, weights: str) -> Statistics:
    """Statistics of features (pictures, features) of scenes, and of pictures from elsewhere."""
    mean, scale = inside.mean(0), inside.std(0) + 1e-6
    scaled = ((inside - mean) / scale).double().numpy()
    precision = LedoitWolf(assume_centered=True).fit(scaled).precision_
    values, vectors = np.linalg.eigh(precision)
    whitening = vectors * np.sqrt(values.clip(min=0))
    both = np.concatenate([scaled, ((outside - mean) / scale).numpy()]).clip(-6, 6)
    truth = np.repeat([0, 1], [len(inside), len(outside)])
    line = LogisticRegression(C=_STRENGTH, max_iter=500).fit(both, truth)
    far, beyond = np.log(np.square(scaled @ whitening).sum(1)) / 2, line.decision_function(both[: len(inside)])
    tensors = (torch.from_numpy(each).float() for each in (whitening, line.coef_[0]))
    return Statistics(
        weights,
        layer,
        mean,
        scale,
        *tensors,
        float(line.intercept_[0]),
        (float(far.mean()), float(far.std())),
        (float(beyond.mean()), float(beyond.std())),
    )


def settle(found: Statistics, held_out: torch.Tensor) -> Statistics:
    """The same with a scale: 0 in the middle of features that were not fitted on, 1 at the last hundredth."""
    sums = found.sums(held_out)
    return Statistics(**vars(found) | {"middle": float(sums.median()), "edge": float(sums.quantile(0.99))})


def measure(found: Statistics, features: Features, scenes: int, seed: int) -> dict[str, dict[str, float]]:
    """AUROC of every sort of picture from outside against fresh and augmented scenes, and the share above 1."""
    fresh = pixel_values(fresh_scenes(scenes, seed))
    inside = {"fresh": fresh, "augmented": augmented_pixels(scenes, seed + 1)}
    scores = {name: found.score(features(pixels)).numpy() for name, pixels in inside.items()}
    sorts = outside_pictures(seed)
    sorts.pop("plain colours", None)  # a ground with nothing on it is a scene without things, not another world
    outside = {name: found.score(features(picture_pixels(list(pictures)))).numpy() for name, pictures in sorts.items()}
    outside["all"] = np.concatenate(list(outside.values()))
    told = {name: {kind: auroc(own, each) for kind, own in scores.items()} for name, each in outside.items()}
    above = {name: float((each > 1).mean()) for name, each in (scores | outside).items()}
    return {"auroc": told, "above 1": above}


def fit_model(name: str, layer: int = LAYER, scenes: int = 800, seed: int = 11) -> tuple[Statistics, Features]:
    """Statistics for a shipped model, and what makes its features."""
    features = features_of(load(name), layer)
    inside = torch.cat(
        [features(pixel_values(fresh_scenes(scenes // 2, seed))), features(augmented_pixels(scenes, seed))]
    )
    outside = features(elsewhere_pixels(scenes, seed))
    found = fit(inside, outside, layer, fingerprint(Path(find(name).source)))
    held_out = [pixel_values(fresh_scenes(scenes // 4, seed + 1)), augmented_pixels(scenes // 4, seed + 1)]
    return settle(found, features(torch.cat(held_out))), features


def main() -> None:
    """Fit, measure and write for every shipped model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=[name for name in MODELS if find(name)])
    parser.add_argument("--scenes", type=int, default=800, help="to fit with; half as many fresh ones come on top")
    parser.add_argument("--layer", type=int, default=LAYER, help="of the vision tower")
    parser.add_argument("--dry", action="store_true", help="measure alone, write nothing")
    arguments = parser.parse_args()
    for name in arguments.models:
        found, features = fit_model(name, arguments.layer, arguments.scenes)
        figures = measure(found, features, max(20, arguments.scenes // 4), 21)
        if not arguments.dry:
            write(Path(find(name).source), found, figures)
        print(f"{name}: " + ", ".join(f"{kind} {value:.3f}" for kind, value in figures["auroc"]["all"].items()))
        for sort, share in figures["above 1"].items():
            print(f"  {sort:12} above 1: {share:4.0%}  AUROC {figures['auroc'].get(sort, {})}")


if __name__ == "__main__":
    main()
