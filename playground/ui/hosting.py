"""What visitors of a public page may load: on a Space, or where PLAYGROUND_PUBLIC is set, not whatever they type.

An address would let them reach what only the host can reach, and a folder what only its owner may read.
"""

from __future__ import annotations

import os

from playground.checkpoints.catalog import find
from playground.tasks import TaskError

PUBLIC, MODEL, SERVER, HUB = "PLAYGROUND_PUBLIC", "PLAYGROUND_MODEL", "PLAYGROUND_SERVER", "PLAYGROUND_ALLOW_HUB"


def is_public() -> bool:
    """Whether strangers use this page: PLAYGROUND_PUBLIC is 1, or is not set and this is a Hugging Face Space."""
    return os.environ.get(PUBLIC, "1" if os.environ.get("SPACE_ID") else "0") not in ("", "0")


def check_allowed(name: str) -> None:
    """Raise TaskError where visitors of a public page may not have this model.

    They may have the catalogue's, the one that the page began with (PLAYGROUND_MODEL), those of the server that
    PLAYGROUND_SERVER names, and, where PLAYGROUND_ALLOW_HUB is 1, any on the Hub.
    """
    name = name.strip()
    server = os.environ.get(SERVER, "").rstrip("/")
    own = name == os.environ.get(MODEL) or (server and name.partition("#")[0].rstrip("/") == server)
    if not is_public() or own or find(name):
        return
    from playground.checkpoints.plan import folder_named

    on_the_hub = "://" not in name and folder_named(name) is None
    if on_the_hub and os.environ.get(HUB) == "1":
        return
    raise TaskError(
        "This page is public, so it loads only models of its list. Run the playground on your own machine for Hub "
        "ids, folders and servers, or duplicate this Space."
    )
