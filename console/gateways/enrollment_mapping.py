"""What a provisioning service writes, read into the console's types; text goes through `clean()` here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from console.gateways.provisioning_links import filters_from, links_from
from console.model.document import Json
from console.model.enrollment import (
    Attestation,
    CertificateInfo,
    CertificateSlot,
    Enrollment,
    EnrollmentKind,
    LinkedHub,
    ProvisioningInstance,
    ProvisioningPolicy,
    Registration,
    Reprovision,
)
from console.model.text import clean

_FRACTION = re.compile(r"\.(\d{1,9})")


def instance_from(body: Json) -> ProvisioningInstance:
    """Return a provisioning service from its ARM body (api-version 2022-12-12)."""
    properties = _dict(body.get("properties"))
    links = list(links_from(body))
    items = [item for item in _list(properties.get("iotHubs")) if isinstance(item, dict)]
    hubs = tuple(
        LinkedHub(
            host=link.host,
            location=clean(item.get("location")),
            weight=item["allocationWeight"] if isinstance(item.get("allocationWeight"), int) else None,
            applied=item.get("applyAllocationPolicy") is not False,
            policy=link.policy,
        )
        for link, item in zip(links, items, strict=True)
    )
    return ProvisioningInstance(
        name=clean(body.get("name")),
        arm_id=clean(body.get("id")),
        host=clean(properties.get("serviceOperationsHostName")),
        device_host=clean(properties.get("deviceProvisioningHostName")),
        id_scope=clean(properties.get("idScope")),
        location=clean(body.get("location")),
        allocation=clean(properties.get("allocationPolicy")),
        state=clean(properties.get("state")),
        public_access=clean(properties.get("publicNetworkAccess")).casefold() != "disabled",
        hubs=hubs,
        filters=filters_from(properties),
    )


def policy_from(body: Json) -> ProvisioningPolicy:
    """Return a shared access policy of a provisioning service without its keys."""
    rights = (clean(part).strip() for part in str(body.get("rights") or "").split(","))
    return ProvisioningPolicy(clean(body.get("keyName")), tuple(right for right in rights if right))


def enrollment_from(body: Json, kind: EnrollmentKind) -> Enrollment:
    """Return an enrollment or group from the service API's body (2021-10-01), keys left behind."""
    group = kind is EnrollmentKind.GROUP
    attestation = _dict(body.get("attestation"))
    slot, certificates, names = _x509(_dict(attestation.get("x509")))
    state = body.get("registrationState")
    hubs = [clean(host) for host in _list(body.get("iotHubs")) if host]
    return Enrollment(
        kind=kind,
        id=clean(body.get("enrollmentGroupId" if group else "registrationId")),
        attestation=_attestation(attestation),
        enabled=clean(body.get("provisioningStatus")).casefold() != "disabled",
        etag=str(body.get("etag") or ""),
        device_id=clean(body.get("deviceId")),
        edge=_dict(body.get("capabilities")).get("iotEdge") is True,
        certificate_slot=slot,
        certificates=certificates,
        ca_names=names,
        endorsement_key=clean(_dict(attestation.get("tpm")).get("endorsementKey")),
        allocation=clean(body.get("allocationPolicy")),
        hubs=tuple(hubs) or tuple(filter(None, [clean(body.get("iotHubHostName"))])),
        reprovision=_reprovision(_dict(body.get("reprovisionPolicy"))),
        created=time_from(body.get("createdDateTimeUtc")),
        updated=time_from(body.get("lastUpdatedDateTimeUtc")),
        registration=registration_from(state) if isinstance(state, dict) else None,
    )


def registration_from(body: Json) -> Registration:
    """Return what became of a registration."""
    code = body.get("errorCode")
    return Registration(
        registration_id=clean(body.get("registrationId")),
        status=clean(body.get("status")),
        substatus=clean(body.get("substatus")),
        device_id=clean(body.get("deviceId")),
        hub=clean(body.get("assignedHub")),
        created=time_from(body.get("createdDateTimeUtc")),
        updated=time_from(body.get("lastUpdatedDateTimeUtc")),
        error_code=code if isinstance(code, int) and not isinstance(code, bool) and code else None,
        error_message=clean(body.get("errorMessage")),
        etag=str(body.get("etag") or ""),
    )


def time_from(text: object) -> datetime | None:
    """Return a time of the service (seven digits behind the point occur) as aware UTC; None: not told or not one."""
    try:
        found = datetime.fromisoformat(_FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", str(text or "")))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _x509(x509: Json) -> tuple[CertificateSlot | None, tuple[tuple[str, CertificateInfo], ...], tuple[str, ...]]:
    for slot in CertificateSlot:
        pair = _dict(x509.get(slot.value))
        held = [(name, pair[name]) for name in ("primary", "secondary") if pair.get(name)]
        if held and slot is CertificateSlot.CA:
            return slot, (), tuple(clean(value) for _, value in held)
        if held:
            return slot, tuple((name, _info(_dict(_dict(value).get("info")))) for name, value in held), ()
    return None, (), ()


def _info(info: Json) -> CertificateInfo:
    return CertificateInfo(
        subject=clean(info.get("subjectName")),
        issuer=clean(info.get("issuerName")),
        sha1=clean(info.get("sha1Thumbprint")).upper(),
        sha256=clean(info.get("sha256Thumbprint")).upper(),
        serial=clean(info.get("serialNumber")),
        not_before=time_from(info.get("notBeforeUtc")),
        not_after=time_from(info.get("notAfterUtc")),
    )


def _attestation(attestation: Json) -> Attestation:
    told = clean(attestation.get("type")).casefold()
    return next((one for one in Attestation if one.value.casefold() == told), Attestation.OTHER)


def _reprovision(policy: Json) -> Reprovision:
    if policy.get("updateHubAssignment") is False:
        return Reprovision.NEVER
    return Reprovision.RESET if policy.get("migrateDeviceData") is False else Reprovision.MIGRATE


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
