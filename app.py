"""The door: `python app.py` opens the playground. A Hugging Face Space runs the same file.

The same as `python -m playground app`, with the same options.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from playground import cli


def main(arguments: Sequence[str] | None = None) -> None:
    """Open the app; without `arguments` the options are those that Python was started with."""
    cli.main(["app", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    main()
