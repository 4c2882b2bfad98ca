"""Recipes that make the Moji checkpoints; each stage runs with ``python -m playground.training.<stage>``."""
