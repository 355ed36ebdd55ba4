"""Plans of enrollments: what is written, what it risks, and what it does not do."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from console.model.change import Change, Risk, Severity
from console.model.clock import Clock
from console.model.document import Document, Json
from console.model.enrollment import (
    Attestation,
    CertificateSlot,
    Enrollment,
    EnrollmentKind,
    NewEnrollment,
    ProvisioningInstance,
)
from console.model.enrollment_target import enrollment_target, registration_target
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules import enrollment_risks
from console.rules.certificate_one import only_certificate
from console.rules.enrollment_groups import CaName, authorities, broader
from console.rules.enrollment_input import check_registration_id, checked
from console.rules.enrollment_risks import STAYS, Around
from console.rules.planning import change_of, copied
from console.services.enrollment_check import ca_names
from console.services.ports import Cancel, DocumentReader, EnrollmentReader

if TYPE_CHECKING:
    from console.services.provisioning import Provisioning

COUNTED = 1_000
"""So many registrations of a group are counted at most, to say what its change means."""

_KEYS_SENT = "its keys are sent again as they are: what the service does with keys left out is not documented"


class EnrollmentPlans:
    """Makes the plans of `Provisioning`; see there."""

    def __init__(
        self, provisioning: Provisioning, documents: DocumentReader, reader: EnrollmentReader, clock: Clock
    ) -> None:
        self._provisioning = provisioning
        self._documents = documents
        self._reader = reader
        self._clock = clock

    def create(self, instance: ProvisioningInstance, order: NewEnrollment, cancel: Cancel) -> Change:
        """Plan a new enrollment."""
        found = checked(order, instance)
        self._refuse_twin(instance, order.kind, order.id, cancel)
        self._check_authorities(instance, order, cancel)
        notes = [f"the registration id is written in lower case: {order.id.casefold()}"] if found.lowered else []
        notes += [f"the endorsement key: {one}" for one in found.told]
        if found.new_keys:
            notes.append("both keys are made here, of 32 random bytes each")
        risks = enrollment_risks.of_creation(order, found.certificates, self._clock())
        return self._change(
            instance, order.kind, order.id, "create", None, found.body, risks, _is(order), notes, order.reason
        )

    def status(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        enabled: bool,
        reason: str,
        cancel: Cancel,
    ) -> Change:
        """Plan to enable or disable."""
        known = self._provisioning.known(instance, kind, enrollment_id, cancel)
        verb, word = ("enable", "enabled") if enabled else ("disable", "disabled")
        if known.enabled is enabled:
            what = f"{verb.capitalize()} {_noun(kind)} {known.id}: there is nothing to do"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"it is {word} already", code="nothing")
        document = self._provisioning.document(instance, known, f"to plan to {verb} it", cancel)
        around = Around(assigned=None if enabled else self._assigned(instance, known, cancel))
        after = copied(document)
        after["provisioningStatus"] = word
        effect = [("after", _after(kind, enabled)), *_count(around)]
        notes = ([] if enabled else [STAYS]) + _sent_again(known)
        risks = enrollment_risks.of_status(known, enabled, around)
        return self._change(instance, kind, known.id, verb, document, after, risks, effect, notes, reason)

    def delete(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, reason: str, cancel: Cancel
    ) -> Change:
        """Plan to delete."""
        known = self._provisioning.known(instance, kind, enrollment_id, cancel)
        document = self._provisioning.document(instance, known, "to plan to delete it", cancel)
        around, notes = self._around(instance, known, cancel)
        risks = enrollment_risks.of_deletion(known, around)
        return self._change(
            instance, kind, known.id, "delete", document, None, risks, _count(around), [STAYS, *notes], reason
        )

    def block(
        self,
        instance: ProvisioningInstance,
        group_id: str,
        registration_id: str,
        certificate: bytes,
        reason: str,
        cancel: Cancel,
    ) -> Change:
        """Plan a disabled individual enrollment of a device of a group."""
        check_registration_id(registration_id)
        group = self._provisioning.known(instance, EnrollmentKind.GROUP, group_id, cancel)
        there = self._reader.enrollment(instance, EnrollmentKind.INDIVIDUAL, registration_id, cancel)
        if there is not None:
            return self.status(instance, EnrollmentKind.INDIVIDUAL, registration_id, False, reason, cancel)
        notes = [
            STAYS,
            f"deleted later, {group.id} may let the device in again: leave it as long as the group is there",
        ]
        if certificate:
            if group.attestation is not Attestation.X509:
                why = f"the group {group.id} is by {group.attestation.value}"
                raise _refused(registration_id, why, "Leave the certificate out")
            one = only_certificate(certificate, f"{clean(registration_id, limit=128)} cannot be blocked")
            if one.common_name.casefold() != registration_id.casefold():
                why = f"the certificate is of “{clean(one.common_name, limit=64)}”, and a device registers as that"
                raise _refused(registration_id, why, "Check which device is meant")
        else:
            notes.append(
                "it has a random key that nobody is given: the registration id decides, and disabled it refuses"
            )
        order = NewEnrollment(
            EnrollmentKind.INDIVIDUAL,
            registration_id,
            Attestation.X509 if certificate else Attestation.SYMMETRIC_KEY,
            enabled=False,
            certificates=(certificate,) if certificate else (),
        )
        found = checked(order, instance)
        registration = self._reader.registration(instance, registration_id, cancel)
        risks: list[Risk] = []
        effect = [("after", f"{registration_id} is refused whenever it registers, through whatever group")]
        if registration is None:
            text = f"{instance.name} has never seen {clean(registration_id, limit=128)}: is it spelled right?"
            risks.append(Risk("never-registered", Severity.LOW, text))
        else:
            hub = f" to {registration.hub} as {registration.device_id}" if registration.hub else ""
            effect.append(("now", f"{registration.status or 'known'}{hub}"))
        kind = EnrollmentKind.INDIVIDUAL
        return self._change(instance, kind, registration_id, "block", None, found.body, risks, effect, notes, reason)

    def delete_registration(
        self, instance: ProvisioningInstance, registration_id: str, reason: str, cancel: Cancel
    ) -> Change:
        """Plan to forget a registration."""
        check_registration_id(registration_id)
        target = registration_target(instance.arm_id, registration_id)
        document = self._documents.read(target, cancel)
        name = clean(registration_id, limit=128)
        if document is None:
            what, why = f"The registration {name} was not found", f"{instance.name} remembers no such registration"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, "hubwarden dps registrations GROUP shows them")
        notes = [
            STAYS,
            "the device is let in as before: to keep it out block it or disable its enrollment",
            "this cannot be undone: the service makes it anew when the device registers again",
        ]
        title = f"delete registration {name} of {instance.name}"
        return change_of("registration.delete", title, target, document, None, notes=notes, reason=reason)

    # --- inside -------------------------------------------------------------------------------------------------

    def _change(
        self,
        instance: ProvisioningInstance,
        kind: EnrollmentKind,
        enrollment_id: str,
        verb: str,
        before: Document | None,
        after: Json | None,
        risks: Iterable[Risk],
        effect: Iterable[tuple[str, str]],
        notes: Iterable[str],
        reason: str,
    ) -> Change:
        name = enrollment_id.casefold() if kind is EnrollmentKind.INDIVIDUAL else enrollment_id
        target = enrollment_target(instance.arm_id, kind, name)
        title = f"{verb} {_noun(kind)} {clean(name, limit=128)} of {instance.name}"
        return change_of(
            f"{target.kind.value}.{verb}",
            title,
            target,
            before,
            after,
            risks=risks,
            effect=effect,
            notes=notes,
            reason=reason,
        )

    def _refuse_twin(
        self, instance: ProvisioningInstance, kind: EnrollmentKind, enrollment_id: str, cancel: Cancel
    ) -> None:
        if self._reader.enrollment(instance, kind, enrollment_id, cancel) is not None:
            what = f"The {_noun(kind)} {clean(enrollment_id, limit=128)} cannot be created"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"{instance.name} has it already", "Choose another id")

    def _check_authorities(self, instance: ProvisioningInstance, order: NewEnrollment, cancel: Cancel) -> None:
        if not order.ca_names:
            return
        there = {one.name.casefold(): one for one in self._reader.authorities(instance, cancel)}
        for name in order.ca_names:
            what = f"The {_noun(order.kind)} {clean(order.id, limit=128)} cannot be created"
            if name.casefold() not in there:
                names = ", ".join(one.name for one in there.values()) or "none"
                why = f"{instance.name} has no CA certificate {clean(name, limit=64)}; it has: {names}"
                raise ConsoleError(
                    ErrorKind.BAD_INPUT, what, why, "Upload it there first, or give the certificate itself"
                )
            if not there[name.casefold()].verified:
                why = f"the CA certificate {clean(name, limit=64)} of {instance.name} is not verified"
                raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Prove there that its key is held, first")

    def _assigned(self, instance: ProvisioningInstance, known: Enrollment, cancel: Cancel) -> int | None:
        """Return how many devices were assigned through a group (up to a limit); None: not known, or not a group."""
        if known.kind is not EnrollmentKind.GROUP:
            return None
        try:
            found = list(islice(self._reader.registrations(instance, known.id, cancel), COUNTED))
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            return None
        return sum(one.status == "assigned" for one in found)

    def _around(self, instance: ProvisioningInstance, known: Enrollment, cancel: Cancel) -> tuple[Around, list[str]]:
        groups = list(self._reader.groups(instance, cancel))
        cas, trouble = ca_names(self._reader, instance, cancel)
        notes = [f"whether another group stands above it is not fully known: {trouble}"] if trouble else []
        if known.kind is EnrollmentKind.GROUP:
            above = broader(authorities(known, cas), groups, cas, but=known.id)
            return Around(above, assigned=self._assigned(instance, known, cancel)), notes
        open_groups = [one for one in groups if one.enabled]
        if not known.enabled:  # the attestation of a block says nothing about how the device proves itself
            return Around(shadowed=tuple(open_groups)), []
        if known.attestation is Attestation.X509 and known.certificate_slot is CertificateSlot.CLIENT:
            mine = [CaName("", one.issuer) for _, one in known.certificates if one.issuer]
            return Around(shadowed=broader(mine, groups, cas)), notes
        same = tuple(one for one in open_groups if one.attestation is known.attestation)
        return Around(shadowed=same), []


def _noun(kind: EnrollmentKind) -> str:
    return "enrollment" if kind is EnrollmentKind.INDIVIDUAL else "enrollment group"


def _is(order: NewEnrollment) -> list[tuple[str, str]]:
    group = order.kind is EnrollmentKind.GROUP
    whom = "its devices prove themselves" if group else "the device proves itself"
    effect = [("attestation", f"{whom} by {order.attestation.value}")]
    if not group:
        effect.append(("device id", order.device_id or f"{order.id.casefold()} (the registration id)"))
    effect.append(("hubs", ", ".join(order.hubs) or "any that the service links"))
    return effect


def _after(kind: EnrollmentKind, enabled: bool) -> str:
    if kind is EnrollmentKind.GROUP:
        return "its devices may register" if enabled else "its devices are refused when they register"
    return "the device may register" if enabled else "the device is refused when it registers, through any group, too"


def _count(around: Around) -> list[tuple[str, str]]:
    if around.assigned is None:
        return []
    more = " or more" if around.assigned >= COUNTED else ""
    return [("assigned through it", f"{around.assigned:,}{more} devices")]


def _sent_again(known: Enrollment) -> list[str]:
    return [_KEYS_SENT] if known.attestation is Attestation.SYMMETRIC_KEY else []


def _refused(registration_id: str, why: str, hint: str) -> ConsoleError:
    what = f"{clean(registration_id, limit=128)} cannot be blocked"
    return ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="usage")
