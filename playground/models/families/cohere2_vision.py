"""Cohere2Vision, Command A Vision (Cohere 2025): tiles of a picture as in InternVL, and a decoder with windows.

How its tokens lie on the picture is not known here, so it has no maps.
"""

from __future__ import annotations

from playground.models.families.base import Family

COHERE2_VISION = Family("Cohere2Vision", ("cohere2_vision",), encoding="stacked", continues=True)
