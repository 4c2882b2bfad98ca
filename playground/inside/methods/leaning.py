"""How much each word of an answer leans on the picture: what its probability loses when the picture is blank.

The share of attention that goes to the picture would be cheaper, and is no honest measure: a head that has nothing
to do puts its attention somewhere too, so articles and full stops get as much as nouns. Whether a word needs the
picture is seen by taking the picture away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from playground.inside.methods.rerun import pictures_of, probabilities

if TYPE_CHECKING:
    from PIL import Image

    from playground.inside.trace import Trace
    from playground.models.chat import ChatModel

# Words that lose less of their probability say nothing about the picture: their maps are shown as blank.
BLANK = 0.1


def leaning(model: ChatModel, trace: Trace) -> tuple[float, ...]:
    """For every word of a trace, the share of its probability that is lost over blank pictures, 0 to 1.

    A blank picture has the true one's size and mean colour. 0: the words before it are enough ("the", ".", the second
    half of a phrase); 1: without the picture it would not be said. Runs the model twice, for all words together.
    """
    pictures = pictures_of(trace)
    seen, blind = probabilities(model, trace, [pictures, [blank(picture) for picture in pictures]])
    shares = []
    for word in trace.words:
        pieces = list(word.pieces)
        shares.append(float(np.clip(1 - blind[pieces].prod() / max(seen[pieces].prod(), 1e-12), 0, 1)))
    return tuple(shares)


def blank(picture: Image.Image) -> Image.Image:
    """A picture of the same size that shows nothing but the other's mean colour."""
    from PIL import Image

    return Image.new("RGB", picture.size, mean_colour(picture))


def mean_colour(picture: Image.Image) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255."""
    return tuple(np.asarray(picture.convert("RGB")).mean(axis=(0, 1)).round().astype(int).tolist())
