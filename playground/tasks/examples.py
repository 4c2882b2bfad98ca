"""The example scenes that come with the app, and the truth that is known about them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from playground.assets import assets

FOLDER = assets("examples")


@dataclass(frozen=True)
class Example:
    """A scene with something to ask about it.

    Attributes:
        path: the picture.
        alt: what it shows, for people who do not see it.
        question: a question that it answers.
        phrases: what can be segmented in it, separated by commas.
        nouns: its things, in the order of the label image beside it.
    """

    path: Path
    alt: str
    question: str
    phrases: str
    nouns: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name in links: "two-dogs" for two-dogs.png."""
        return self.path.stem

    @property
    def title(self) -> str:
        """Its name for people: "Two dogs" for two-dogs.png."""
        return self.name.replace("-", " ").capitalize()


@dataclass(frozen=True)
class Truth:
    """What stands where in an example scene: uint8 labels (H, W), where i + 1 marks the i-th of `nouns`."""

    nouns: tuple[str, ...]
    labels: np.ndarray

    def mask(self, noun: str) -> np.ndarray:
        """Bool (H, W): every thing of this name."""
        return np.isin(self.labels, [index + 1 for index, name in enumerate(self.nouns) if name == noun])

    def called(self, noun: str) -> str:
        """The things of this name: "dog" for one, "dogs" for several."""
        if self.nouns.count(noun) < 2:
            return noun
        return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"

    def named_in(self, texts: Iterable[str]) -> str | None:
        """The first thing that one of the texts names, in singular or plural; earlier texts count first."""
        for text in texts:
            places = {
                found.start(): noun
                for noun in self.nouns
                if (found := re.search(rf"\b{re.escape(noun)}(s|es)?\b", text.lower()))
            }
            if places:
                return places[min(places)]
        return None


@lru_cache(maxsize=1)
def examples() -> tuple[Example, ...]:
    """All example scenes, in the order of `examples.json`; none where the folder is missing."""
    listing = FOLDER / "examples.json"
    if not listing.is_file():
        return ()
    return tuple(_example(item) for item in json.loads(listing.read_text(encoding="utf-8")))


def _example(item: dict) -> Example:
    phrases = item["phrases"]
    return Example(
        path=FOLDER / item["file"],
        alt=item["alt"],
        question=item["question"],
        phrases=phrases if isinstance(phrases, str) else ", ".join(phrases),
        nouns=tuple(thing["noun"] for thing in item["objects"]),
    )


def example_of(image: Image.Image) -> Example | None:
    """The example scene that this picture is, pixel for pixel; None for any other picture."""
    return _by_pixels().get(_digest(image))


def truth_of(image: Image.Image) -> Truth | None:
    """The truth about a picture that is, pixel for pixel, one of the example scenes; None for any other."""
    example = example_of(image)
    if example is None:
        return None
    with Image.open(example.path.with_suffix(".masks.png")) as labels:
        return Truth(example.nouns, np.asarray(labels))


@lru_cache(maxsize=1)
def _by_pixels() -> dict[str, Example]:
    return {_digest(Image.open(example.path)): example for example in examples()}


def _digest(image: Image.Image) -> str:
    rgb = image.convert("RGB")
    return hashlib.sha256(repr(rgb.size).encode() + rgb.tobytes()).hexdigest()
