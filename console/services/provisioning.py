"""Provisioning services of the hub's subscription: what they hold, their keys, and plans to change enrollments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from console.model.clock import Clock
from console.model.document import Document, Target, TargetKind
from console.model.enrollment import (
    Attestation,
    CrossCheck,
    Enrollment,
    EnrollmentKind,
    NewEnrollment,
    ProvisioningInstance,
    ProvisioningPolicy,
    ProvisioningReading,
    Registration,
)
from console.model.enrollment_target import enrollment_target
from console.model.errors import ConsoleError, ErrorKind
from console.model.secret import Secret
from console.model.text import clean
from console.rules.enrollment_input import check_registration_id
from console.rules.group_keys import derive
from console.services.changes import Changes
from console.services.ports import NEVER_CANCELLED, Cancel, EnrollmentReader
from console.services.session import Session

if TYPE_CHECKING:
    from console.model.change import Change
    from console.services.enrollment_plans import EnrollmentPlans
    from console.services.registration_advice import Adviser

READ_KEYS = "enrollment.keys"
"""The kind of a journal entry that notes the reading of an enrollment's keys."""
READ_POLICIES = "provisioning.policies"
LIMIT = 10_000
"""So many enrollments, and so many groups, are read at most: a page has 100, and the service takes 1,000 calls a minute
from all its users (Azure's document on limits)."""

T = TypeVar("T")


class Provisioning:
    """All of it raises ConsoleError. Keys are read only where it says so, and that is noted in the journal first."""

    def __init__(self, session: Session, changes: Changes, reader: EnrollmentReader, clock: Clock) -> None:
        self._session = session
        self._changes = changes
        self._reader = reader
        self._clock = clock

    # --- reading ------------------------------------------------------------------------------------------------

    def instances(self, cancel: Cancel = NEVER_CANCELLED) -> tuple[ProvisioningInstance, ...]:
        """Return the services that the credential may see, those that link the hub first."""
        self._require_entra()
        hosts = self._hosts(cancel)
        found = self._reader.instances(cancel)
        return tuple(sorted(found, key=lambda one: (not links(one, hosts), one.name.casefold())))

    def instance(self, name: str = "", cancel: Cancel = NEVER_CANCELLED) -> ProvisioningInstance:
        """Return a service by name or resource id; empty: the one that links the hub.

        Raises ConsoleError: NOT_FOUND (code "none-linked" where none links the hub), BAD_INPUT when several do.
        """
        what = "The provisioning service was not found"
        seen = self.instances(cancel)
        names = ", ".join(one.name for one in seen)
        wanted = name.strip().casefold()
        if wanted:
            found = [one for one in seen if wanted in {one.name.casefold(), one.arm_id.casefold()}]
        else:
            hosts = self._hosts(cancel)
            found = [one for one in seen if links(one, hosts)]
        if len(found) == 1:
            return found[0]
        if found:
            why = f"several link the hub: {', '.join(one.name for one in found)}"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Name one: --service NAME", code="usage")
        if not seen:
            why, hint = (
                "the credential sees none in the hub's subscription",
                "The role Reader on it is needed to see it",
            )
        elif wanted:
            why, hint = f"there is no {clean(name, limit=70)}; the credential sees: {names}", "Check the name"
        else:
            why, hint = f"none links the hub; the credential sees: {names}", "Name one: --service NAME"
        raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint, code=None if wanted else "none-linked")

    def read(self, instance: ProvisioningInstance, cancel: Cancel = NEVER_CANCELLED) -> ProvisioningReading:
        """Return what a service holds, without keys; of more than 10,000 enrollments the first."""
        partial: list[str] = []
        troubles: list[ConsoleError] = []
        enrollments = self._some("enrollments", self._reader.enrollments(instance, cancel), partial, troubles)
        groups = self._some("groups", self._reader.groups(instance, cancel), partial, troubles)
        if len(troubles) == 2:
            raise troubles[0]
        return ProvisioningReading(self._clock(), instance, enrollments, groups, "; ".join(partial))

    def registrations(
        self, instance: ProvisioningInstance, group_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[Registration, ...]:
        """Return the registrations made through a group, at most 10,000. Raises NOT_FOUND without such a group."""
        try:
            found = tuple(islice(self._reader.registrations(instance, group_id, cancel), LIMIT))
        except ConsoleError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                self.known(instance, EnrollmentKind.GROUP, group_id, cancel)  # says it better
            raise
        if not found:  # the service may tell of none for a group that it does not have
            self.known(instance, EnrollmentKind.GROUP, group_id, cancel)
        return found

    def known(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel = NEVER_CANCELLED
    ) -> Enrollment:
        """Return one enrollment or group without keys, read afresh. Raises NOT_FOUND."""
        noun = "enrollment" if kind is EnrollmentKind.INDIVIDUAL else "group"
        check_registration_id(enrollment_id, noun="registration id" if noun == "enrollment" else "group id")
        found = self._reader.enrollment(instance, kind, enrollment_id, cancel)
        if found is None:
            what = f"The {noun} {clean(enrollment_id, limit=128)} was not found"
            why = f"{instance.name} has no such {noun}"
            hint = f"hubwarden dps {'enrollments' if noun == 'enrollment' else 'groups'} shows them"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, hint)
        return found

    def cross_check(
        self, instance: ProvisioningInstance, reading: ProvisioningReading, cancel: Cancel = NEVER_CANCELLED
    ) -> CrossCheck:
        """Return where a service and the profile's hub disagree; what could not be compared is told, never passed."""
        from console.services.enrollment_check import compared

        return compared(self._session, self._changes, self._reader, instance, reading, self._hosts(cancel), cancel)

    def adviser(self, instance: ProvisioningInstance) -> Adviser:
        """Return who looks, after a registration was refused, for the reason at the service; nothing is read yet."""
        from console.services.registration_advice import Adviser

        return Adviser(self._session, self._reader, instance, self._changes.own_address)

    # --- keys, each reading noted in the journal before it is made -------------------------------------------------

    def policies(
        self, instance: ProvisioningInstance, reason: str = "", cancel: Cancel = NEVER_CANCELLED
    ) -> tuple[ProvisioningPolicy, ...]:
        """Return the shared access policies and their rights: listkeys, which gives the keys, too; they are dropped."""
        target = Target(TargetKind.PROVISIONING, instance.arm_id)
        self._note(READ_POLICIES, f"policies and keys of provisioning service {instance.name}", target, reason, cancel)
        return tuple(self._reader.policies(instance, cancel))

    def derive_key(
        self,
        instance: ProvisioningInstance,
        group_id: str,
        registration_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Secret:
        """Return one device's key, derived from the primary key of a group. The id counts as written."""
        check_registration_id(registration_id)
        self._by_key(instance, EnrollmentKind.GROUP, group_id, cancel)
        why = f", to derive the key of {clean(registration_id, limit=128)}"
        primary, _ = self._keys(instance, EnrollmentKind.GROUP, group_id, why, reason, cancel)
        return derive(primary, registration_id)

    def reveal_keys(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> tuple[Secret, Secret]:
        """Return the primary and the secondary key of an enrollment by symmetric key."""
        self._by_key(instance, kind, enrollment_id, cancel)
        return self._keys(instance, kind, enrollment_id, "", reason, cancel)

    def document(self, instance: ProvisioningInstance, known: Enrollment, why: str, cancel: Cancel) -> Document:
        """Return an enrollment whole, to plan a change of it; one by symmetric key comes with its keys, noted first.

        A PUT replaces it, and what becomes of keys that are left out is not documented: so they are sent again.
        """
        target = enrollment_target(instance.arm_id, known.kind, known.id)
        if known.attestation is Attestation.SYMMETRIC_KEY:
            self._note(READ_KEYS, f"keys of {_named(known.kind, known.id)}, {why}", target, "", cancel)
        found = self._changes.reader.read(target, cancel)
        if found is None:
            what = f"The {_named(known.kind, known.id)} is gone"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, "somebody deleted it", "Look again")
        return found

    # --- plans --------------------------------------------------------------------------------------------------

    @cached_property
    def _plans(self) -> EnrollmentPlans:
        from console.services.enrollment_plans import EnrollmentPlans

        return EnrollmentPlans(self, self._changes.reader, self._reader, self._clock)

    def plan_create(
        self, instance: ProvisioningInstance, order: NewEnrollment, cancel: Cancel = NEVER_CANCELLED
    ) -> Change:
        """Plan a new enrollment or group. Raises BAD_INPUT when the service would refuse it, or has it already."""
        return self._plans.create(instance, order, cancel)

    def plan_status(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        enabled: bool,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan to enable or disable one. Raises NOT_FOUND, BAD_INPUT (code "nothing") when it is so already."""
        return self._plans.status(instance, kind, enrollment_id, enabled, reason, cancel)

    def plan_delete(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan to delete one; blocking risks: another group lets its devices in. Raises NOT_FOUND."""
        return self._plans.delete(instance, kind, enrollment_id, reason, cancel)

    def plan_block(
        self,
        instance: ProvisioningInstance,
        group_id: str,
        registration_id: str,
        certificate: bytes = b"",
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan to shut one device out of a group: a disabled individual enrollment of its registration id.

        With its certificate (PEM or DER) by X.509, without by a key that nobody has: the registration id decides
        (Azure's document "How to disenroll a device", disallow specific devices in an X.509 enrollment group).
        """
        return self._plans.block(instance, group_id, registration_id, certificate, reason, cancel)

    def plan_delete_registration(
        self,
        instance: ProvisioningInstance,
        registration_id: str,
        reason: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> Change:
        """Plan to let the service forget a registration. Raises NOT_FOUND."""
        return self._plans.delete_registration(instance, registration_id, reason, cancel)

    # --- inside -------------------------------------------------------------------------------------------------

    def _hosts(self, cancel: Cancel) -> frozenset[str]:
        return frozenset({self._session.hub_host.casefold(), self._session.hub(cancel).host.casefold()} - {""})

    def _require_entra(self) -> None:
        if self._session.data_plane_only:
            raise ConsoleError(
                ErrorKind.NOT_CONFIGURED,
                "The provisioning services cannot be read",
                "the profile's credential is a connection string, which opens one hub's registry only",
                "Add a credential of kind person, client-secret or managed-identity "
                "(role: Device Provisioning Service Data Reader)",
            )

    def _some(
        self, noun: str, items: Iterator[Enrollment], partial: list[str], troubles: list[ConsoleError]
    ) -> tuple[Enrollment, ...]:
        found: list[Enrollment] = []
        try:
            for one in items:
                if len(found) == LIMIT:
                    partial.append(f"only the first {LIMIT:,} {noun} were read")
                    break
                found.append(one)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            troubles.append(error)
            partial.append(f"the {noun} could not be read{' to the end' if found else ''}: {error.why or error.what}")
        return tuple(found)

    def _by_key(self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel) -> None:
        known = self.known(instance, kind, enrollment_id, cancel)
        if known.attestation is not Attestation.SYMMETRIC_KEY:
            what = f"The {_named(kind, known.id)} has no keys"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"its devices prove themselves by {known.attestation.value}")

    def _keys(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        why: str,
        reason: str,
        cancel: Cancel,
    ) -> tuple[Secret, Secret]:
        target = enrollment_target(instance.arm_id, kind, enrollment_id)
        title = f"keys of {_named(kind, clean(enrollment_id, limit=128))} of {instance.name}{why}"
        self._note(READ_KEYS, title, target, reason, cancel)
        pair = self._reader.mechanism(instance, kind, enrollment_id, cancel).body.get("symmetricKey")
        found = [pair.get(name) for name in ("primaryKey", "secondaryKey")] if isinstance(pair, dict) else []
        keys = [key for key in found if isinstance(key, Secret)]
        if len(keys) != 2:
            what = f"The keys of {clean(enrollment_id, limit=128)} could not be read"
            raise ConsoleError(ErrorKind.BAD_ANSWER, what, "the answer holds no keys", "Try again")
        return keys[0], keys[1]

    def _note(self, kind: str, title: str, target: Target, reason: str, cancel: Cancel) -> None:
        identity = self._session.whoami(cancel)
        who = f"{identity.name} ({identity.source})" if identity.source else identity.name
        self._changes.journal.note_read(kind, title, target, hub=self._session.hub_name, who=who, reason=reason)


def links(instance: ProvisioningInstance, hosts: frozenset[str]) -> bool:
    """Whether a service links a hub of these host names (in lower case)."""
    return any(hub.host.casefold() in hosts for hub in instance.hubs)


def _named(kind: EnrollmentKind, enrollment_id: str) -> str:
    return f"{'enrollment' if kind is EnrollmentKind.INDIVIDUAL else 'enrollment group'} {enrollment_id}"
