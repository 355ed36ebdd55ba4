"""The provisioning service's part of a load file: CA certificates, enrollments, enrollment groups."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.localhub.arm_certificates import certificate_body
from console.localhub.load_parts import only_certificate
from console.localhub.provisioning_enrollment import GROUP, INDIVIDUAL, Kind, put_record
from console.localhub.provisioning_errors import ProvisioningError
from console.localhub.provisioning_state import EnrollmentRecord
from console.localhub.registry_call import timestamp
from console.localhub.state import HubState, Json, ProvisioningState

if TYPE_CHECKING:
    from console.localhub.load_parts import Problems

KINDS = {"enrollments": INDIVIDUAL, "enrollmentGroups": GROUP}
_SHORT = {
    "id", "status", "primaryKey", "secondaryKey", "certificate", "secondaryCertificate", "ca", "endorsementKey",
}  # fmt: skip
_BODY = {
    "attestation", "deviceId", "capabilities", "iotHubHostName", "iotHubs", "initialTwin", "provisioningStatus",
    "reprovisionPolicy", "allocationPolicy", "customAllocationDefinition", "optionalDeviceInformation", "etag",
    "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState",
}  # fmt: skip


class ServicePlan:
    """A provisioning service as it will be: a copy that takes the entries one by one, as the service itself would.

    Make it under the cloud's lock. `names` are what was taken, by the kind's name in the file.
    """

    def __init__(self, service: ProvisioningState, hub: HubState, now: datetime) -> None:
        self.service = replace(
            service,
            enrollments={key: copy(one) for key, one in service.enrollments.items()},
            groups={key: copy(one) for key, one in service.groups.items()},
            certificates=dict(service.certificates),
            certificate_ders=dict(service.certificate_ders),
        )
        self.taken: dict[str, list[EnrollmentRecord]] = {kind: [] for kind in KINDS}
        self.certificates: list[str] = []
        self._hub = hub
        self._now = now

    def certificate(self, name: str, der: bytes, *, verified: bool) -> None:
        """Take a CA certificate."""
        self.service.certificates[name] = service_certificate(self.service, self._hub, name, der, self._now, verified)
        self.service.certificate_ders[name] = der
        self.certificates.append(name)

    def enrollments(self, entries: list[Json], name: str, problems: Problems) -> None:
        """Take the entries of `enrollments` or `enrollmentGroups`; what is wrong goes to `problems`."""
        kind = KINDS[name]
        for number, entry in enumerate(entries):
            own = entry.get(kind.id_name, entry.get("id"))
            place = f"{name}[{number}]"
            if not isinstance(own, str):
                problems.add(place, f"{kind.id_name} is missing")
                continue
            place = f"{place} ({own})"
            problems.unknown(place, entry, _SHORT | _BODY | {kind.id_name})
            if contradiction := _contradiction(entry):
                problems.add(place, contradiction)
                continue
            before = kind.find(self.service, own)
            if before is not None and any(before is one for one in self.taken[name]):
                problems.add(place, "it is there twice")
                continue
            try:
                body = _body(entry, kind, own)
                found = put_record(self.service, kind, own, body, timestamp(self._now), before)
                self.taken[name].append(found)
            except ProvisioningError as error:
                problems.add(place, error.text)

    def apply(self, service: ProvisioningState) -> None:
        """Put what was taken into the service itself; hold the cloud's lock since the plan was made."""
        for own in self.certificates:
            service.certificates[own] = self.service.certificates[own]
            service.certificate_ders[own] = self.service.certificate_ders[own]
        for name, kind in KINDS.items():
            records = kind.records(service)
            records.update({one.id: one for one in self.taken[name]})


def service_certificate(
    service: ProvisioningState, hub: HubState, name: str, der: bytes, now: datetime, verified: bool
) -> Json:
    """Return the ARM body of a CA certificate of a provisioning service: as a hub's, under the service's id."""
    body = certificate_body(hub, name, der, now, verified=verified, etag=None)
    body["id"] = f"{service.arm_id}/certificates/{name}"
    body["type"] = "Microsoft.Devices/ProvisioningServices/Certificates"
    return body


_ATTESTED = (
    ("attestation",),
    ("primaryKey", "secondaryKey"),
    ("certificate", "secondaryCertificate"),
    ("ca",),
    ("endorsementKey",),
)


def _contradiction(entry: Json) -> str:
    """Return what says two things of which one would be dropped, empty when nothing does."""
    given = [names for names in _ATTESTED if any(entry.get(name) is not None for name in names)]
    if len(given) > 1:
        named = " and ".join(next(name for name in names if entry.get(name) is not None) for names in given)
        return f"it proves itself by one means alone; give one of {named}"
    for name in ("certificate", "secondaryCertificate"):
        try:
            only_certificate(entry.get(name))
        except ValueError as error:
            return f"{name}: {error}"
    if entry.get("secondaryCertificate") is not None and entry.get("certificate") is None:
        return "it has a secondaryCertificate without a certificate: the first is the one that counts"
    if entry.get("certificate") is not None and entry.get("certificate") == entry.get("secondaryCertificate"):
        return "its secondaryCertificate is its certificate again: give the one that follows, or none"
    if entry.get("status") is not None and entry.get("provisioningStatus") is not None:
        return "give status or provisioningStatus, not both"
    return ""


def _body(entry: Json, kind: Kind, own: str) -> Json:
    """Return an enrollment as the service API takes it: the short names of a load file stand for its attestation."""
    body = {key: value for key, value in entry.items() if key not in _SHORT}
    body[kind.id_name] = own
    if "status" in entry:
        body["provisioningStatus"] = entry["status"]
    if "attestation" not in body:
        body["attestation"] = _attestation(entry, kind)
    return body


def _attestation(entry: Json, kind: Kind) -> Json:
    pair: dict[str, Any] = {"primary": entry.get("certificate"), "secondary": entry.get("secondaryCertificate")}
    if any(pair.values()):
        slot = "signingCertificates" if kind.is_group else "clientCertificates"
        held = {name: {"certificate": text} for name, text in pair.items() if text}
        return {"type": "x509", "x509": {slot: held}}
    if "ca" in entry:
        return {"type": "x509", "x509": {"caReferences": {"primary": entry["ca"]}}}
    if "endorsementKey" in entry:
        return {"type": "tpm", "tpm": {"endorsementKey": entry["endorsementKey"]}}
    keys = {name: entry[name] for name in ("primaryKey", "secondaryKey") if name in entry}
    return {"type": "symmetricKey", "symmetricKey": keys}
