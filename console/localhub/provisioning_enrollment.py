"""Enrollments and enrollment groups: what their bodies may say, the records they make, and what is shown of these."""

from __future__ import annotations

import re
import secrets
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from console.localhub.provisioning_answers import state
from console.localhub.provisioning_attest import SYMMETRIC_KEY, X509
from console.localhub.provisioning_attestation import mechanism, with_keys
from console.localhub.provisioning_errors import ENROLLMENT_NOT_FOUND, GROUP_NOT_FOUND, invalid
from console.localhub.provisioning_state import EnrollmentRecord, RegistrationRecord
from console.localhub.registry_errors import RegistryError
from console.localhub.registry_identity import check_id
from console.localhub.state import Json, ProvisioningState

MAX_GROUPS = 100
"""Enrollment groups of each kind of attestation (the service's published limits)."""

MAX_COMMON_NAME = 64
_ID = re.compile(r"[A-Za-z0-9\-._:]{0,127}[A-Za-z0-9\-]")  # the service's document on its terms
_READ_ONLY = ("etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState")
_POLICIES = {one.casefold(): one for one in ("hashed", "geoLatency", "static", "custom")}
_DETAILS = ("tpm", "x509", "symmetricKey")  # what only the device is told of its registration


@dataclass(frozen=True)
class Kind:
    """One of the two kinds of enrollment, in the service's words."""

    collection: str  # the path's first part, and the member of a bulk call
    id_name: str
    noun: str
    item_type: str
    log_type: str
    missing: int
    is_group: bool

    def records(self, service: ProvisioningState) -> dict[str, EnrollmentRecord]:
        """Return the service's records of this kind, by id."""
        return service.groups if self.is_group else service.enrollments

    def find(self, service: ProvisioningState, name: str) -> EnrollmentRecord | None:
        """Return a record by its id; case does not count."""
        wanted = name.casefold()
        records = self.records(service)
        if not self.is_group:
            return records.get(wanted)
        return next((one for one in records.values() if one.id.casefold() == wanted), None)


INDIVIDUAL = Kind(
    "enrollments",
    "registrationId",
    "enrollment",
    "enrollment",
    "IndividualEnrollment",
    ENROLLMENT_NOT_FOUND,
    is_group=False,
)
GROUP = Kind(
    "enrollmentGroups",
    "enrollmentGroupId",
    "enrollment group",
    "enrollmentGroup",
    "EnrollmentGroup",
    GROUP_NOT_FOUND,
    is_group=True,
)


def enrollment_json(service: ProvisioningState, kind: Kind, record: EnrollmentRecord, *, keys: bool = False) -> Json:
    """Return an enrollment as a GET or query shows it, or with `keys` as the answer to a write does."""
    body = deepcopy(record.body)
    if keys:
        body["attestation"] = deepcopy(with_keys(record))
    registration = None if kind.is_group else service.registrations.get(record.id)
    if registration is not None and registration.operation_id and not registration.group_id:
        body["registrationState"] = registration_json(registration)
    return {**body, "etag": record.etag}


def registration_json(record: RegistrationRecord) -> Json:
    """Return a registration as the service API shows it."""
    return {name: value for name, value in state(record).items() if name not in _DETAILS}


def put_record(
    service: ProvisioningState, kind: Kind, name: str, written: Json, now: str, before: EnrollmentRecord | None
) -> EnrollmentRecord:
    """Make or replace an enrollment from a body and return its record; hold the cloud's lock.

    Raises ProvisioningError 400 for what the service refuses; then nothing has changed.
    """
    told = written.get(kind.id_name)
    if not isinstance(told, str) or told.casefold() != name.casefold():
        raise invalid(f"{kind.id_name} is not the one of the address.")
    if not _ID.fullmatch(name):
        raise invalid(f"{kind.id_name} must be up to 128 letters, digits and the characters - . _ :")
    body = {key: deepcopy(value) for key, value in written.items() if key not in _READ_ONLY and value is not None}
    found = mechanism(written.get("attestation"), before, service, group=kind.is_group)
    attestation_kind = found.body["type"]
    if kind.is_group:
        _check_room(service, attestation_kind, before)
    elif attestation_kind == X509 and len(name) > MAX_COMMON_NAME:
        raise invalid(f"With X.509 the registration id has at most {MAX_COMMON_NAME} characters.")
    _check(service, kind, body)
    known = before.body if before is not None else {}
    body |= {
        kind.id_name: known.get(kind.id_name, told),
        "attestation": found.body,
        "createdDateTimeUtc": known.get("createdDateTimeUtc", now),
        "lastUpdatedDateTimeUtc": now,
    }
    if before is None:
        key = told if kind.is_group else told.casefold()
        # not from one on: an ETag of an earlier enrollment of that name must not fit
        before = EnrollmentRecord(key, body, counter=secrets.randbelow(1 << 31))
        kind.records(service)[key] = before
    before.body, before.certificate_ders = body, found.certificate_ders
    before.primary_key, before.secondary_key = found.primary_key, found.secondary_key
    before.counter += 1
    return before


def _check_room(service: ProvisioningState, attestation: str, before: EnrollmentRecord | None) -> None:
    taken = sum(1 for group in service.groups.values() if group.kind == attestation and group is not before)
    if taken >= MAX_GROUPS:
        word = "symmetric key" if attestation == SYMMETRIC_KEY else "X.509"
        raise invalid(f"A provisioning service takes at most {MAX_GROUPS} {word} enrollment groups.")


def _check(service: ProvisioningState, kind: Kind, body: Json) -> None:
    """Check and complete the rest of a body: status, allocation, hubs, device id, twin, policies."""
    status = body.setdefault("provisioningStatus", "enabled")
    if not isinstance(status, str) or status.casefold() not in ("enabled", "disabled"):
        raise invalid("provisioningStatus must be enabled or disabled.")
    body["provisioningStatus"] = status.casefold()
    if kind.is_group:
        if "deviceId" in body:
            raise invalid("An enrollment group has no deviceId.")
    elif "deviceId" in body:
        _check_device_id(body["deviceId"])
    _check_allocation(body)
    _check_hubs(service, body)
    _flags(body, "capabilities", ("iotEdge",), default=False)
    _flags(body, "reprovisionPolicy", ("updateHubAssignment", "migrateDeviceData"), default=True)
    twin = _object(body, "initialTwin")
    _object(twin, "tags")
    _object(_object(twin, "properties"), "desired")
    _object(body, "optionalDeviceInformation")


def _check_device_id(told: Any) -> None:
    try:
        check_id(told if isinstance(told, str) else "")
    except RegistryError:
        raise invalid("deviceId is not the id of a device.") from None


def _check_allocation(body: Json) -> None:
    if "allocationPolicy" not in body:
        return
    policy = _POLICIES.get(str(body["allocationPolicy"]).casefold())
    if policy is None:
        raise invalid(f"allocationPolicy must be one of {', '.join(_POLICIES.values())}.")
    body["allocationPolicy"] = policy
    webhook = _object(body, "customAllocationDefinition")
    if policy == "custom" and not all(isinstance(webhook.get(k), str) for k in ("webhookUrl", "apiVersion")):
        raise invalid("Custom allocation needs a customAllocationDefinition with webhookUrl and apiVersion.")


def _check_hubs(service: ProvisioningState, body: Json) -> None:
    hubs = body.get("iotHubs", [])
    if not isinstance(hubs, list):
        raise invalid("iotHubs must be a list of host names.")
    for host in (*hubs, body.get("iotHubHostName")):
        if host is not None and (not isinstance(host, str) or host.casefold() not in service.links):
            raise invalid(f"The IoT hub '{host}' is not linked to the provisioning service.")


def _flags(body: Json, name: str, flags: tuple[str, ...], *, default: bool) -> None:
    told = _object(body, name)
    told = {key: value for key, value in told.items() if value is not None}
    for flag in flags:
        if not isinstance(told.setdefault(flag, default), bool):
            raise invalid(f"{name}.{flag} must be true or false.")
    body[name] = told


def _object(body: Json, name: str) -> Json:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object.")
    return value
