"""Where the parts of a chat model are: the vision tower and its layers, the projector, what reads, what writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.models.families.registry import family_of

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

_PROJECTORS = ("multi_modal_projector", "connector", "merger", "deepstack_merger_list")
_FIRST = ("embeddings", "patch_embed", "pos_embed", "patch_embedder")


@dataclass(frozen=True, eq=False)
class Parts:
    """The modules of a chat model that a picture passes.

    tower: the vision encoder; patching: what of it makes patches into vectors; tower_layers: what follows.
    projector: none for a family without one; inside: whether it is part of the tower (Qwen-VL's merger).
    encoder: what reads picture and words for a decoder (Florence-2, a question-answering BLIP), with its layers; None
    for a family without one.
    decoder: what writes the answer, with its layers; writer: the module whose output has the logits. head: from a
    vector to a number for every token.
    """

    tower: nn.Module
    patching: tuple[nn.Module, ...]
    tower_layers: tuple[nn.Module, ...]
    projector: tuple[nn.Module, ...]
    inside: bool
    encoder: nn.Module | None
    encoder_layers: tuple[nn.Module, ...]
    decoder: nn.Module
    decoder_layers: tuple[nn.Module, ...]
    writer: nn.Module
    head: nn.Module


def parts_of(model: PreTrainedModel) -> Parts:
    """The parts of a model of any family.

    Raises ValueError, with a sentence, where its vision encoder or its layers are not found.
    """
    tower = model.get_encoder("image")
    if tower is model or not (tower_layers := layers_of(tower)):
        raise ValueError("It is not known here where this model's vision encoder has its layers.")
    within = [child for name, child in tower.named_children() if name in _PROJECTORS]
    beside = [child for name, child in model.base_model.named_children() if name in _PROJECTORS]
    encoder, decoder, writer, head = family_of(model.config).language_parts(model)
    return Parts(
        tower,
        _patching(tower),
        tower_layers,
        tuple(within or beside),
        bool(within),
        encoder,
        layers_of(encoder) if encoder is not None else (),
        decoder,
        layers_of(decoder),
        writer,
        head,
    )


def layers_of(part: nn.Module) -> tuple[nn.Module, ...]:
    """Its transformer layers in their order; Florence-2's tower has its own in several stages."""
    from torch import nn
    from transformers.modeling_layers import GradientCheckpointingLayer

    found = tuple(module for module in part.modules() if isinstance(module, GradientCheckpointingLayer))
    stages = getattr(part, "blocks", ())
    return found or tuple(layer for stage in stages for layer in (stage if isinstance(stage, nn.ModuleList) else ()))


def parameters(modules: Iterable[nn.Module], counted: set[int]) -> int:
    """How many weights the modules have that are not yet among `counted` (the ids of tensors), which grows."""
    total = 0
    for module in modules:
        for weight in module.parameters():
            if id(weight) not in counted:
                counted.add(id(weight))
                total += weight.numel()
    return total


def _patching(tower: nn.Module) -> tuple[nn.Module, ...]:
    """What makes a picture into the vectors that the first layer takes."""
    found = tuple(child for name, child in tower.named_children() if name in _FIRST)
    return found or tuple(getattr(tower, "convs", ())[:1])  # Florence-2 halves its grid before each stage
