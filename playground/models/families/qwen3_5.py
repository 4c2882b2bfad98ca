"""Qwen3.5: pictures as in Qwen-VL, and a decoder most of whose layers are linear attention.

Those layers keep one running state instead of keys and values, so there is no complete attention map, and a
conversation can be continued where it ended but not taken back to where it was edited: `prefix_cache` sees the layers
and computes such a turn anew.
"""

from __future__ import annotations

from playground.models.families.base import Family
from playground.models.families.qwen_vl import merged_patches

QWEN3_5 = Family("Qwen3.5", ("qwen3_5",), encoding="list", views=merged_patches, continues=True)
