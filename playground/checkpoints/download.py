"""A download that shows how far it is and can be ended at any moment: it runs as a process of its own.

The Hub's client downloads in threads, some of them not Python's; none of them can be told to stop. A process can.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from playground.checkpoints.files import LoadError
from playground.checkpoints.hub import Offer, ask_hub, broken_off, check_disk

_SECONDS_BETWEEN_LOOKS = 0.3
_SECONDS_TO_TIDY_UP = 5.0


@dataclass(frozen=True)
class Progress:
    """How far the download of one model is: bytes that came, and bytes in all (of what was missing)."""

    hub_id: str
    done: int
    total: int


def download(offer: Offer) -> Generator[Progress, None, None]:
    """Fetch what the offer lists into the Hub's cache, telling several times a second how far it is.

    Closing the generator ends the download within seconds; files that came whole stay, and the next try goes on
    from them. Raises LoadError with a sentence when it cannot begin, breaks off, or fills the disk.
    """
    check_disk(offer)
    before = _bytes_in_cache(offer)
    process = _start(offer.hub_id)
    try:
        while process.poll() is None:
            yield Progress(offer.hub_id, min(offer.bytes, _bytes_in_cache(offer) - before), offer.bytes)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        said = process.stdout.read().strip().splitlines()
        if process.returncode != 0:
            sentence = json.loads(said[-1]) if said else broken_off(offer.hub_id, ConnectionError())
            raise LoadError(sentence)
        yield Progress(offer.hub_id, offer.bytes, offer.bytes)
    finally:
        _end(process)


def _bytes_in_cache(offer: Offer) -> int:
    """What the cache holds of this model; half-written files count by the blocks they take."""
    total = 0
    for file in (offer.folder.parents[1] / "blobs").glob("*"):
        try:
            state = file.stat()
        except OSError:  # moved away between the look and the question
            continue
        total += min(state.st_size, getattr(state, "st_blocks", state.st_size) * 512)
    return total


def _start(hub_id: str) -> subprocess.Popen:
    """Begin `python -m playground.checkpoints.download` with this process's own settings of the Hub."""
    from huggingface_hub import constants

    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    hub = {
        "HF_ENDPOINT": constants.ENDPOINT,
        "HF_HUB_CACHE": str(constants.HF_HUB_CACHE),
        "HF_HUB_OFFLINE": str(int(constants.HF_HUB_OFFLINE)),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "playground.checkpoints.download", hub_id],
        env={**os.environ, **hub, "PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_SECONDS_TO_TIDY_UP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdin.close()
    process.stdout.close()


def main(hub_id: str) -> None:
    """Download one model file by file; what goes wrong is printed as one JSON string."""
    from huggingface_hub import hf_hub_download

    # Being ended is an exception here, so that the client removes the file it was writing.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_the_app, daemon=True).start()
    try:
        for file in ask_hub(hub_id).files:
            hf_hub_download(hub_id, file)
        return
    except LoadError as error:
        sentence = str(error)
    except Exception as error:
        sentence = broken_off(hub_id, error)
    print(json.dumps(sentence))
    sys.exit(1)


def _end_with_the_app() -> None:
    sys.stdin.read()  # returns when whoever started this is gone
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1])
