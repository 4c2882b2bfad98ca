"""The start of the app: settings are checked, the page is served, the model is loaded in the background.

Everything that can be wrong with a setting is found before Gradio is imported, which takes seconds; torch is imported
when the first page is there.
"""

from __future__ import annotations

import errno
import getpass
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playground import network, settings
from playground.settings import SettingError, Settings


def serve(options: Mapping[str, Any]) -> None:
    """Serve the page and stay until interrupted.

    Args:
        options: what the command line said, by the names in `playground.settings.OPTIONS`; None where nothing.

    Raises:
        SystemExit: with a sentence for each setting that cannot be used.
    """
    try:
        chosen, host, port = prepared(options)
    except SettingError as error:
        raise SystemExit(str(error)) from None
    # Gradio's MCP server has a client inside that reports to huggingface.co; read when huggingface_hub is imported.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    _check_gradio()
    from playground.ui.api.mcp_tools import mend
    from playground.ui.app import build
    from playground.ui.loaded import load_in_background
    from playground.ui.theme import launch_options

    app = build(chosen.model)
    try:
        app.launch(
            server_name=url_host(host),
            server_port=port,
            share=chosen.share,
            prevent_thread_lock=True,
            **launch_options(),
        )
    except OSError as error:
        if "empty port" not in str(error):  # what Gradio says, without a number, of whatever keeps it from listening
            raise
        raise SystemExit(
            f"{host} port {port} cannot be used; something else may run there. Choose another --port."
        ) from None
    mend(app)
    load_in_background(chosen.model)
    app.block_thread()


def _check_gradio() -> None:
    """End with a sentence where another version of Gradio lacks what this app builds on."""
    try:
        from playground.ui import gradio_patches

        gradio_patches.check()
    except ImportError as error:
        raise SystemExit(f"Gradio cannot be used: {error}. Run: pip install -r requirements.txt.") from None
    except gradio_patches.GradioChanged as error:
        raise SystemExit(str(error)) from None


def prepared(options: Mapping[str, Any]) -> tuple[Settings, str, int]:
    """The settings, the address and port to listen on, and an environment in which Gradio and its clients can start.

    What is left aside is said on the terminal.

    Raises:
        SettingError: with a sentence for each setting that cannot be used.
    """
    chosen = settings.read(options)
    host, port = listening_at(chosen.host, chosen.port)
    settings.export(chosen, os.environ)
    os.environ["GRADIO_TEMP_DIR"] = str(temporary_folder(chosen.temporary_folder))
    for note in (*settings.unknown(os.environ), *network.make_usable(os.environ, host)):
        print(note, file=sys.stderr)
    return chosen, host, port


def temporary_folder(named: str) -> Path:
    """Where Gradio keeps what visitors upload: the folder that was named, or one in the system's for such things.

    The usual one, which all users of a machine share, may belong to somebody else: then it is one of this user's own.

    Raises:
        SettingError: nothing can be written there.
    """
    if named:
        if not _can_write(Path(named)):
            raise SettingError(f"GRADIO_TEMP_DIR is “{named}”. Accepted is a folder that can be written to.")
        return Path(named).resolve()
    try:
        around = Path(tempfile.gettempdir()).resolve()
    except OSError:
        raise SettingError(
            "There is no folder for temporary files that can be written to. Name one: GRADIO_TEMP_DIR, or TMPDIR."
        ) from None
    for folder in (around / "gradio", around / f"gradio-{_user()}"):
        if _can_write(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="gradio-"))


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _user() -> str:
    """Who runs this; a container may have a number and no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def listening_at(host: str, port: int) -> tuple[str, int]:
    """The numeric address and the port to listen on: this port, or a free one for 0.

    A name may stand for several addresses, of which some cannot be used here: `localhost` has one of IPv6 on machines
    that have none. The first that can be listened on is taken, IPv4 before IPv6.

    Args:
        host: an address or a name of this machine, IPv6 without brackets.

    Raises:
        SettingError: the name is not known, the address is not this machine's, or the port is taken or not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):  # Unicode: a name with an empty or too long part
        raise SettingError(
            f"{host} is no address and no name that is known here. Choose another --host, such as 127.0.0.1 for this "
            "machine alone, or 0.0.0.0 to let other machines in."
        ) from None
    refused: OSError | None = None
    for family, kind, protocol, _, address in sorted(found, key=lambda each: each[0] != socket.AF_INET):
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()  # of two that are bound, one may listen
                return str(address[0]), probe.getsockname()[1]
        except OSError as error:
            refused = refused or error
    assert refused is not None
    raise SettingError(_why_not(host, port, refused)) from None


def url_host(host: str) -> str:
    """A host as it stands in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _why_not(host: str, port: int, error: OSError) -> str:
    where = f"{host} port {port} cannot be used"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: something else runs there. Choose another --port; 0 takes any free one."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where}: ports below 1024 need an administrator's rights. Choose another --port, such as 7860."
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return (
            f"{where}: it is no address of this machine. Choose another --host, such as 127.0.0.1 for this machine "
            "alone, or 0.0.0.0 to let other machines in."
        )
    return f"{where} ({error.strerror or error}). Choose another --host or --port."
