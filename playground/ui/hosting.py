"""What the host of a page settles by environment variables, and what visitors of a public one may load.

An address would let them reach what only the host can reach, and a folder what only its owner may read.
"""

from __future__ import annotations

import os
import re

from playground.checkpoints.catalog import find
from playground.tasks import TaskError

PUBLIC, MODEL, SERVER, HUB = "PLAYGROUND_PUBLIC", "PLAYGROUND_MODEL", "PLAYGROUND_SERVER", "PLAYGROUND_ALLOW_HUB"
UPLOAD, QUEUE = "PLAYGROUND_MAX_UPLOAD", "PLAYGROUND_QUEUE"


class SettingError(ValueError):
    """A variable of the environment says something that is no setting."""


def is_public() -> bool:
    """Whether strangers use this page: PLAYGROUND_PUBLIC is 1, or is not set and this is a Hugging Face Space."""
    return os.environ.get(PUBLIC, "1" if os.environ.get("SPACE_ID") else "0") not in ("", "0")


def largest_upload() -> str:
    """The largest file that is taken, such as "20mb": PLAYGROUND_MAX_UPLOAD, or 20 MB on a public page, else 50 MB.

    Raises:
        SettingError: the variable is no size.
    """
    size = os.environ.get(UPLOAD, "").strip().lower().replace(" ", "") or ("20mb" if is_public() else "50mb")
    if not re.fullmatch(r"[1-9]\d{0,5}(kb|mb|gb)", size):
        raise SettingError(f"{UPLOAD} is “{size}”, which is no size. Write a number and its unit, such as 20mb.")
    return size


def longest_queue() -> int:
    """How many questions may wait at once; whoever comes then is told to try again: PLAYGROUND_QUEUE, or 64.

    Raises:
        SettingError: the variable is no number from 1 on.
    """
    length = os.environ.get(QUEUE, "").strip() or "64"
    if not re.fullmatch(r"[1-9]\d{0,5}", length):
        raise SettingError(f"{QUEUE} is “{length}”, which is no length. Write a number from 1 on, such as 64.")
    return int(length)


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
