"""The commands, one module each, named in `playground.cli.COMMANDS`.

The first line of a module's docstring is its help; `options_of(parser)` names its options and imports nothing heavy;
`run(options)` does it, and raises SystemExit with a sentence where it cannot be done.
"""
