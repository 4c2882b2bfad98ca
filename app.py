"""The door: `python app.py` opens the playground. A Hugging Face Space runs the same file.

The page is served before torch is imported; the model wakes in the background.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from playground.terminal import forgiving_output


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the options, serve the page, wake the model, and stay until interrupted."""
    with forgiving_output():
        options = parse(arguments)
        from playground.ui.serve import serve

        serve(vars(options))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line; the environment says what none of them does, as Spaces and Docker want it."""
    parser = argparse.ArgumentParser(description="Open the VLM Playground in the browser.")
    parser.add_argument(
        "--host", help="the address to listen on; 0.0.0.0 lets other machines in (default: GRADIO_SERVER_NAME, or "
        "127.0.0.1)",
    )  # fmt: skip
    parser.add_argument("--port", help="the port to listen on, 0 for any (default: GRADIO_SERVER_PORT, or 7860)")
    parser.add_argument(
        "--model",
        help="the chat model to begin with: a catalogue name, a Hub id, a folder or a server (default: "
        "PLAYGROUND_MODEL, or moji-vlm)",
    )
    parser.add_argument("--share", action="store_const", const=True, help="also open a public link through gradio.live")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
