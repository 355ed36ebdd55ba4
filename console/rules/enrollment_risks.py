"""What may go wrong when an enrollment is made, switched or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.model.certificate import CertificateInfo
from console.model.change import Risk, Severity
from console.model.document import Json
from console.model.enrollment import Attestation, Enrollment, EnrollmentKind, NewEnrollment
from console.model.text import clean

STAYS = (
    "a device that is assigned already stays in its hub and goes on connecting: to shut it out there, too: "
    "hubwarden devices disable ID"
)


@dataclass(frozen=True)
class Around:
    """What is known around an enrollment.

    Attributes:
        broader: the groups of CAs above its own.
        shadowed: enabled groups whose kind of proof the device could use, too.
        assigned: how many devices were assigned through it; None: not known.
    """

    broader: tuple[Enrollment, ...] = ()
    shadowed: tuple[Enrollment, ...] = ()
    assigned: int | None = None


def of_creation(order: NewEnrollment, certificates: Sequence[CertificateInfo], now: datetime) -> list[Risk]:
    """Return the risks of a new enrollment."""
    found: list[Risk] = []
    group = order.kind is EnrollmentKind.GROUP
    if order.enabled and group and order.attestation is Attestation.SYMMETRIC_KEY:
        text = "whoever holds a key of the group can make the key of any device id, and register it"
        found.append(Risk("group-key", Severity.MEDIUM, text, hint="Give devices derived keys only, never the group's"))
    for one in certificates:
        name = clean(one.subject, limit=80)
        if one.not_after <= now:
            text = f"the certificate {name} has expired: nobody can register with it"
            found.append(Risk("expired", Severity.HIGH, text, blocking=order.enabled))
        elif one.not_before > now:
            text = f"the certificate {name} is not valid yet"
            found.append(Risk("not-yet-valid", Severity.MEDIUM, text))
        if not group and one.common_name.casefold() != order.id.casefold():
            text = f"the certificate's common name is “{clean(one.common_name, limit=64)}”, not the registration id"
            hint = "A device that presents it registers as its common name: make the two the same"
            found.append(Risk("common-name", Severity.HIGH, text, blocking=order.enabled, hint=hint))
    if len(certificates) == 2 and certificates[0].sha256 == certificates[1].sha256:
        found.append(Risk("same-certificate", Severity.LOW, "primary and secondary certificate are the same"))
    if len(order.ca_names) == 2 and order.ca_names[0].casefold() == order.ca_names[1].casefold():
        found.append(Risk("same-certificate", Severity.LOW, "primary and secondary CA are the same"))
    if order.keys is not None and order.keys[0] == order.keys[1]:
        found.append(Risk("same-key", Severity.LOW, "primary and secondary key are the same: neither can be rotated"))
    return found


def of_status(enrollment: Enrollment, enabled: bool, around: Around) -> list[Risk]:
    """Return the risks of enabling or disabling."""
    group = enrollment.kind is EnrollmentKind.GROUP
    if enabled:
        if group:
            whom = (
                "holds a key of it" if enrollment.attestation is Attestation.SYMMETRIC_KEY else "has such a certificate"
            )
            return [Risk("lets-in", Severity.LOW, f"every device that {whom} can register again")]
        return []
    if group:
        count = "an unknown number of" if around.assigned is None else f"{around.assigned:,}"
        text = f"{count} devices were assigned through it: none can register again, for instance after a reset"
        return [Risk("group-off", Severity.MEDIUM, text)] if around.assigned != 0 else []
    return []


def of_deletion(enrollment: Enrollment, around: Around) -> list[Risk]:
    """Return the risks of a deletion."""
    found: list[Risk] = []
    group = enrollment.kind is EnrollmentKind.GROUP
    if group and around.broader:
        names = ", ".join(one.id for one in around.broader)
        text = f"its devices are let in by the broader group {names} from then on"
        hint = "Disable it instead: a disabled group of the nearer CA keeps its devices out"
        found.append(Risk("broader-group", Severity.HIGH, text, blocking=True, hint=hint))
    if not group and around.shadowed:
        names = ", ".join(one.id for one in around.shadowed)
        if enrollment.enabled:
            text = f"the device may then register through a group, if it can prove itself there: {names}"
            found.append(Risk("group-admits", Severity.MEDIUM, text))
        else:
            text = f"it is disabled and so keeps this device out; without it a group may let the device in: {names}"
            found.append(
                Risk("block-lifted", Severity.HIGH, text, blocking=True, hint="Leave it, or disable the group")
            )
    if enrollment.attestation is Attestation.SYMMETRIC_KEY:
        what = "the keys that all devices' keys are derived from" if group else "its keys"
        text = f"{what} are destroyed; only this console, while it stays open, or seal_from could bring them back"
        found.append(Risk("keys-lost", Severity.HIGH, text))
    if enrollment.attestation is Attestation.X509 and enrollment.certificates:
        text = "the service does not give its certificate back: to make it again the certificate file is needed"
        found.append(Risk("certificate-needed", Severity.LOW, text))
    if group and around.assigned:
        text = f"its {around.assigned:,} registrations can no longer be listed: who was assigned through it gets lost"
        hint = "Keep the list: hubwarden dps registrations GROUP --json"
        found.append(Risk("registrations-lost", Severity.MEDIUM, text, hint=hint))
    return found


def of_undo(before: Json | None, after: Json | None) -> list[Risk]:
    """Return the risks that the bodies of an undo show by themselves."""
    if before is None or after is not None:
        return []
    if str(before.get("provisioningStatus")).casefold() == "disabled" and "registrationId" in before:
        text = "it is disabled and so keeps this device out; without it a group may let the device in"
        return [Risk("block-lifted", Severity.MEDIUM, text)]
    return []
