"""Every command: `vlm-playground COMMAND`, or `python -m playground COMMAND`, from any folder.

With no command, or with the options of `app` alone, the app opens.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from playground.terminal import forgiving_output

COMMANDS = (
    "app",
    "caption",
    "check",
    "maps",
    "models",
)
"""The commands; each is a module of `playground.commands`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; torch is imported only where a model is needed for it.

    Args:
        arguments: the command and its options; by default what the program was started with.
    """
    with forgiving_output():
        options = parser().parse_args(_completed(sys.argv[1:] if arguments is None else list(arguments)))
        options.run(options)


def parser() -> argparse.ArgumentParser:
    """What each command understands."""
    whole = argparse.ArgumentParser("vlm-playground", description="Use vision-language models and see how they work.")
    commands = whole.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        module = import_module(f"playground.commands.{name}")
        told = module.__doc__.partition("\n")[0]
        one = commands.add_parser(name, help=told, description=told)
        module.options_of(one)
        one.set_defaults(run=module.run)
    return whole


def _completed(arguments: list[str]) -> list[str]:
    """The arguments with the command that they leave out."""
    leaves_out = not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help"))
    return ["app", *arguments] if leaves_out else arguments
