"""Open the app in the browser.

The page is served before torch is imported; the model wakes in the background.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec


def options_of(parser: argparse.ArgumentParser) -> None:
    """Name the options of the command; the environment says what none of them does, as Spaces and Docker want it."""
    parser.add_argument(
        "--host",
        help="the address to listen on; 0.0.0.0 lets other machines in (default: GRADIO_SERVER_NAME, or 127.0.0.1)",
    )
    parser.add_argument("--port", help="the port to listen on, 0 for any (default: GRADIO_SERVER_PORT, or 7860)")
    parser.add_argument(
        "--model",
        help="the chat model to begin with: a catalogue name, a Hub id, a folder or a server (default: "
        "PLAYGROUND_MODEL, or moji-vlm)",
    )
    parser.add_argument(
        "--image-tokens",
        metavar="N",
        help="the most tokens that a picture may cost, 0 for as many as a model's own settings have (default: "
        "PLAYGROUND_IMAGE_TOKENS, or what suits the device)",
    )
    parser.add_argument("--share", action="store_const", const=True, help="also open a public link through gradio.live")


def run(options: argparse.Namespace) -> None:
    """Serve the page, load the model, and stay until interrupted.

    Raises:
        SystemExit: with a sentence where it cannot be served.
    """
    if find_spec("gradio") is None:
        raise SystemExit('The app needs more packages than the library does. Run: pip install "vlm-playground[app]"')
    from playground.settings import OPTIONS
    from playground.ui.serve import serve

    serve({name: getattr(options, name) for name in OPTIONS})
