"""What finds things and cuts them out, by names or clicks.

OWLv2 (Minderer et al. 2023, arXiv:2306.09683) pads a picture to a square, so its boxes are parts of that square;
OWL-ViT, which stretches it, needs nothing special.

Grounding DINO (Liu et al. 2023, arXiv:2303.05499) reads the names to find as one caption, "a cat. a dog.", and fits
each place to each of its tokens.

SAM (Kirillov et al. 2023, arXiv:2304.02643) lets a picture keep its shape, in the corner of a padded square; its
followers SAM 2 and SAM 3 stretch the picture to the square, and need nothing special.
"""

from __future__ import annotations

from playground.models.families.base import Family

OWLV2 = Family("OWLv2", ("owlv2",), padded=True)
GROUNDING_DINO = Family("Grounding DINO", (".*grounding-dino.*",), one_caption=True)
SAM = Family("SAM", ("sam",), padded=True)
