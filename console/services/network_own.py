"""The operator's own address: as the profile gives it, else as the resource manager saw us lately."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import timedelta

from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry, Identity
from console.model.network import AddressSource, OwnIp
from console.services.ports import Cancel
from console.services.session import Session

LOOK_BACK = timedelta(days=7)
_AGE = 60.0


def read_own_address(session: Session, configured: str, cancel: Cancel) -> OwnIp:
    """Return the operator's address and where it is known from; never fails, but for a cancelled reading.

    The activity log tells the address that reached the resource manager, which may not be the way out to the hub.
    """
    if configured:
        return OwnIp(configured, AddressSource.PROFILE)
    try:
        identity = session.whoami(cancel)
        since = session.now() - LOOK_BACK
        reader = session.hub_reader
        entries = session.cached(f"activity of a week {since:%F}", _AGE, lambda: reader.activity(since, cancel))
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return OwnIp(why=f"the activity log could not be read ({(error.why or error.what).rstrip('.')})")
    return own_from(entries, identity)


def own_from(entries: Sequence[ActivityEntry], identity: Identity) -> OwnIp:
    """Return the newest address of our own principal in the activity log (newest entry first)."""
    ours = {text.casefold() for text in (identity.name, identity.object_id) if text}
    for entry in entries:
        if entry.caller.casefold() in ours and entry.caller_address:
            address = _without_port(entry.caller_address)
            if address:
                return OwnIp(address, AddressSource.ACTIVITY)
    return OwnIp(why=f"the activity log has no entry of {identity.name} with an IPv4 address in the last 7 days")


def _without_port(text: str) -> str:
    """Return the IPv4 address in a caller's address, which may carry a port; empty when there is none."""
    head, _, port = text.partition(":")
    candidate = head if port.isdigit() else text
    try:
        return str(ipaddress.IPv4Address(candidate))
    except ValueError:
        return ""
