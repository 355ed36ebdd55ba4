"""Why a registration was refused, by what the provisioning service holds: its own answer seldom tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.model.enrollment import Attestation, Enrollment, ProvisioningInstance
from console.model.ip_rule import DecidedBy, FilterTarget, Reach
from console.model.shell import command_line
from console.model.text import clean
from console.rules.ip_filter import verdict
from console.rules.registration_failures import Case

_MOST_NAMES = 5
_WORDS = {
    Attestation.SYMMETRIC_KEY: "symmetric key",
    Attestation.X509: "X.509",
    Attestation.TPM: "TPM",
    Attestation.OTHER: "another means",
}


@dataclass(frozen=True)
class Reason:
    """Why, and what to do; `certain` False: it is what remains, for the service does not tell."""

    why: str
    hint: str
    certain: bool = True


_DPS = ("hubwarden", "dps")


def shut_out(instance: ProvisioningInstance, address: str) -> Reason | None:
    """Return why this address may not register at a service, None where it may or is not known."""
    if not instance.public_access:
        why = f"public access to {instance.name} is switched off"
        return Reason(why, "Register through a private endpoint, or switch public access on")
    if not address:
        return None
    found = verdict(Reach(classic=instance.filters), address, FilterTarget.DEVICE_API)
    if found.admitted or found.by is not DecidedBy.RULE:
        return None
    why = f"the IP filter of {instance.name} shuts out this machine's address {clean(address)} (rule “{found.rule}”)"
    return Reason(why, "Accept the address before that rule, or register from elsewhere; dps show lists the filters")


def by_enrollment(case: Case, one: Enrollment) -> Reason:
    """Return why a device with an enrollment of its own was refused: it goes before every group."""
    own = [case.registration_id]
    if not one.enabled:
        why = "its own enrollment is disabled, which keeps it out whatever groups there are"
        return Reason(why, f"Enable it: {command_line(*_DPS, 'enable', operands=own)}")
    if one.attestation is not case.attestation:
        why = f"its own enrollment is by {_WORDS[one.attestation]}, and it registered by {_WORDS[case.attestation]}"
        return Reason(why, "Register as the enrollment says, or replace the enrollment")
    if case.by_group:
        why = "it has an enrollment of its own with keys of its own, which goes before its group"
        return Reason(why, f"Use its own key ({command_line(*_DPS, 'keys', operands=own)}), or delete its enrollment")
    if case.attestation is Attestation.SYMMETRIC_KEY:
        why = "the key is neither of the two of its own enrollment, which goes before any group"
        return Reason(why, f"Compare: {command_line(*_DPS, 'keys', operands=own)}")
    if case.attestation is Attestation.TPM:
        why = "its enrollment has another endorsement key than this TPM's"
        anew = command_line(*_DPS, "create", "--attestation", "tpm", "--from-tpm", operands=own)
        return Reason(why, f"Delete it and enroll anew: {anew}")
    return _by_certificate(case, one)


def _by_certificate(case: Case, one: Enrollment) -> Reason:
    shown = case.card.leaf.sha1 if case.card is not None else ""
    held = [info.sha1 for _, info in one.certificates if info.sha1]
    if one.certificate_slot is not None and one.certificate_slot.value == "clientCertificates" and held:
        if shown and shown.upper() not in {sha1.upper() for sha1 in held}:
            why = f"its enrollment has the certificate {' or '.join(held)} (SHA-1), and it showed {shown}"
            return Reason(why, "Show the enrolled certificate, or replace the enrollment")
        return Reason("its certificate is the enrolled one, and the service refused it", "Look at its dates", False)
    why = "its certificate does not lead to the CA that its enrollment names"
    return Reason(why, "Show the whole chain, and look at the CA: hubwarden dps enrollments", False)


def by_groups(case: Case, groups: Sequence[Enrollment]) -> Reason:
    """Return why a device without an enrollment of its own was refused."""
    fitting = [group for group in groups if group.attestation is case.attestation]
    word = _WORDS[case.attestation]
    own = [case.registration_id]
    if case.attestation is Attestation.TPM or not fitting:
        why = "it has no enrollment" + ("" if case.attestation is Attestation.TPM else f", and no group is by {word}")
        how = {
            Attestation.SYMMETRIC_KEY: ("--attestation", "symmetric-key"),
            Attestation.X509: ("--attestation", "x509", "--certificate", "FILE"),
            Attestation.TPM: ("--attestation", "tpm", "--from-tpm"),
        }
        words = (*_DPS, "create", *how.get(case.attestation, ()))
        return Reason(why, f"Enroll it: {command_line(*words, operands=own)}")
    names = named(fitting)
    if case.attestation is Attestation.SYMMETRIC_KEY:
        why = f"it has no enrollment of its own, and the key is derived from none of the groups' ({names})"
        derive = command_line(*_DPS, "derive-key", "--group", "ID", operands=own)
        hint = f"Derive it with the very same letters: {derive}"
        return Reason(why, hint)
    why = f"it has no enrollment of its own, and its chain leads to the CA of none of the groups ({names})"
    return Reason(why, "Show the whole chain, or enroll its CA: hubwarden dps groups shows them")


def disabled(case: Case, individual: Enrollment | None, groups: Sequence[Enrollment]) -> Reason | None:
    """Return which enrollment a disabled registration met; None when none is disabled any more."""
    if individual is not None:
        return by_enrollment(case, individual) if not individual.enabled else None
    off = [group for group in groups if not group.enabled and group.attestation is case.attestation]
    if not off:
        return None
    if len(off) == 1:
        why = f"the group {clean(off[0].id, limit=128)} is disabled"
        return Reason(why, f"Enable it: {command_line(*_DPS, 'enable', '--group', operands=[off[0].id])}")
    return Reason(f"its group is disabled, one of {named(off)}", "Enable it: hubwarden dps enable ID --group", False)


def named(groups: Sequence[Enrollment]) -> str:
    """Return the ids of some groups for a sentence."""
    more = len(groups) - _MOST_NAMES
    words = ", ".join(clean(group.id, limit=60) for group in groups[:_MOST_NAMES])
    return f"{words} and {more} more" if more > 0 else words
