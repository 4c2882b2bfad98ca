"""Measure which map method to believe, on fresh scenes with exact masks, and print a table for each model."""

from __future__ import annotations

import argparse
from pathlib import Path

from playground.interpret.methods import METHODS

MODELS = ("moji-vlm", "moji-blip")


def options_of(parser: argparse.ArgumentParser) -> None:
    """Name the options of the command."""
    parser.add_argument("--scenes", type=int, default=500)
    parser.add_argument("--few", type=int, help="how many of them take what runs the model many times (a tenth)")
    parser.add_argument("--models", nargs="+", default=MODELS, metavar="MODEL", help="models that know Moji's world")
    parser.add_argument("--methods", nargs="+", default=tuple(METHODS), choices=tuple(METHODS), metavar="METHOD")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="where the figures go as JSON, for example docs/maps.json")


def run(options: argparse.Namespace) -> None:
    """Measure and print; on two cores 500 scenes take some 25 minutes a model."""
    from playground.interpret.metrics.table import run as measure_and_print

    measure_and_print(options)
