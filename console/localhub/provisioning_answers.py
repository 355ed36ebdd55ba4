"""What a device is told about its registration, in the device API's words."""

from __future__ import annotations

import hashlib
import secrets
import uuid

from cryptography import x509

from console.localhub.provisioning_attest import SYMMETRIC_KEY, X509, Proof
from console.localhub.provisioning_state import RegistrationRecord
from console.localhub.registry_call import timestamp
from console.localhub.state import Json, ProvisioningState
from console.localhub.x509_facts import facts


def operation_id(service: ProvisioningState, registration_id: str) -> str:
    """Return a new operation's id, of the shape of the service's: `5.316aac5bdc130deb.b1e02da8-...`."""
    number = hashlib.sha256(f"{service.id_scope}/{registration_id}".casefold().encode()).hexdigest()[:16]
    return f"5.{number}.{uuid.UUID(bytes=secrets.token_bytes(16), version=4)}"


def begun(record: RegistrationRecord) -> Json:
    """Return the answer to a registration that was taken."""
    return {"operationId": record.operation_id, "status": "assigning"}


def under_way(record: RegistrationRecord) -> Json:
    """Return the answer to a question that came too early."""
    state = {"registrationId": record.registration_id, "status": "assigning"}
    return {**begun(record), "registrationState": state}


def ended(record: RegistrationRecord) -> Json:
    """Return the answer to a question about a registration that has ended."""
    return {"operationId": record.operation_id, "status": record.status, "registrationState": state(record)}


def state(record: RegistrationRecord) -> Json:
    """Return a registration's state. What does not belong to its status is left out."""
    body: Json = {"registrationId": record.registration_id, "createdDateTimeUtc": record.created}
    assigned = record.status == "assigned"
    if assigned:
        body |= {"assignedHub": record.assigned_hub, "deviceId": record.device_id}
    body["status"] = record.status
    if assigned:
        body["substatus"] = record.substatus
    if record.error_code is not None:
        body |= {"errorCode": record.error_code, "errorMessage": record.error_message}
    body |= {"lastUpdatedDateTimeUtc": record.updated, "etag": record.etag}
    if record.payload is not None:
        body["payload"] = record.payload
    return body | (record.details if assigned else {})


def details(proof: Proof, tpm_key: str = "") -> Json:
    """Return the part of the state that is particular to an attestation; `tpm_key` is a wrapped key in base64."""
    if tpm_key:
        return {"tpm": {"authenticationKey": tpm_key}}
    if proof.enrollment.kind == SYMMETRIC_KEY:
        return {SYMMETRIC_KEY: {"enrollmentGroupId": proof.group_id}} if proof.is_group else {}
    if proof.leaf is None:
        return {}
    body: Json = {"enrollmentGroupId": proof.group_id} if proof.is_group else {}
    body["certificateInfo"] = certificate_info(proof.leaf)
    if proof.signer is not None:
        body["signingCertificateInfo"] = certificate_info(proof.signer)
    return {X509: body}


def certificate_info(der: bytes) -> Json:
    """Return what the service says of a certificate; an empty object for one that cannot be read."""
    found = facts(der)
    if found is None:
        return {}
    return {
        "subjectName": _name(found.certificate.subject),
        "sha1Thumbprint": found.sha1,
        "sha256Thumbprint": found.sha256,
        "issuerName": _name(found.certificate.issuer),
        "notBeforeUtc": timestamp(found.not_before),
        "notAfterUtc": timestamp(found.not_after),
        "serialNumber": f"{found.certificate.serial_number:X}",
        "version": found.certificate.version.value + 1,
    }


def _name(name: x509.Name) -> str:
    """Return a distinguished name in the order of .NET, most specific first, as the service writes it."""
    return ", ".join(rdn.rfc4514_string() for rdn in reversed(name.rdns))
