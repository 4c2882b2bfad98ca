"""Detectors: OWLv2 (Minderer et al. 2023, arXiv:2306.09683) and Grounding DINO (Liu et al. 2023, arXiv:2303.05499).

OWLv2 pads a picture to a square, so its boxes are parts of that square; OWL-ViT, which stretches it, needs nothing.
Grounding DINO reads the names to find as one caption, "a cat. a dog.", and fits each place to each of its tokens.
"""

from __future__ import annotations

from playground.models.families.base import Family

OWLV2 = Family("OWLv2", ("owlv2",), padded=True)
GROUNDING_DINO = Family("Grounding DINO", (".*grounding-dino.*",), one_caption=True)
