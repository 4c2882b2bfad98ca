"""Open the app in the browser.

The page is served before torch is imported; the model wakes in the background.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec


def options_of(parser: argparse.ArgumentParser) -> None:
    """Name the options of the command; the environment gives the defaults, as Spaces and Docker want it."""
    parser.add_argument(
        "--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        help="the address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=os.environ.get("GRADIO_SERVER_PORT", "7860"),
        help="the port to listen on (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--model", default=os.environ.get("PLAYGROUND_MODEL", "moji-vlm"),
        help="the chat model to begin with: a catalogue name, a Hub id, a folder or a server (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--share", action="store_true", help="also open a public link through gradio.live")


def run(options: argparse.Namespace) -> None:
    """Serve the page, wake the model, and stay until interrupted.

    Raises:
        SystemExit: with a sentence where it cannot be served.
    """
    if find_spec("gradio") is None:
        raise SystemExit('The app needs more packages than the library does. Run: pip install "vlm-playground[app]"')
    # Gradio's MCP server has a client inside that reports to huggingface.co; read when huggingface_hub is imported.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # The check of one format of addresses, which nobody here asks for, builds its grammar for more than a second.
    sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema, which MCP brings, does without it
    from playground.ui.frame import build
    from playground.ui.hosting import SettingError
    from playground.ui.loaded import wake
    from playground.ui.theme import launch_options
    from playground.ui.tools import mend

    os.environ["PLAYGROUND_MODEL"] = options.model  # what the owner chose is allowed on a public page too
    try:
        app, look = build(options.model), launch_options()
    except SettingError as error:
        raise SystemExit(str(error)) from None
    try:
        app.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            prevent_thread_lock=True,
            **look,
        )
    except OSError as error:
        if "empty port" not in str(error):  # what Gradio says, without a number, of whatever keeps it from listening
            raise
        raise SystemExit(
            f"{options.host} port {options.port} cannot be used; something else may run there. Choose another --port."
        ) from None
    mend(app)
    wake(options.model)
    app.block_thread()
