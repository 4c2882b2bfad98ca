"""From a name to a running model: `load`, and what its steps need of a checkpoint's files."""

from playground.models.loading.kept_models import LoadError, is_address, load, loaded, planned, unload

__all__ = ["LoadError", "is_address", "load", "loaded", "planned", "unload"]
