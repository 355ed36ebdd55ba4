"""An enrollment as the service writes it, told to be the same in any spelling of its certificates."""

from __future__ import annotations

import hashlib
from typing import Any

from console.model.document import Json
from console.rules.certificate_text import der_of

ENROLLMENT_COMPUTED = frozenset({"etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState"})
"""Members that the service moves by itself; none is sent (the service's model marks them read-only)."""
_DEFAULTS: Json = {
    "capabilities": {"iotEdge": False},
    "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
}
"""What the service's model says that members are when they are left out."""


def steady_enrollment(body: Json) -> Json:
    """Return a body without what the service fills in, each certificate as its SHA-256 thumbprint alone.

    The service takes a `certificate` and tells its `info`; whether it gives the certificate back is not documented.
    """
    kept = {name: value for name, value in body.items() if name not in ENROLLMENT_COMPUTED}
    kept = {name: value for name, value in kept.items() if value != _DEFAULTS.get(name, ...)}
    for name in ("registrationId", "enrollmentGroupId"):  # without case, and perhaps told in another one
        if isinstance(kept.get(name), str):
            kept[name] = kept[name].casefold()
    attestation = kept.get("attestation")
    if isinstance(attestation, dict):
        kept["attestation"] = {
            name: _x509(value) if name == "x509" else value for name, value in attestation.items() if value is not None
        }
    return kept


def _x509(x509: Any) -> Any:
    if not isinstance(x509, dict):
        return x509
    return {slot: _slots(value) for slot, value in x509.items() if value is not None}


def _slots(pair: Any) -> Any:
    if not isinstance(pair, dict):
        return pair
    return {name: _certificate(value) for name, value in pair.items() if value is not None}


def _certificate(value: Any) -> Any:
    """Return what identifies a certificate; a reference by name stays as it is."""
    if not isinstance(value, dict):
        return value
    der = der_of(value.get("certificate"))
    if der:
        return {"sha256": hashlib.sha256(der).hexdigest().upper()}
    info = value.get("info")
    told = info.get("sha256Thumbprint") if isinstance(info, dict) else None
    return {"sha256": str(told).upper()} if told else value
