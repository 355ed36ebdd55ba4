"""Which host names are one hub's, and whether a connection string opens the hub that a profile names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.model.text import clean

PROVISIONING_HOST = ".azure-devices-provisioning."
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_BY_CLASS = re.compile(r"([a-z0-9-]+)\.(?:device|service)\.(azure-devices\.[a-z.]+)")


def is_loopback(host: str) -> bool:
    """Return whether a host, without its port, is this machine: as a local hub is called."""
    return host.casefold() in _LOOPBACK


def is_provisioning(host: str) -> bool:
    """Return whether a host is a provisioning service's own."""
    return PROVISIONING_HOST in host.casefold()


def same_hub(one: str, other: str) -> bool:
    """Return whether two host names lead to one hub.

    A hub has three: NAME.azure-devices.net, NAME.device.… and NAME.service.…; case, a dot at the end and the usual
    port say nothing. Local hubs differ by their ports.
    """
    return bool(one) and _known_as(one) == _known_as(other)


def opens_other(host: str, *, name: str, suffix: str, hosts: Iterable[str]) -> str:
    """Return why a connection string for `host` does not open a profile's hub; empty when it does or nobody can tell.

    `name` and `hosts` are what the profile knows the hub by (empty: not known), `suffix` completes the name.
    """
    shown = clean(host, limit=200)
    if is_provisioning(host):
        return f"it opens {shown} (its HostName), a provisioning service, and a profile is of a hub"
    named = [f"{name}.{suffix}"] if name else []
    known = [*named, *(one for one in hosts if one)]
    if not (name or known) or any(same_hub(host, one) for one in known):
        return ""
    return f"it opens {shown} (its HostName), and the profile names the hub {clean(name or known[0], limit=200)}"


def _known_as(host: str) -> str:
    text = re.sub(r"^\w+://", "", host.strip().casefold()).partition("/")[0]
    name, colon, port = text.partition(":")
    name = name.rstrip(".")
    if is_loopback(name):
        return f"localhost:{port}" if colon else "localhost"
    found = _BY_CLASS.fullmatch(name)
    name = f"{found[1]}.{found[2]}" if found else name
    return f"{name}:{port}" if port not in {"", "443"} else name
