"""What every family is driven with in the tests: the table of families and verbs in the documentation is made of this.

`test_families` drives each verb that a chat family claims here, and sees that what it does not claim is refused with a
sentence; `test_embedding_segmentation` and `test_detection` drive the others. A family's key is the name of its tiny
checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """name: for people. example: a checkpoint on the Hub, or an embedded model. verbs: what is driven."""

    name: str
    example: str
    verbs: tuple[str, ...]


ANSWER, CANDIDATES, GIVEN = "answer, streamed", "likely answers", "how likely given answers are"
SEVERAL_PICTURES, SEVERAL_TURNS, SYSTEM_PROMPT = "several pictures", "several turns", "system prompt"
LAYOUT, ATTENTION = "image tokens on the picture", "attention"
CHAT_VERBS = (ANSWER, CANDIDATES, GIVEN, SEVERAL_PICTURES, SEVERAL_TURNS, SYSTEM_PROMPT, LAYOUT, ATTENTION)

_ONE_MESSAGE = (ANSWER, CANDIDATES, GIVEN, LAYOUT, ATTENTION)

_TALKS = (SEVERAL_PICTURES, SEVERAL_TURNS, SYSTEM_PROMPT)

CHAT_FAMILIES: dict[str, Family] = {
    "smolvlm": Family("SmolVLM, SmolVLM2", "HuggingFaceTB/SmolVLM-256M-Instruct", CHAT_VERBS),
    "llava_words": Family("Moji (LLaVA)", "moji-vlm", tuple(verb for verb in CHAT_VERBS if verb != SYSTEM_PROMPT)),
    "idefics3": Family("Idefics3", "HuggingFaceM4/Idefics3-8B-Llama3", CHAT_VERBS),
    "llava_clip": Family("LLaVA 1.5", "llava-hf/llava-1.5-7b-hf", CHAT_VERBS),
    "llava_next": Family("LLaVA-NeXT", "llava-hf/llava-v1.6-mistral-7b-hf", CHAT_VERBS),
    "llava_onevision": Family("LLaVA-OneVision", "llava-hf/llava-onevision-qwen2-0.5b-ov-hf", CHAT_VERBS),
    "qwen2_5_vl": Family("Qwen2.5-VL", "Qwen/Qwen2.5-VL-3B-Instruct", CHAT_VERBS),
    "qwen3_vl": Family("Qwen3-VL", "Qwen/Qwen3-VL-2B-Instruct", CHAT_VERBS),
    "qwen3_5": Family("Qwen3.5", "Qwen/Qwen3.5-4B", tuple(verb for verb in CHAT_VERBS if verb != ATTENTION)),
    "internvl": Family("InternVL", "OpenGVLab/InternVL3-1B-hf", CHAT_VERBS),
    "gemma3": Family("Gemma 3", "google/gemma-3-4b-it", CHAT_VERBS),
    "cohere2_vision": Family(
        "Cohere2Vision", "CohereLabs/command-a-vision-07-2025", (ANSWER, CANDIDATES, GIVEN, *_TALKS)
    ),
    "paligemma": Family("PaliGemma", "google/paligemma-3b-mix-224", (*_ONE_MESSAGE, SEVERAL_PICTURES)),
    "florence2": Family("Florence-2", "florence-community/Florence-2-base", _ONE_MESSAGE),
    "blip": Family("BLIP, captions", "Salesforce/blip-image-captioning-large", _ONE_MESSAGE),
    "blip_vqa": Family("BLIP, answers", "Salesforce/blip-vqa-base", (ANSWER, CANDIDATES, GIVEN)),
    "blip_chat": Family("BLIP with a chat template", "moji-blip", (*_ONE_MESSAGE, SEVERAL_TURNS)),
}

VECTORS, FITS, ENCODED_ONCE = "vectors of pictures and texts", "how well labels fit", "picture encoded once"
WORDS, CLICKS, BOXES = "words to masks", "clicks or a box to masks", "names to boxes"

_EMBEDS = (VECTORS, FITS, ENCODED_ONCE)

ENCODER_FAMILIES: dict[str, Family] = {
    "clip": Family("CLIP", "openai/clip-vit-base-patch32", _EMBEDS),
    "siglip": Family("SigLIP", "google/siglip-base-patch16-224", _EMBEDS),
    "siglip2": Family("SigLIP 2", "google/siglip2-base-patch16-224", _EMBEDS),
    "siglip2_naflex": Family("SigLIP 2 NaFlex", "google/siglip2-base-patch16-naflex", _EMBEDS),
    "clipseg": Family("CLIPSeg", "CIDAS/clipseg-rd64-refined", (WORDS, ENCODED_ONCE)),
    "sam": Family("SAM", "facebook/sam-vit-base", (CLICKS, ENCODED_ONCE)),
    "sam2_video": Family("SAM 2", "facebook/sam2.1-hiera-tiny", (CLICKS, ENCODED_ONCE)),
    "sam3_video": Family("SAM 3", "facebook/sam3", (WORDS, CLICKS, ENCODED_ONCE)),
    "owlvit": Family("OWL-ViT", "google/owlvit-base-patch32", (BOXES, ENCODED_ONCE)),
    "owlv2": Family("OWLv2", "google/owlv2-base-patch16-ensemble", (BOXES, ENCODED_ONCE)),
    "grounding_dino": Family("Grounding DINO", "IDEA-Research/grounding-dino-tiny", (BOXES,)),
}

FAMILIES: dict[str, Family] = {**CHAT_FAMILIES, **ENCODER_FAMILIES}
