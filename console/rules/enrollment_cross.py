"""Where a provisioning service and a hub disagree about devices: decided from what was read of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from console.model.device import AuthType, Device, DeviceStatus
from console.model.enrollment import (
    Attestation,
    CrossFinding,
    CrossKind,
    Enrollment,
    EnrollmentKind,
    Registration,
)
from console.model.shell import command_line
from console.rules.enrollment_groups import CaName, authorities, broader

_SAS = frozenset({AuthType.SAS})
_CERTIFICATE = frozenset(
    {AuthType.CA, AuthType.THUMBPRINT_SHA1, AuthType.THUMBPRINT_SHA256, AuthType.THUMBPRINT_MISSING}
)
_EXPECTED = {Attestation.SYMMETRIC_KEY: _SAS, Attestation.TPM: _SAS, Attestation.X509: _CERTIFICATE}
_ASSIGNED = "assigned"


@dataclass(frozen=True)
class DeletedGroup:
    """A group that this console deleted, as its journal tells."""

    id: str
    at: datetime
    cas: tuple[CaName, ...]


@dataclass(frozen=True)
class Material:
    """What was read. `devices` are the hub's by id; `hosts` are the hub's names, `cas` by name, in lower case."""

    hosts: frozenset[str]
    enrollments: Sequence[Enrollment] = ()
    groups: Sequence[Enrollment] = ()
    registrations: Mapping[str, Sequence[Registration]] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    cas: Mapping[str, CaName] = field(default_factory=dict)
    deleted: Sequence[DeletedGroup] = ()

    def here(self, registration: Registration | None) -> bool:
        """Whether a registration was assigned to this hub."""
        return bool(registration and registration.status == _ASSIGNED and registration.hub.casefold() in self.hosts)

    def of_individual(self, enrollment: Enrollment) -> Registration | None:
        """Return the registration of a device with an individual enrollment, perhaps made through a group before."""
        if enrollment.registration and enrollment.registration.status not in {"", "unassigned", "disabled"}:
            return enrollment.registration
        wanted = enrollment.id.casefold()
        everyone = (one for found in self.registrations.values() for one in found)
        return next((one for one in everyone if one.registration_id.casefold() == wanted), enrollment.registration)


def device_ids(material: Material) -> list[str]:
    """Return the ids of the hub's devices that a comparison needs, each once."""
    found: dict[str, None] = {}
    for one in material.enrollments:
        registration = material.of_individual(one)
        if registration is None or registration.status != _ASSIGNED or material.here(registration):
            found[_device_id(one, registration)] = None
    for registrations in material.registrations.values():
        found.update({one.device_id or one.registration_id: None for one in registrations if material.here(one)})
    return list(found)


def elsewhere(material: Material) -> int:
    """Return how many registrations were assigned to other hubs."""
    everyone = [*(one.registration for one in material.enrollments)]
    everyone += [one for found in material.registrations.values() for one in found]
    return sum(1 for one in everyone if one and one.status == _ASSIGNED and not material.here(one))


def findings(material: Material) -> tuple[CrossFinding, ...]:
    """Return what the two disagree on, in the order of the enrollments, then of the groups."""
    apart = {one.id.casefold() for one in material.enrollments}
    found: list[CrossFinding] = []
    for one in material.enrollments:
        found += _individual(one, material)
    for group in material.groups:
        for registration in material.registrations.get(group.id, ()):
            if registration.registration_id.casefold() not in apart and material.here(registration):
                found += _assigned(group, registration.device_id or registration.registration_id, material)
        found += _groups_above(group, material)
    found += _left_open(material)
    return tuple(found)


def _individual(one: Enrollment, material: Material) -> Iterator[CrossFinding]:
    registration = material.of_individual(one)
    device_id = _device_id(one, registration)
    if registration is not None and registration.status == _ASSIGNED:
        if material.here(registration):
            yield from _assigned(one, device_id, material)
        return
    device = material.devices.get(device_id)
    if not one.enabled and device is not None and device.status is DeviceStatus.ENABLED:
        yield _stays_enabled(one, device_id)
    if one.enabled and registration is not None and registration.status in {"", "unassigned"}:
        there = ", though the hub has a device of this id" if device is not None else ""
        yield _finding(
            CrossKind.NEVER_REGISTERED,
            one,
            device_id,
            f"enrolled, and never registered{there}",
            "Delete it if it is not waited for: an enrollment that nobody uses is a way in",
        )


def _assigned(one: Enrollment, device_id: str, material: Material) -> Iterator[CrossFinding]:
    """Yield what is wrong with a device that was assigned to this hub."""
    device = material.devices.get(device_id)
    if device is None:
        text = "assigned to this hub, which has no such device"
        yield _finding(CrossKind.NOT_IN_HUB, one, device_id, text, "It comes back when it registers again")
        return
    if not one.enabled and device.status is DeviceStatus.ENABLED:
        yield _stays_enabled(one, device_id)
    if one.enabled and device.status is DeviceStatus.DISABLED:
        text = "disabled in the hub, but it may register again, here or at another hub"
        hint = f"Shut it out here, too: {_shut_out(one, device_id)}"
        yield _finding(CrossKind.ENABLED_HERE_DISABLED_THERE, one, device_id, text, hint)
    if device.last_activity is None and device.status is not DeviceStatus.DISABLED:
        text = "registered, but the hub has never seen it"
        yield _finding(CrossKind.NEVER_SEEN, one, device_id, text, "Look at its connections, or at the device itself")
    expected = _EXPECTED.get(one.attestation)
    # a disabled enrollment may only block a device, by whatever attestation: it says nothing about the device
    if one.enabled and expected is not None and device.auth is not AuthType.UNKNOWN and device.auth not in expected:
        text = f"enrolled by {one.attestation.value}, but the hub has it with {device.auth.value}"
        yield _finding(CrossKind.OTHER_AUTH, one, device_id, text, "Somebody changed it in the hub after it registered")


def _stays_enabled(one: Enrollment, device_id: str) -> CrossFinding:
    text = "disabled in the provisioning service, but still enabled in the hub: it goes on connecting"
    hint = f"Shut it out there, too: {command_line('hubwarden', 'devices', 'disable', operands=[device_id])}"
    return _finding(CrossKind.DISABLED_HERE_ENABLED_THERE, one, device_id, text, hint)


def _shut_out(one: Enrollment, device_id: str) -> str:
    if one.kind is EnrollmentKind.GROUP:
        return command_line("hubwarden", "dps", "block", operands=[one.id, device_id])
    return command_line("hubwarden", "dps", "disable", operands=[one.id])


def _groups_above(group: Enrollment, material: Material) -> Iterator[CrossFinding]:
    above = broader(authorities(group, material.cas), material.groups, material.cas, but=group.id)
    if group.attestation is Attestation.X509 and above:
        names = ", ".join(one.id for one in above)
        text = f"its CA stands below that of {names}: deleted, its devices would be let in there"
        yield _finding(CrossKind.BROADER_GROUP, group, "", text, "Disable it rather than delete it")


def _left_open(material: Material) -> Iterator[CrossFinding]:
    there = {group.id for group in material.groups}
    for gone in material.deleted:
        above = broader(gone.cas, material.groups, material.cas)
        if gone.id in there or not above:
            continue
        names = ", ".join(one.id for one in above)
        text = f"the group {gone.id} was deleted on {gone.at:%Y-%m-%d}, but {names} still lets its devices in"
        hint = "Block its devices one by one, or disable the broader group"
        yield CrossFinding(CrossKind.BROADER_GROUP, EnrollmentKind.GROUP, gone.id, "", text, hint)


def _device_id(one: Enrollment, registration: Registration | None) -> str:
    told = registration.device_id if registration is not None else ""
    return told or one.device_id or one.id


def _finding(kind: CrossKind, one: Enrollment, device_id: str, message: str, hint: str) -> CrossFinding:
    return CrossFinding(kind, one.kind, one.id, device_id, message, hint)
