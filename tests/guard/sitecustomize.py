"""Python imports this before the app: it refuses and writes down every way out of the machine.

Name look-ups count as well: asking a name server is a request, too.
"""

from __future__ import annotations

import os
import socket
from typing import Any

_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")
_REPORT = os.environ["PLAYGROUND_GUARD_REPORT"]


def _check(host: object) -> None:
    if host is None or str(host).startswith(_LOCAL):
        return
    with open(_REPORT, "a") as report:
        report.write(f"{host}\n")
    raise ConnectionRefusedError(f"{host} is outside this machine")


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(address[0])
        return connect(self, address)

    return guarded


def _guarded_lookup(host: Any, *others: Any, **options: Any) -> Any:
    _check(host.decode() if isinstance(host, bytes) else host)
    return _lookup(host, *others, **options)


_lookup = socket.getaddrinfo
socket.getaddrinfo = _guarded_lookup
socket.socket.connect = _guarded(socket.socket.connect)
socket.socket.connect_ex = _guarded(socket.socket.connect_ex)
