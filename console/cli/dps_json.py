"""The JSON documents of `hubwarden dps`; no key is in any of them but in hubwarden.enrollment_keys/1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.cli.output import Json, envelope, time_text
from console.model.enrollment import (
    CertificateInfo,
    CrossCheck,
    Enrollment,
    ProvisioningInstance,
    ProvisioningPolicy,
    ProvisioningReading,
    Registration,
)


def services_json(
    as_of: datetime,
    instances: Sequence[ProvisioningInstance],
    policies: Mapping[str, Sequence[ProvisioningPolicy]],
) -> Json:
    """Return hubwarden.provisioning_services/1; `policies` are null where they were not read."""
    items = []
    for one in instances:
        read = policies.get(one.arm_id)
        items.append(
            {
                "name": one.name,
                "arm_id": one.arm_id,
                "host": one.host,
                "device_host": one.device_host,
                "id_scope": one.id_scope,
                "location": one.location,
                "allocation": one.allocation,
                "state": one.state,
                "public_access": one.public_access,
                "hubs": [
                    {
                        "host": hub.host,
                        "location": hub.location,
                        "weight": hub.weight,
                        "applied": hub.applied,
                        "policy": hub.policy,
                    }
                    for hub in one.hubs
                ],
                "filters": [
                    {"name": rule.name, "action": rule.action.value, "mask": rule.mask, "target": rule.target.value}
                    for rule in one.filters
                ],
                "policies": None
                if read is None
                else [{"name": policy.name, "rights": list(policy.rights)} for policy in read],
            }
        )
    return envelope("provisioning_services", as_of, items)


def enrollments_json(reading: ProvisioningReading, found: Sequence[Enrollment]) -> Json:
    """Return hubwarden.enrollments/1."""
    warnings = [{"code": "partial", "message": reading.partial, "hint": ""}] if reading.partial else []
    items = [enrollment_json(one) for one in found]
    return envelope("enrollments", reading.at, items, service=reading.instance.name, warnings=warnings)


def enrollment_json(one: Enrollment) -> Json:
    """Return one enrollment or group as an item of hubwarden.enrollments/1."""
    return {
        "kind": one.kind.value,
        "id": one.id,
        "attestation": one.attestation.value,
        "enabled": one.enabled,
        "device_id": one.device_id,
        "edge": one.edge,
        "certificate_slot": one.certificate_slot.value if one.certificate_slot else None,
        "certificates": [{"slot": slot, **_certificate(info)} for slot, info in one.certificates],
        "ca_names": list(one.ca_names),
        "endorsement_key": one.endorsement_key,
        "allocation": one.allocation,
        "hubs": list(one.hubs),
        "reprovision": one.reprovision.value,
        "created": time_text(one.created),
        "updated": time_text(one.updated),
        "registration": registration_json(one.registration) if one.registration else None,
    }


def registrations_json(
    as_of: datetime, instance: ProvisioningInstance, group: str, found: Sequence[Registration]
) -> Json:
    """Return hubwarden.registrations/1."""
    items = [registration_json(one) for one in found]
    return envelope("registrations", as_of, items, service=instance.name, group=group)


def registration_json(one: Registration) -> Json:
    """Return one registration as an item of hubwarden.registrations/1."""
    return {
        "registration_id": one.registration_id,
        "status": one.status,
        "substatus": one.substatus,
        "device_id": one.device_id,
        "hub": one.hub,
        "created": time_text(one.created),
        "updated": time_text(one.updated),
        "error_code": one.error_code,
        "error_message": one.error_message,
    }


def check_json(instance: ProvisioningInstance, check: CrossCheck) -> Json:
    """Return hubwarden.provisioning_check/1."""
    items = [
        {
            "finding": one.kind.value,
            "enrollment_kind": one.enrollment_kind.value,
            "enrollment_id": one.enrollment_id,
            "device_id": one.device_id,
            "message": one.message,
            "hint": one.hint,
        }
        for one in check.findings
    ]
    return envelope(
        "provisioning_check",
        check.at,
        items,
        service=instance.name,
        compared=check.compared,
        unknown=list(check.unknown),
    )


def _certificate(info: CertificateInfo) -> Json:
    return {
        "subject": info.subject,
        "issuer": info.issuer,
        "sha1": info.sha1,
        "sha256": info.sha256,
        "not_before": time_text(info.not_before),
        "not_after": time_text(info.not_after),
    }
