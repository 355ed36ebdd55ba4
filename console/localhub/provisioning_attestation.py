"""How an enrollment's devices prove themselves: what an attestation may say, and what is kept of it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from console.localhub.arm_certificates import parse_certificate
from console.localhub.arm_errors import ArmError
from console.localhub.provisioning_answers import certificate_info
from console.localhub.provisioning_attest import SYMMETRIC_KEY, TPM, X509
from console.localhub.provisioning_errors import invalid
from console.localhub.provisioning_state import EnrollmentRecord
from console.localhub.provisioning_tpm import TpmError, read_storage_key
from console.localhub.state import Json, ProvisioningState, new_key
from console.localhub.x509_facts import UNREADABLE

KEY_BYTES = range(16, 65)
_TYPES = {one.casefold(): one for one in (SYMMETRIC_KEY, X509, TPM)}
_SLOTS = ("primary", "secondary")
_CERTIFICATES = {"clientCertificates": "client", "signingCertificates": "signing"}
_REFERENCES = "caReferences"


@dataclass(frozen=True)
class Mechanism:
    """An attestation taken apart: `body` is what a GET shows, certificates are DER by slot (`client.primary`)."""

    body: Json
    primary_key: str | None = field(default=None, repr=False)
    secondary_key: str | None = field(default=None, repr=False)
    certificate_ders: dict[str, bytes] = field(default_factory=dict)


def mechanism(written: Any, before: EnrollmentRecord | None, service: ProvisioningState, *, group: bool) -> Mechanism:
    """Return what an attestation says; hold the cloud's lock. Raises ProvisioningError 400.

    Symmetric keys that are not given are made, on a replace as on a create: what the service does to keys that a
    replace leaves out is not documented, and the Azure CLI reads them first. A certificate may be left out where its
    `info` names the one that is there already, as a GET shows it (the CLI's updates rely on it).
    """
    if not isinstance(written, dict):
        raise invalid("The attestation is missing.")
    kind = _TYPES.get(str(written.get("type") or "").casefold())
    if kind is None or (kind == TPM and group):
        raise invalid(f"An attestation of type '{written.get('type')}' is not possible here.")
    others = [name for name in _TYPES.values() if name != kind and written.get(name) is not None]
    if others:
        raise invalid(f"An attestation of type {kind} has no {others[0]}.")
    told = written.get(kind)
    if told is None and kind == SYMMETRIC_KEY:
        told = {}
    if not isinstance(told, dict):
        raise invalid(f"The attestation has no {kind}.")
    if kind == SYMMETRIC_KEY:
        return Mechanism({"type": kind}, _key(told, "primaryKey"), _key(told, "secondaryKey"))
    if kind == TPM:
        return Mechanism({"type": kind, kind: _tpm(told)})
    return _x509(told, before, service, group=group)


def with_keys(record: EnrollmentRecord) -> Json:
    """Return an enrollment's attestation with its keys, as the attestation mechanism and the answer to a write show it.

    That writes answer with keys is what the Azure CLI's own integration tests rely on.
    """
    attestation: Json = record.body["attestation"]
    if record.kind != SYMMETRIC_KEY:
        return attestation
    keys = {"primaryKey": record.primary_key, "secondaryKey": record.secondary_key}
    return {**attestation, SYMMETRIC_KEY: keys}


def _key(told: Json, name: str) -> str:
    key = told.get(name)
    if key is None or key == "":
        return new_key()
    try:
        raw = base64.b64decode(key, validate=True) if isinstance(key, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) not in KEY_BYTES:
        raise invalid(f"{name} is not the base64 of 16 to 64 bytes.")
    return str(key)


def _tpm(told: Json) -> Json:
    key, root = told.get("endorsementKey"), told.get("storageRootKey")
    try:
        read_storage_key(base64.b64decode(key, validate=True) if isinstance(key, str) else b"")
    except (TpmError, binascii.Error, ValueError) as error:
        raise invalid(f"endorsementKey is not the public area of a TPM's endorsement key: {error}.") from None
    if root is not None and not isinstance(root, str):
        raise invalid("storageRootKey must be a text.")
    return {"endorsementKey": key} | ({"storageRootKey": root} if root else {})


def _x509(told: Json, before: EnrollmentRecord | None, service: ProvisioningState, *, group: bool) -> Mechanism:
    given = [name for name in (*_CERTIFICATES, _REFERENCES) if told.get(name) is not None]
    if len(given) != 1:
        raise invalid(f"x509 takes exactly one of {', '.join(_CERTIFICATES)} and {_REFERENCES}.")
    name = given[0]
    if group and name == "clientCertificates":
        raise invalid("An enrollment group has signing certificates or CA references, no client certificates.")
    pair = told[name]
    if not isinstance(pair, dict) or not any(pair.get(slot) for slot in _SLOTS):
        raise invalid(f"{name} has neither a primary nor a secondary.")
    if name == _REFERENCES:
        kept = {slot: _reference(service, pair[slot]) for slot in _SLOTS if pair.get(slot)}
        return Mechanism({"type": X509, X509: {name: kept}})
    prefix = _CERTIFICATES[name]
    ders = {f"{prefix}.{slot}": _certificate(pair[slot], before, prefix) for slot in _SLOTS if pair.get(slot)}
    shown = {slot.partition(".")[2]: {"info": certificate_info(der)} for slot, der in ders.items()}
    return Mechanism({"type": X509, X509: {name: shown}}, certificate_ders=ders)


def _reference(service: ProvisioningState, name: Any) -> str:
    for known, body in service.certificates.items():
        if isinstance(name, str) and known.casefold() == name.casefold():
            if body["properties"].get("isVerified") is not True:
                raise invalid(f"The CA certificate '{known}' is not verified.")
            return known
    raise invalid(f"The CA certificate '{name}' was not found.")


def _certificate(told: Any, before: EnrollmentRecord | None, prefix: str) -> bytes:
    """Return a certificate in DER: the given one, or the one already there that has the thumbprint of `info`."""
    if not isinstance(told, dict):
        raise invalid("A certificate is an object with 'certificate' in it.")
    if told.get("certificate") is not None:
        try:
            der = parse_certificate(told["certificate"]).public_bytes(Encoding.DER)
            readable = bool(certificate_info(der))
        except (ArmError, *UNREADABLE):
            readable = False
        if not readable:
            raise invalid("The certificate is not a valid X.509 certificate.")
        return der
    info = told.get("info")
    wanted = str(info.get("sha256Thumbprint") or "").casefold() if isinstance(info, dict) else ""
    for slot, der in (before.certificate_ders if before is not None else {}).items():
        if slot.startswith(prefix) and str(certificate_info(der).get("sha256Thumbprint")).casefold() == wanted:
            return der
    raise invalid("There is no certificate, and its info names none that is there already.")
