"""The pictures of a prepared prompt, part by part: told apart by content, encoded once, handed to `generate`."""

from __future__ import annotations

import hashlib
import inspect
import weakref
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from playground.models.families.registry import family_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from playground.models.generation.image_features import ImageFeatureCache


@dataclass(frozen=True, eq=False)
class Part:
    """What the vision encoder takes by itself: a picture, or one tile where a picture is cut into tiles.

    inputs: its arguments of `get_image_features`. key: SHA-256 of them, so two equal parts have equal features.
    """

    inputs: dict[str, torch.Tensor]
    key: bytes


def encodes_ahead(model: PreTrainedModel) -> bool:
    """Whether the pictures of this family can be encoded before the prompt is read."""
    return family_of(model.config).encoding is not None


def parts(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> tuple[Part, ...] | None:
    """The parts of all pictures of a prompt, in the order of their tokens; None for a family that encodes pictures
    only as it reads the prompt."""
    if not encodes_ahead(model):
        return None
    if "pixel_values" not in inputs:
        return ()
    names = inspect.signature(model.base_model.get_image_features).parameters
    taken = {name: inputs[name] for name in names if isinstance(inputs.get(name), torch.Tensor)}
    return tuple(Part(part, _key(part)) for part in _cut(taken))


def _cut(taken: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    if "image_grid_thw" in taken:  # Qwen-VL: the patches of all pictures in one row
        grids = taken["image_grid_thw"]
        patches = taken["pixel_values"].split(grids.prod(-1).tolist())
        return [
            {"pixel_values": rows, "image_grid_thw": grid} for rows, grid in zip(patches, grids.split(1), strict=True)
        ]
    tiled = taken["pixel_values"].ndim == 5 and "image_sizes" not in taken  # (1, tiles, …): Idefics3 and SmolVLM
    axis = 1 if tiled else 0
    count = taken["pixel_values"].shape[axis]
    # Whether a prompt has one picture or several says how LLaVA-OneVision encodes each: it belongs to every part.
    whole = {name: taken[name].clamp(max=2) for name in ("batch_num_images",) if name in taken}
    apart = {name: values.split(1, axis) for name, values in taken.items() if name not in whole}
    return [{name: values[place] for name, values in apart.items()} | whole for place in range(count)]


def _key(part: dict[str, torch.Tensor]) -> bytes:
    digest = hashlib.sha256()
    for name, values in sorted(part.items()):
        plain = values.detach().cpu().contiguous()
        digest.update(repr((name, plain.dtype, tuple(plain.shape))).encode())
        digest.update(plain.view(-1).view(torch.uint8).numpy())
    return digest.digest()


def features(
    model: PreTrainedModel, wanted: Sequence[Part], seen: ImageFeatureCache | None = None
) -> list[tuple[torch.Tensor, ...]]:
    """What the vision encoder makes of each part: (tokens, size), for Qwen3-VL followed by what goes into its layers.

    seen: the session's encoded pictures; only parts that are not among them are encoded, equal ones once.
    """
    owner = weakref.ref(model)
    found = {part.key: seen.get((owner, part.key)) if seen is not None else None for part in wanted}
    new = {part.key: part for part in wanted if found[part.key] is None}
    alike: dict[tuple, list[Part]] = defaultdict(list)
    for part in new.values():
        alike[_form(part)].append(part)
    for group in alike.values():
        for part, made in zip(group, _encoded(model, group), strict=True):
            found[part.key] = made
            if seen is not None:
                seen.keep((owner, part.key), tuple(tensor.clone() for tensor in made))  # a view would keep them all
    return [found[part.key] for part in wanted]


def _form(part: Part) -> tuple:
    """Parts of one form can be encoded together."""
    shapes = ((name, tuple(values.shape[1:])) for name, values in part.inputs.items())
    counts = part.inputs.get("batch_num_images")
    return (*shapes, None if counts is None else tuple(counts.tolist()))


def _encoded(model: PreTrainedModel, group: list[Part]) -> list[tuple[torch.Tensor, ...]]:
    """The features of parts of one form (see `_form`), computed together."""
    first = group[0].inputs
    tiled = first["pixel_values"].ndim == 5 and "image_sizes" not in first
    joined = {name: torch.cat([part.inputs[name] for part in group], int(tiled)) for name in first}
    with torch.no_grad():
        output = model.base_model.get_image_features(**joined, return_dict=True)
    pooled = torch.cat(tuple(output.pooler_output)).chunk(len(group)) if tiled else output.pooler_output
    layers = (pooled, *(getattr(output, "deepstack_features", None) or ()))
    return [tuple(layer[place] for layer in layers) for place in range(len(group))]


def as_outputs(
    model: PreTrainedModel, made: Sequence[tuple[torch.Tensor, ...]]
) -> dict[str, BaseModelOutputWithPooling]:
    """`features` in the form of the argument `mm_encoder_outputs` of `model.generate`."""
    if not made:
        return {}
    pooled, *deep = ([layers[place] for layers in made] for place in range(len(made[0])))
    stacked = family_of(model.config).encoding == "stacked"
    output = BaseModelOutputWithPooling(pooler_output=torch.stack(pooled) if stacked else pooled)
    if deep:
        output["deepstack_features"] = deep
    return {"image": output}
