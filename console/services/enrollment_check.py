"""Reads what a comparison of a provisioning service with the hub needs, and says what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from cryptography import x509

from console.model.device import Device
from console.model.document import TargetKind
from console.model.enrollment import (
    Attestation,
    CrossCheck,
    Enrollment,
    ProvisioningInstance,
    ProvisioningReading,
    Registration,
)
from console.model.enrollment_target import service_of
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState
from console.model.text import clean
from console.rules.certificate_facts import guarded
from console.rules.certificate_unread import readable
from console.rules.device_input import check_id
from console.rules.enrollment_cross import DeletedGroup, Material, device_ids, elsewhere, findings
from console.rules.enrollment_groups import CaName
from console.rules.x509_names import name_text
from console.services.changes import Changes
from console.services.ports import Cancel, EnrollmentReader
from console.services.session import Session
from console.services.undo import taken_back

REGISTRATIONS = 10_000
"""So many registrations of groups are compared at most."""
_ASKED = 100
"""So many registrations are asked for one by one."""
_AT_ONCE = 40
_BY_ID = 400
"""So many devices are asked for by id, 40 in one query; of more the whole fleet is read, 1,000 in one query."""


def compared(
    session: Session,
    changes: Changes,
    reader: EnrollmentReader,
    instance: ProvisioningInstance,
    reading: ProvisioningReading,
    hosts: frozenset[str],
    cancel: Cancel,
) -> CrossCheck:
    """Return where a service and the hub disagree. Raises ConsoleError when the hub's devices cannot be read."""
    unknown = [reading.partial] if reading.partial else []
    registrations = _registrations(reader, instance, reading, unknown, cancel)
    cas, trouble = ca_names(reader, instance, cancel)
    if trouble:
        unknown.append(f"the service's CA certificates could not be read: {trouble}")
    deleted = _deleted(session, changes, instance)
    if any(group.enabled and group.attestation is Attestation.X509 for group in reading.groups):
        unknown.append("groups that were deleted elsewhere: the service keeps no record of them")
    enrollments = _told(reader, instance, reading.enrollments, unknown, cancel)
    material = Material(hosts, enrollments, reading.groups, registrations, {}, cas, deleted)
    wanted = device_ids(material)
    material = replace(material, devices=_devices(session, wanted, cancel))
    if others := elsewhere(material):
        unknown.append(f"{others:,} registrations were assigned to other hubs, which are not read")
    return CrossCheck(session.now(), findings(material), len(wanted), tuple(unknown))


def ca_names(reader: EnrollmentReader, instance: ProvisioningInstance, cancel: Cancel) -> tuple[dict[str, CaName], str]:
    """Return the names of a service's CA certificates by name in lower case, and what of them could not be read."""
    try:
        there = reader.authorities(instance, cancel)
    except ConsoleError as error:
        if error.kind is ErrorKind.CANCELLED:
            raise
        return {}, error.why or error.what
    lost = [clean(one.name, limit=70) for one in there if not readable(one.der)]
    trouble = f"{', '.join(lost[:3])} (by whom issued is not known)" if lost else ""
    return {one.name.casefold(): _names(one.der, one.subject) for one in there}, trouble


def _names(der: bytes, told: str) -> CaName:
    def names() -> CaName:
        certificate = x509.load_der_x509_certificate(der)
        return CaName(name_text(certificate.subject), name_text(certificate.issuer))

    return guarded(names, CaName(told), [], "") if der else CaName(told)


def _told(
    reader: EnrollmentReader,
    instance: ProvisioningInstance,
    enrollments: tuple[Enrollment, ...],
    unknown: list[str],
    cancel: Cancel,
) -> list[Enrollment]:
    """Return enrollments with their registrations: a list of them need not hold these, then they are asked for."""
    found: list[Enrollment] = []
    asked = 0
    for one in enrollments:
        if one.registration is None and asked < _ASKED:
            asked += 1
            told = reader.registration(instance, one.id, cancel)
            found.append(replace(one, registration=told or Registration(one.id, "unassigned")))
        else:
            found.append(one)
    if left := sum(one.registration is None for one in found):
        unknown.append(f"whether the devices of {left:,} enrollments ever registered")
    return found


def _registrations(
    reader: EnrollmentReader,
    instance: ProvisioningInstance,
    reading: ProvisioningReading,
    unknown: list[str],
    cancel: Cancel,
) -> dict[str, list[Registration]]:
    found: dict[str, list[Registration]] = {}
    left = REGISTRATIONS
    for group in reading.groups:
        if not left:
            unknown.append(f"only the first {REGISTRATIONS:,} registrations of groups were compared")
            break
        try:
            found[group.id] = list(islice(reader.registrations(instance, group.id, cancel), left))
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            unknown.append(f"the registrations of the group {group.id} could not be read: {error.why or error.what}")
        left -= len(found.get(group.id, ()))
    return found


def _deleted(session: Session, changes: Changes, instance: ProvisioningInstance) -> list[DeletedGroup]:
    """Return the groups of a service that this console deleted, and that were not brought back."""
    entries = changes.journal.entries(session.hub_name)
    undone = taken_back(entries)
    found: dict[str, DeletedGroup] = {}
    for entry in entries:
        if entry.target.kind is not TargetKind.ENROLLMENT_GROUP or entry.state is not EntryState.APPLIED:
            continue
        arm_id, name = service_of(entry.target)
        here = arm_id.casefold() == instance.arm_id.casefold()
        if here and not entry.after and entry.before and entry.id not in undone:
            found.setdefault(name, DeletedGroup(clean(name), entry.time, _cas(entry.before)))
    return list(found.values())


def _cas(body: Mapping[str, Any]) -> tuple[CaName, ...]:
    """Return the CAs that the body of a group names in `signingCertificates`."""
    pair: Any = body
    for name in ("attestation", "x509", "signingCertificates"):
        pair = pair.get(name) if isinstance(pair, dict) else None
    found = []
    for one in pair.values() if isinstance(pair, dict) else ():
        info = one.get("info") if isinstance(one, dict) else None
        if isinstance(info, dict):
            found.append(CaName(clean(info.get("subjectName")), clean(info.get("issuerName"))))
    return tuple(found)


def _devices(session: Session, ids: list[str], cancel: Cancel) -> dict[str, Device]:
    wanted = set(filter(_askable, ids))
    if len(wanted) > _BY_ID:
        return {one: device for one, device in _run(session, "SELECT * FROM devices", cancel).items() if one in wanted}
    found: dict[str, Device] = {}
    ordered = sorted(wanted)
    for start in range(0, len(ordered), _AT_ONCE):
        listed = ", ".join(f'"{one}"' for one in ordered[start : start + _AT_ONCE])
        found.update(_run(session, f"SELECT * FROM devices WHERE deviceId IN [{listed}]", cancel))  # noqa: S608 - no quote
    return found


def _askable(device_id: str) -> bool:
    """Whether a text can be the id of a device: none of its letters ends a string of a query."""
    try:
        check_id(device_id)
    except ConsoleError:
        return False
    return True


def _run(session: Session, text: str, cancel: Cancel) -> dict[str, Device]:
    found: dict[str, Device] = {}
    continuation: str | None = None
    while True:
        cancel.check()
        page = session.registry.query(text, continuation=continuation, cancel=cancel)
        found.update((device.device_id, device) for device in page.devices)
        continuation = page.continuation
        if not continuation:
            return found
