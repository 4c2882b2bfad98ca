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
    "detection": Stage(
        "moji-owl",
        ("detection heads", "upper vision layers"),
        ("lower vision layers", "text encoder", "projections"),
        "centre patches of phrases + patch boxes",
    ),
    "alignment": Stage(
        "moji-vlm", ("projector", "word embeddings"), ("vision tower", "language model"), "patch → the word it shows"
    ),
    "instruction": Stage(
        "moji-vlm", ("projector", "word embeddings", "language model"), ("vision tower",), "next word of answers"
    ),
    "lora": Stage(
        "moji-vlm-json",
        ("adapters",),
        ("vision tower", "projector", "word embeddings", "language model"),
        "next word of answers in JSON, ordinary talks beside them",
    ),
    "preference": Stage(
        "moji-vlm-preferred",
        ("language model",),
        ("vision tower", "projector", "word embeddings"),
        "true answers likelier than hallucinated ones, measured against the start",
    ),
    "reward": Stage(
        "moji-vlm-rewarded",
        ("projector", "word embeddings", "language model"),
        ("vision tower",),
        "own answers likelier by how right they are",
    ),
    "everything": Stage(
        "moji-vlm", ("vision tower", "projector", "word embeddings", "language model"), (), "next word of answers"
    ),
    "blip": Stage(
        "moji-blip",
        ("BLIP vision tower", "BLIP text decoder"),
        (),
        "image–caption contrast + matching + next word of captions and answers + words and boxes of patches",
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
    "class_head.": "detection heads",
    "box_head.": "detection heads",
    "layer_norm.": "detection heads",
    "owlvit.vision_model.embeddings.": "lower vision layers",
    "owlvit.vision_model.pre_layernorm.": "lower vision layers",
    "owlvit.vision_model.encoder.layers.0.": "lower vision layers",
    "owlvit.vision_model.encoder.layers.1.": "lower vision layers",
    "owlvit.vision_model.encoder.layers.2.": "lower vision layers",
    "owlvit.vision_model.": "upper vision layers",
    "owlvit.text_model.": "text encoder",
    "owlvit.": "projections",
    "vision_model.": "BLIP vision tower",
    "text_decoder.": "BLIP text decoder",
    "clip.vision_model.": "vision encoder",
    "clip.text_model.": "text encoder",
    "clip.": "projections",
}


def part_of(parameter: str) -> str:
    """The part of the model that a parameter of this name belongs to."""
    if ".lora_" in parameter or ".trainable_tokens_" in parameter:
        return "adapters"
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
