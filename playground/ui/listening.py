"""Where the page is served: an address and a port that can be listened on, tried before anything heavy is imported."""

from __future__ import annotations

import errno
import socket

from playground.settings import SettingError


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
