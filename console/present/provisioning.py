"""A provisioning service in words: what it is, who it serves, how devices prove themselves, what disagrees."""

from __future__ import annotations

from datetime import datetime

from console.model.enrollment import (
    Attestation,
    CertificateInfo,
    CertificateSlot,
    CrossKind,
    Enrollment,
    EnrollmentKind,
    ProvisioningInstance,
    Registration,
    Reprovision,
)
from console.model.ip_rule import FilterAction
from console.present.lines import Line, Piece
from console.present.words import plural, span

ATTESTATION_WORDS: dict[Attestation, str] = {
    Attestation.SYMMETRIC_KEY: "symmetric key",
    Attestation.X509: "X.509",
    Attestation.TPM: "TPM",
    Attestation.OTHER: "unknown kind",
}
SLOT_WORDS: dict[CertificateSlot, str] = {
    CertificateSlot.CLIENT: "X.509 client",
    CertificateSlot.SIGNING: "X.509 signing",
    CertificateSlot.CA: "X.509 CA",
}
REPROVISION_WORDS: dict[Reprovision, str] = {
    Reprovision.MIGRATE: "assign again, take the twin along",
    Reprovision.RESET: "assign again, begin with the initial twin",
    Reprovision.NEVER: "never assign again",
}
ALLOCATION_WORDS: dict[str, str] = {
    "": "as the service",
    "hashed": "hashed (evenly)",
    "static": "static",
    "geolatency": "lowest latency",
    "custom": "custom (a webhook)",
}
FINDING_WORDS: dict[CrossKind, Piece] = {
    CrossKind.DISABLED_HERE_ENABLED_THERE: ("disabled here, enabled there", "bad"),
    CrossKind.BROADER_GROUP: ("a broader group above it", "warn"),
    CrossKind.OTHER_AUTH: ("other authentication there", "warn"),
    CrossKind.ENABLED_HERE_DISABLED_THERE: ("enabled here, disabled there", "warn"),
    CrossKind.NOT_IN_HUB: ("registered, not in the hub", "warn"),
    CrossKind.NEVER_SEEN: ("registered, never seen", ""),
    CrossKind.NEVER_REGISTERED: ("never registered", "dim"),
}
"""What each disagreement is called, the gravest first."""
SUBSTATUS_WORDS: dict[str, str] = {
    "initialassignment": "first assignment",
    "devicedatamigrated": "twin taken along",
    "devicedatareset": "twin reset",
    "reprovisionedtoinitialassignment": "back to its first hub",
}
_STATUS_TOKENS = {"assigned": "ok", "failed": "bad", "disabled": "warn", "assigning": "accent"}
_SOON = 30


# --- words -------------------------------------------------------------------------------------------------------


def short_host(host: str) -> str:
    """Return the name of a hub from its host."""
    return host.partition(".")[0]


def sentence(text: str) -> str:
    """Return a text that begins like a sentence."""
    return text[:1].upper() + text[1:]


def links_hub(instance: ProvisioningInstance, hub_host: str) -> bool:
    """Return whether a service assigns devices to a hub."""
    return any(link.host.casefold() == hub_host.casefold() for link in instance.hubs)


def attestation_words(one: Enrollment) -> str:
    """Return how devices prove themselves, with the kind of certificate."""
    if one.attestation is Attestation.X509 and one.certificate_slot is not None:
        return SLOT_WORDS[one.certificate_slot]
    return ATTESTATION_WORDS[one.attestation]


def allocation_words(policy: str) -> str:
    """Return how hubs are chosen."""
    return ALLOCATION_WORDS.get(policy.casefold(), policy)


def hubs_words(one: Enrollment) -> str:
    """Return which hubs an enrollment assigns to."""
    return ", ".join(map(short_host, one.hubs)) or "all linked"


def kind_words(kind: EnrollmentKind) -> str:
    """Return "group" or "enrollment", as a noun."""
    return "enrollment group" if kind is EnrollmentKind.GROUP else "enrollment"


def expires_at(one: Enrollment) -> datetime | None:
    """Return when the last usable certificate of an enrollment ends: until then devices get in."""
    ends = [certificate.not_after for _, certificate in one.certificates if certificate.not_after is not None]
    return max(ends) if ends and len(ends) == len(one.certificates) else None


def expiry_piece(end: datetime | None, now: datetime, none: str = "-") -> Piece:
    """Return when something ends: "3 y", "19 d" as a warning, "EXPIRED"."""
    if end is None:
        return (none, "dim")
    if end <= now:
        return ("EXPIRED", "bad")
    return (span(end - now), "warn" if (end - now).days < _SOON else "")


def enabled_piece(one: Enrollment) -> Piece:
    """Return whether devices may register by an enrollment."""
    return ("enabled", "") if one.enabled else ("DISABLED", "warn")


def registered_piece(one: Registration | None) -> Piece:
    """Return what became of a registration, as the service calls it."""
    if one is None or not one.status:
        return ("not told" if one is not None else "never", "dim")
    return (one.status, _STATUS_TOKENS.get(one.status.casefold(), "dim"))


def why_words(one: Registration) -> str:
    """Return why a registration is as it is: the error, or the substatus."""
    if one.error_code is not None or one.error_message:
        return " ".join(part for part in (str(one.error_code or ""), one.error_message) if part)
    return SUBSTATUS_WORDS.get(one.substatus.casefold(), one.substatus)


def certificate_words(certificate: CertificateInfo, now: datetime) -> Piece:
    """Return a certificate in one line, and how urgent it is."""
    end = certificate.not_after
    text = certificate.subject or "no subject told"
    if end is None:
        return (f"{text}; end not told", "")
    ended = end <= now
    when = f"EXPIRED {span(now - end)} ago" if ended else f"ends in {span(end - now)}"
    return (f"{text}; {when}", expiry_piece(end, now)[1])


# --- the head ----------------------------------------------------------------------------------------------------


def head_lines(instance: ProvisioningInstance | None, hub_host: str) -> list[Line]:
    """Return what a service is in three lines: name and scope, the hubs it assigns to, who can reach it."""
    if instance is None:
        return [((" PROVISIONING", "head"),)]
    first: list[Piece] = [(f" DPS {instance.name}", "head"), (f"  {instance.id_scope or 'no id scope told'}", "")]
    rest = [instance.location, f"allocation {allocation_words(instance.allocation)}" if instance.allocation else ""]
    if instance.state and instance.state.casefold() != "active":
        first.append((f"  {instance.state}", "warn"))
    first.append(("  " + " · ".join(part for part in rest if part), "dim"))
    return [tuple(first), _links_line(instance, hub_host), ((" REACH  ", "head"), *reach_pieces(instance))]


def _links_line(instance: ProvisioningInstance, hub_host: str) -> Line:
    pieces: list[Piece] = [(" LINKS  ", "head")]
    if not instance.hubs:
        return (*pieces, ("no hub: every registration fails", "bad"))
    for place, link in enumerate(sorted(instance.hubs, key=lambda link: link.host.casefold() != hub_host.casefold())):
        ours = link.host.casefold() == hub_host.casefold()
        pieces += [(" · " if place else "", "dim"), (short_host(link.host), "")]
        notes = ["this hub"] if ours else []
        notes += [f"by {link.policy}" if link.policy else "by identity"]
        notes += [] if link.applied else ["not in the allocation"]
        pieces.append((f" ({', '.join(notes)})", "dim" if link.applied else "warn"))
    if not links_hub(instance, hub_host):
        pieces.append((" · NOT THIS HUB", "warn"))
    return tuple(pieces)


def reach_pieces(instance: ProvisioningInstance) -> tuple[Piece, ...]:
    """Return who can reach a service, as far as its filters say."""
    if not instance.public_access:
        note = ": its filters are ignored" if instance.filters else ""
        return (("public access off", "ok"), (note, "warn"))
    if not instance.filters:
        return (("public, no filters: ", ""), ("OPEN to all addresses", "warn"))
    accepts = sum(rule.action is FilterAction.ACCEPT for rule in instance.filters)
    rejects = len(instance.filters) - accepts
    text = f"public, {plural(len(instance.filters), 'filter')} in order: {accepts} accept, {rejects} reject"
    closes = any(rule.action is FilterAction.REJECT and rule.mask == "0.0.0.0/0" for rule in instance.filters)
    return ((text, ""), ("" if closes else "; others get in", "warn"))
