"""Which parts learn in which stage, and from what: the whole training of Moji at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Stage:
    """One recipe: the checkpoint it makes, the parts that learn (all others are frozen), what is minimised."""

    makes: str
    learns: tuple[str, ...]
    frozen: tuple[str, ...]
    objective: str


STAGES = {
    "encoder": Stage(
        "moji-clip",
        ("vision encoder", "text encoder", "projections"),
        (),
        "image–caption contrast + patch–word contrast + patch boxes",
    ),
    "segmentation": Stage(
        "moji-clipseg", ("mask decoder",), ("vision encoder", "text encoder", "projections"), "pixel masks of phrases"
    ),
    "alignment": Stage(
        "moji-vlm", ("projector", "word embeddings"), ("vision tower", "language model"), "patch → the word it shows"
    ),
    "instruction": Stage(
        "moji-vlm", ("projector", "word embeddings", "language model"), ("vision tower",), "next word of answers"
    ),
}

# The first prefix that fits a parameter's name says which part it belongs to.
PARTS = {
    "model.vision_tower.": "vision tower",
    "model.multi_modal_projector.": "projector",
    "model.language_model.embed_tokens.": "word embeddings",
    "lm_head.": "word embeddings",
    "model.language_model.": "language model",
    "decoder.": "mask decoder",
    "clip.vision_model.": "vision encoder",
    "clip.text_model.": "text encoder",
    "clip.": "projections",
}


def part_of(parameter: str) -> str:
    """The part of the model that a parameter of this name belongs to."""
    return next(part for prefix, part in PARTS.items() if parameter.startswith(prefix))


def set_learning(model: nn.Module, stage: str) -> None:
    """Freeze every parameter of ``model`` but those of the parts that learn in this stage."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(part_of(name) in STAGES[stage].learns)


def announce(name: str) -> None:
    """Print what a stage trains and what it leaves alone."""
    stage = STAGES[name]
    print(f"{name} → {stage.makes}: {stage.objective}")
    print(f"  learns: {', '.join(stage.learns)}")
    print(f"  frozen: {', '.join(stage.frozen) or 'nothing'}")
