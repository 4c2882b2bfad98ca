"""What the environment says about the network: what can be used is used, what cannot is said and left aside.

HTTP clients read proxies and certificates from there when they are made, Gradio's at its import, and end in a traceback
over what they do not understand. And nothing on this machine itself is ever asked through a proxy.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import MutableMapping
from contextlib import suppress
from urllib.parse import urlsplit

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in an address, is this machine talking to itself."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def unusable_proxies(variables: MutableMapping[str, str]) -> dict[str, str]:
    """The variables that name a proxy which no client can use, each with a sentence that says why."""
    found = {name: variables.get(name, "").strip() for name in PROXIES}
    reasons = {name: _why_not(value) for name, value in found.items() if value}
    return {name: f"{name} is “{_shown(found[name])}”: {reason}" for name, reason in reasons.items() if reason}


def make_usable(variables: MutableMapping[str, str], *own_hosts: str) -> list[str]:
    """Take out of the environment what HTTP clients cannot use, and let nothing on this machine go through a proxy.

    Args:
        variables: the environment, which is changed.
        own_hosts: further hosts that are this machine, such as the one that the page is served on.

    Returns:
        A sentence for each thing that was left aside.
    """
    notes = []
    for name, sentence in unusable_proxies(variables).items():
        del variables[name]
        notes.append(f"{sentence} It is left aside.")
    return notes + spare_this_machine(variables, *own_hosts) + _leave_certificates(variables)


def _why_not(value: str) -> str | None:
    """Why no client can use this proxy, a sentence; None where it can. The client itself is asked."""
    import httpx

    address = value if "://" in value else f"http://{value}"
    try:
        if not urlsplit(address).hostname:
            raise ValueError(address)
        httpx.Client(proxy=address, verify=False).close()
    except ImportError:
        return "a SOCKS proxy needs one package more, pip install socksio."
    except Exception:  # clients name several kinds of wrong addresses, each in its own way
        return "that is no address of a proxy, such as http://host:3128."
    return None


def spare_this_machine(variables: MutableMapping[str, str], *own_hosts: str) -> list[str]:
    """Write NO_PROXY anew, in both spellings: the entries that clients understand, and this machine.

    Changes nothing where the environment says nothing about proxies; returns a sentence for each entry left aside.
    """
    if not any(variables.get(name) for name in (*PROXIES, "NO_PROXY", "no_proxy")):
        return []
    told = variables.get("no_proxy") or variables.get("NO_PROXY") or ""
    entries = [entry for entry in re.split(r"[,\s]+", told) if entry]
    sound = [entry.strip("[]") for entry in entries if _understood(entry.strip("[]"))]
    wrong = [entry for entry in entries if entry.strip("[]") not in sound]
    if "*" not in sound:
        sound += [host for host in (*_LOOPBACK, *own_hosts) if host and host not in sound]
    variables["NO_PROXY"] = variables["no_proxy"] = ",".join(sound)
    return [f"NO_PROXY holds “{_shown(entry)}”, which is no host: it is left aside." for entry in wrong]


def _understood(entry: str) -> bool:
    """Whether clients can read this entry of NO_PROXY."""
    import httpx

    network, _, bits = entry.partition("/")
    with suppress(ValueError):
        version = ipaddress.ip_address(network).version
        return version == 4 or not bits  # httpx ends in an error over a network of IPv6
    try:
        httpx.URL(entry if "://" in entry else f"all://*{entry}")
    except Exception:
        return False
    return True


def _leave_certificates(variables: MutableMapping[str, str]) -> list[str]:
    """Take SSL_CERT_FILE out where it holds no certificates: every client would end in an error over it."""
    path = variables.get("SSL_CERT_FILE")
    if not path:
        return []
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError):
        del variables["SSL_CERT_FILE"]
        return [f"SSL_CERT_FILE is “{_shown(path)}”, where no certificates can be read. It is left aside."]
    return []


def _shown(value: str) -> str:
    """What was given, without a password."""
    text = re.sub(r"//[^/@\s]*@", "//…@", value)
    return text if len(text) <= 80 else f"{text[:77]}…"
