"""What may stand in a profile where a host, a name or an id is wanted: nothing that could lead a token elsewhere."""

from __future__ import annotations

import re

from console.config_state import home_path
from console.model.address import has_userinfo, is_place, is_service_url

_HUB_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?")
_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_GROUP = r"[-\w.()]{0,89}[-\w()]"
_HUB_ID = re.compile(
    rf"/subscriptions/[A-Za-z0-9-]{{1,64}}/resourceGroups/{_GROUP}/providers/Microsoft\.Devices/IotHubs/"
    rf"{_HUB_NAME.pattern}",
    re.IGNORECASE,
)
_RULES = {
    "hub_name": (_HUB_NAME, "a hub's name has 1 to 50 letters, digits and hyphens, and no domain"),
    "tenant_id": (_TENANT, "a tenant is a GUID or a domain name"),
    "workspace_id": (_ID, "a workspace's id is a GUID (workspaceId in the portal's overview)"),
    "client_id": (_ID, "an application's client id is a GUID"),
    "arm_id": (
        _HUB_ID,
        "it is not the resource id of an IoT Hub (/subscriptions/…/resourceGroups/…/providers/Microsoft.Devices/"
        "IotHubs/NAME)",
    ),
}


def wrong_place(key: str, value: str) -> str:
    """Return why a value cannot stand at a key of a profile; empty when it can, or when the key is not one of these."""
    if not value:
        return ""
    if key == "hub_host":
        return "" if is_place(value) else "it must be a host in ASCII, as in contoso-plants.azure-devices.net"
    pattern, why = _RULES.get(key, (None, ""))
    return "" if pattern is None or pattern.fullmatch(value) else why


def wrong_endpoint(url: str) -> str:
    """Return why a URL is no endpoint; empty when it is `https://HOST[:PORT]`."""
    if is_service_url(url):
        return ""
    if has_userinfo(url):
        return "an address has no user name or password here: sign in by the profile's credential"
    if not url.startswith("https://"):
        return "it must be a URL that begins with https://"
    return "it must be https://HOST or https://HOST:PORT in ASCII, and nothing more"


def wrong_proxy(url: str) -> str:
    """Return why a URL is no proxy; empty when it is `http://HOST[:PORT]`."""
    if has_userinfo(url):
        return "a user name or password is never kept in an address"
    if not url.startswith("http://"):
        return "it must be a URL that begins with http://"
    place = url.removeprefix("http://").removesuffix("/")
    return "" if is_place(place) else "it must be http://HOST or http://HOST:PORT in ASCII, and nothing more"


def is_ipv4(text: str) -> bool:
    """Return whether text is an IPv4 address."""
    import ipaddress

    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def is_file(path: str) -> bool:
    """Return whether a path leads to a file."""
    try:
        return home_path(path).is_file()
    except (OSError, ValueError):  # longer than a path can be, or with a NUL in it
        return False


def is_source(text: str) -> bool:
    """Return whether text says where a secret is kept: `env:NAME`, `file:PATH`, `keyring:NAME` or `prompt`."""
    if text == "prompt":
        return True
    scheme, _, rest = text.partition(":")
    return scheme in {"env", "file", "keyring"} and bool(rest)
