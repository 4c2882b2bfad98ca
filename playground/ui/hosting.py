"""What visitors of a public page may load.

An address would let them reach what only the host can reach, and a folder what only its owner may read.
"""

from __future__ import annotations

from playground.checkpoints.catalog import find
from playground.models.server.address import same_server
from playground.settings import read
from playground.tasks import TaskError


def check_allowed(name: str) -> None:
    """Raise TaskError where visitors of a public page may not have this model.

    They may have the catalogue's, the one that the page began with (PLAYGROUND_MODEL), those of the server that
    PLAYGROUND_SERVER names, and, where PLAYGROUND_ALLOW_HUB says so, any on the Hub.
    """
    name, settings = name.strip(), read()
    own = name == settings.model or (settings.server and same_server(name, settings.server))
    if not settings.is_public or own or find(name):
        return
    from playground.checkpoints.plan import folder_named

    on_the_hub = "://" not in name and folder_named(name) is None
    if on_the_hub and settings.allow_hub:
        return
    raise TaskError(
        "This page is public, so it loads only models of its list. Run the playground on your own machine for Hub "
        "ids, folders and servers, or duplicate this Space."
    )
