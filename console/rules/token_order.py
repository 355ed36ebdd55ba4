"""Whether a token can be minted as ordered, and what it is for: checked before any key is asked for."""

from __future__ import annotations

import re
from dataclasses import replace

from console.model.errors import ConsoleError, ErrorKind
from console.model.hub_hosts import is_provisioning
from console.model.text import clean
from console.model.token import TokenOrder
from console.rules.device_input import check_id
from console.rules.sas import resource_uri

REGISTRATION = "registration"
"""The policy name (skn) of tokens that a device registers with (symmetric key attestation of the DPS)."""

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_SCOPE = re.compile(r"[A-Za-z0-9]{4,32}")
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,126}[A-Za-z0-9-])?")
_LOCAL = {"localhost"}


def checked(order: TokenOrder) -> TokenOrder:
    """Return an order with its host as tokens name it: without scheme, port and path.

    Raises ConsoleError BAD_INPUT (code "usage") that names what is wrong with it.
    """
    if order.ttl_seconds <= 0:
        why = f"a lifetime of {order.ttl_seconds} s ends before it begins"
        raise _bad(why, "Give --ttl seconds above 0; 3600 is usual")
    if order.registration_id:
        if not _SCOPE.fullmatch(order.host.strip()):
            raise _bad(f"“{clean(order.host, limit=60)}” is no ID scope", "It reads like 0ne00A1B2C3")
        if not _REGISTRATION_ID.fullmatch(order.registration_id):
            shown = clean(order.registration_id, limit=60)
            hint = "1 to 128 letters, digits and “-._:”, the last one a letter, a digit or “-”"
            raise _bad(f"“{shown}” is no registration id", hint)
        return replace(order, host=order.host.strip())
    if order.device_id:
        check_id(order.device_id)
    elif order.module_id:
        raise _bad("a module was named without its device", "Give both: DEVICE MODULE")
    if order.module_id:
        check_id(order.module_id, "module")
    if not order.device_id and not order.policy:
        raise _bad("it names neither a device nor a policy", "Give one of them")
    if order.policy and (len(order.policy) > 64 or not order.policy.isascii() or not order.policy.isprintable()):
        raise _bad(f"“{clean(order.policy, limit=70)}” is no name of a policy", "At most 64 letters, digits, “-._”")
    host = host_of(order.host)
    if order.device_id and is_provisioning(host):
        hint = "Give the hub's; a device that registers: hubwarden sas dps"
        raise _bad(f"{clean(host, limit=100)} is a provisioning service's host name, which has no devices", hint)
    return replace(order, host=host)


def host_of(text: str) -> str:
    """Return the host that tokens name: `https://` and port are taken off. Raises ConsoleError (code "usage")."""
    host = re.sub(r"^\w+://", "", text.strip()).rstrip("/").partition(":")[0]
    if not host:
        raise _bad("it is not known which hub it is for", "Give --hub HOST, such as contoso.azure-devices.net")
    if "=" in text:  # a key, or all of a connection string: not shown
        raise _bad("what stands where the host should is none", "Write it like contoso.azure-devices.net")
    if not _HOST.fullmatch(host):
        raise _bad(f"“{clean(text, limit=80)}” is no host name", "Write it like contoso.azure-devices.net")
    if "." not in host and host.casefold() not in _LOCAL:
        raise _bad(f"“{clean(host, limit=80)}” is no whole host name", f"Did you mean {host}.azure-devices.net?")
    return host


def resource_of(order: TokenOrder) -> str:
    """Return the resource of an order, not yet encoded."""
    if order.registration_id:
        return f"{order.host}/registrations/{order.registration_id}"
    return resource_uri(order.host, order.device_id, order.module_id)


def signing_policy(order: TokenOrder) -> str:
    """Return the policy name that stands in the token (skn); empty for a device's or module's own key."""
    return REGISTRATION if order.registration_id else order.policy


def _bad(why: str, hint: str) -> ConsoleError:
    return ConsoleError(ErrorKind.BAD_INPUT, "No token was made", why, hint, code="usage")
