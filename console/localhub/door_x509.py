"""Whether a client certificate proves a device: thumbprints, and chains to a CA the hub has verified.

Known of the service (IoT Hub's documents on X.509 and TLS): chains are those of RFC 5280, the common name is the id,
suites are for RSA and ECDSA on the curves of NIST, revocation lists are not read. Of much else they say nothing:
several common names, short keys, SHA-1, a purpose that is not a client's. What they do not promise is refused here, so
that a device which gets in at the local hub gets in at a real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509

from console.localhub.state import DeviceRecord, HubState
from console.localhub.x509_facts import CertificateFacts, facts, is_issuer, validity

MAX_DEPTH = 5
NO_CERTIFICATE = "Authentication failed for this device, renew token or certificate and reconnect"


def check_thumbprint(record: DeviceRecord, chain: Sequence[bytes], now: datetime) -> str:
    """Return why a client certificate does not fit a device registered by thumbprint; empty when it fits.

    Either hash may be registered, in either slot; case does not count. Any certificate will do whose key TLS takes.
    """
    leaf = facts(chain[0]) if chain else None
    if leaf is None:
        return NO_CERTIFICATE
    registered = {(record.primary_thumbprint or "").upper(), (record.secondary_thumbprint or "").upper()} - {""}
    if not leaf.handshake:
        return NO_CERTIFICATE
    if leaf.sha1 not in registered and leaf.sha256 not in registered:
        return (
            f"Thumbprint does not match configuration: SHA1Hash={leaf.sha1}, SHA2Hash={leaf.sha256}; Configuration: "
            f"PrimaryThumbprint={record.primary_thumbprint or ''}, "
            f"SecondaryThumbprint={record.secondary_thumbprint or ''}"
        )
    return validity(leaf, now)


def check_chain(hub: HubState, name: str, chain: Sequence[bytes], now: datetime) -> str:
    """Return why a chain (leaf first, DER) does not prove an identity registered for a CA; empty when it does.

    The leaf's common name must be `name` (device id, or `device/module`); from it there must be a way, over what the
    device sent, up to a CA that is registered and verified at the hub. All on it must be valid at `now`.
    """
    leaf = facts(chain[0]) if chain else None
    if leaf is None or leaf.common_name != name or not (leaf.handshake and leaf.strong and leaf.sound):
        return NO_CERTIFICATE
    with hub.lock:
        roots = [
            der
            for key, der in hub.certificate_ders.items()
            if (hub.certificates.get(key) or {}).get("properties", {}).get("isVerified") is True
        ]
    return validity(leaf, now) or _climb([chain[0]], chain[1:], roots, now, set())


def _climb(path: list[bytes], sent: Sequence[bytes], roots: Sequence[bytes], now: datetime, tried: set[bytes]) -> str:
    """Return why no way leads up from the end of a path; empty when one does. Each certificate is tried once."""
    trouble = ""
    for above in (*roots, *sent):
        last = above in roots
        if above in path or (above in tried and not last):
            continue
        found = facts(above)
        if found is None or not _may_follow(path, above, found) or not (last or found.strong):
            continue
        if problem := validity(found, now):
            trouble = trouble or problem
        elif last:
            return ""  # how it is signed itself does not count: the hub trusts it
        elif len(path) < MAX_DEPTH:
            tried.add(above)
            if not (problem := _climb([*path, above], sent, roots, now, tried)):
                return ""
            trouble = trouble or (problem if problem != NO_CERTIFICATE else "")
    return trouble or NO_CERTIFICATE


def _may_follow(path: Sequence[bytes], above: bytes, found: CertificateFacts) -> bool:
    """Say whether a certificate may stand above a path: a CA's that signed its end and lets it be as it is."""
    return (
        is_issuer(path[-1], above)
        and found.handshake
        and found.sound
        and (found.path_length is None or found.path_length >= len(path) - 1)
        and all(_permits(found.constraints, facts(below)) for below in path)
    )


def _permits(constraints: x509.NameConstraints | None, below: CertificateFacts | None) -> bool:
    """Say whether a CA's name constraints let a certificate's host names be; constraints of other names never do."""
    if constraints is None or below is None:
        return constraints is None
    permitted, excluded = constraints.permitted_subtrees or (), constraints.excluded_subtrees or ()
    if not all(isinstance(one, x509.DNSName) for one in (*permitted, *excluded)):
        return False
    return all(
        (not permitted or any(_within(name, one.value) for one in permitted))
        and not any(_within(name, one.value) for one in excluded)
        for name in below.dns_names
    )


def _within(name: str, tree: str) -> bool:
    name, tree = name.casefold(), tree.casefold().removeprefix(".")
    return not tree or name == tree or name.endswith(f".{tree}")
