"""SAM (Kirillov et al. 2023, arXiv:2304.02643): a picture keeps its shape in the corner of a padded square.

Its followers SAM 2 and SAM 3 stretch the picture to the square, and need nothing special.
"""

from __future__ import annotations

from playground.models.families.base import Family

SAM = Family("SAM", ("sam",), padded=True)
