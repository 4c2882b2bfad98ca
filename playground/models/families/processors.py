"""Families of which only this is known: what their processors have to know of their models.

Idefics2 (Laurençon et al. 2024, arXiv:2405.02246), Mistral 3 and Pixtral. They answer; their maps and continued
conversations are switched off.
"""

from __future__ import annotations

from operator import attrgetter

from playground.models.families.base import Family

IDEFICS2 = Family(
    "Idefics2",
    ("idefics2",),
    processor_settings={"image_seq_len": attrgetter("perceiver_config.resampler_n_latents")},
)
MISTRAL3 = Family(
    "Mistral 3",
    ("mistral3",),
    processor_settings={
        "patch_size": attrgetter("vision_config.patch_size"),
        "spatial_merge_size": attrgetter("spatial_merge_size"),
    },
)
