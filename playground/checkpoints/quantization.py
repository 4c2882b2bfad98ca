"""Weights that were made smaller before they were published: what reads them, asked before they are fetched."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from playground.checkpoints.files import LoadError

# What `quantization_config` calls a method: the modules of which one must be there, and what to install for it.
_READERS: dict[str, tuple[tuple[str, ...], str]] = {
    "bitsandbytes": (("bitsandbytes",), "bitsandbytes"),
    "gptq": (("gptqmodel",), "gptqmodel"),
    "awq": (("gptqmodel",), "gptqmodel"),
    "auto-round": (("auto_round",), "auto-round"),
    "compressed-tensors": (("compressed_tensors",), "compressed-tensors"),
    "torchao": (("torchao",), "torchao"),
    "quanto": (("optimum",), "optimum-quanto"),
    "hqq": (("hqq",), "hqq"),
    "aqlm": (("aqlm",), "aqlm"),
    "vptq": (("vptq",), "vptq"),
    "eetq": (("eetq",), "eetq"),
    "quark": (("quark",), "amd-quark"),
    "fp8": ((), ""),
    "mxfp4": (("kernels",), "kernels"),
}


def method_of(config: Mapping[str, Any]) -> str | None:
    """How a checkpoint's weights were quantised, by its config; None where they were not."""
    told = _told(config)
    if told is None:
        return None
    if method := told.get("quant_method"):
        return str(method).removesuffix("_4bit").removesuffix("_8bit")
    return "bitsandbytes" if told.get("load_in_4bit") or told.get("load_in_8bit") else "mlx"


def check_quantization(name: str, config: Mapping[str, Any], *, four_bit: bool) -> None:
    """Raise LoadError where nothing here reads a checkpoint's quantised weights."""
    method = method_of(config)
    if method is None:
        return
    instead = "or take the original, whose weights are not quantised (`four_bit=True` makes them small here)"
    if method == "mlx":
        raise LoadError(
            f"The weights of “{name}” are quantised for Apple's MLX, which transformers cannot read: {instead[3:]}."
        )
    if method not in _READERS:
        raise LoadError(f"The weights of “{name}” are quantised by “{method}”, which is not known here: {instead[3:]}.")
    modules, package = _READERS[method]
    if modules and not any(find_spec(module) for module in modules):
        raise LoadError(
            f"The weights of “{name}” are quantised ({method}), and the package that reads them is not installed: run "
            f"`pip install {package}`, {instead}."
        )
    if four_bit:
        raise LoadError(f"The weights of “{name}” are quantised already ({method}): leave four_bit out.")


def _told(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    text = config.get("text_config")
    places = (config, text if isinstance(text, Mapping) else {})
    found = (place.get(key) for place in places for key in ("quantization_config", "quantization"))
    return next((table for table in found if isinstance(table, Mapping) and table), None)
