"""All about an enrollment, a registration, a disagreement or a provisioning service, as pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.enrollment import (
    Attestation,
    CertificateInfo,
    CrossCheck,
    CrossFinding,
    Enrollment,
    EnrollmentKind,
    ProvisioningInstance,
    ProvisioningPolicy,
    Registration,
)
from console.model.ip_rule import FilterAction
from console.present.lines import Line, paragraph
from console.present.pages import fields, section, state_lines
from console.present.provisioning import (
    FINDING_WORDS,
    REPROVISION_WORDS,
    SUBSTATUS_WORDS,
    allocation_words,
    attestation_words,
    certificate_words,
    kind_words,
    links_hub,
    reach_pieces,
    registered_piece,
    sentence,
)
from console.present.words import full_moment, plural

Pair = tuple[str, str] | tuple[str, str, str]


def enrollment_page(one: Enrollment, now: datetime, width: int) -> list[Line]:
    """Return all about an enrollment or a group but its keys."""
    group = one.kind is EnrollmentKind.GROUP
    blocked = "every device that it matches is turned away" if group else "this device is turned away, groups or not"
    status = ("status", "enabled") if one.enabled else ("status", f"DISABLED: {blocked}", "warn")
    pairs: list[Pair] = [
        ("group" if group else "registration id", one.id),
        status,
        ("device", "" if group else one.device_id or f"{one.id} (the registration id)"),
        ("edge", "devices become IoT Edge devices" if one.edge else ""),
        ("made", full_moment(one.created, now, "")),
        ("changed", full_moment(one.updated, now, "")),
    ]
    lines = section(kind_words(one.kind).upper(), fields(pairs, width))
    lines += section(f"ATTESTATION  {attestation_words(one)}", _attestation(one, now, width))
    hubs = ", ".join(one.hubs) or "all that the service links"
    lines += section(
        "ASSIGNMENT",
        fields(
            (
                ("allocation", allocation_words(one.allocation)),
                ("hubs", hubs),
                ("registers again", REPROVISION_WORDS[one.reprovision]),
            ),
            width,
        ),
    )
    if not group:
        lines += section("REGISTRATION", _registration(one.registration, now, width))
    return lines


def _attestation(one: Enrollment, now: datetime, width: int) -> list[Line]:
    if one.attestation is Attestation.SYMMETRIC_KEY:
        derived = "each device has its own, derived from the group's" if one.kind is EnrollmentKind.GROUP else ""
        return fields((("keys", "two, never shown here"), ("devices", derived)), width)
    if one.attestation is Attestation.TPM:
        return fields((("endorsement key", one.endorsement_key or "not told"),), width)
    pairs: list[Pair] = [("CA of the service", name) for name in one.ca_names]
    for slot, certificate in one.certificates:
        words, token = certificate_words(certificate, now)
        pairs += [(slot, words, token), *_certificate(certificate, now)]
    return fields(pairs or (("", "of a kind that hubwarden does not know", "warn"),), width)


def _certificate(one: CertificateInfo, now: datetime) -> list[Pair]:
    return [
        ("  issuer", one.issuer),
        ("  ends", full_moment(one.not_after, now, "")),
        ("  SHA-256", one.sha256),
        ("  SHA-1", one.sha1),
        ("  serial", one.serial),
    ]


def _registration(one: Registration | None, now: datetime, width: int) -> list[Line]:
    if one is None:
        return fields((("", "no device registered by it yet", "dim"),), width)
    return fields(_registration_pairs(one, now), width)


def _registration_pairs(one: Registration, now: datetime) -> list[Pair]:
    return [
        ("status", *registered_piece(one)),
        ("how", SUBSTATUS_WORDS.get(one.substatus.casefold(), one.substatus)),
        ("device", one.device_id),
        ("hub", one.hub),
        ("error", str(one.error_code or ""), "bad"),
        ("why", one.error_message, "bad"),
        ("first", full_moment(one.created, now, "")),
        ("last", full_moment(one.updated, now, "")),
    ]


def registration_page(one: Registration, group: str, now: datetime, width: int) -> list[Line]:
    """Return all about a registration of a group."""
    pairs: list[Pair] = [("registration id", one.registration_id), ("by group", group)]
    return section("REGISTRATION", fields([*pairs, *_registration_pairs(one, now)], width))


def finding_page(one: CrossFinding, width: int) -> list[Line]:
    """Return all about a disagreement."""
    words, token = FINDING_WORDS[one.kind]
    pairs: list[Pair] = [
        ("what", words, token),
        ("enrollment", f"{one.enrollment_id} ({kind_words(one.enrollment_kind)})" if one.enrollment_id else ""),
        ("device", one.device_id),
        ("means", sentence(one.message)),
        ("what to do", one.hint, "accent"),
    ]
    return section("THE SERVICE AND THE HUB DISAGREE", fields(pairs, width))


def check_lines(check: CrossCheck, width: int) -> list[Line]:
    """Return what stands in place of the table where nothing disagrees."""
    compared = f"{plural(check.compared, 'enrollment')} compared with the hub."
    if not check.unknown:
        return [((" ✓ NOTHING DISAGREES", "ok"), (f"  {compared}", ""))]
    lines: list[Line] = [((" ? NOTHING FOUND, BUT NOT ALL IS KNOWN", "warn"), (f"  {compared}", "")), ()]
    for missing in check.unknown:
        lines += paragraph(f"- {missing}", width - 2, indent=3, style="warn")
    return lines


def unchecked_lines(key: str, width: int) -> list[Line]:
    """Return what stands in place of the table before it was asked for; `key` is the one that compares."""
    return [
        *state_lines(
            "NOT COMPARED YET",
            "head",
            "Disabling an enrollment does not disconnect its device, and deleting a group may leave a broader one.",
            "The comparison reads the devices of the hub and the registrations of every group.",
            "",
            width,
        ),
        (),
        ((f"   {key}", "key"), (" compares this service with the hub now", "")),
    ]


def none_lines(others: Sequence[str], key: str, width: int) -> list[Line]:
    """Return what stands in place of the tables where no service links the hub; `key` chooses another."""
    if not others:
        return state_lines(
            "NO PROVISIONING SERVICE",
            "head",
            "No Device Provisioning Service can be seen in the hub's subscription.",
            "there is none, or you may not read it",
            "Devices of this hub are made in the Devices pane",
            width,
        )
    return [
        *state_lines(
            "NO PROVISIONING SERVICE LINKS THIS HUB",
            "warn",
            f"{plural(len(others), 'service')} can be seen, and none assigns devices to this hub: {', '.join(others)}",
            "its links do not name the hub",
            "",
            width,
        ),
        (),
        ((f"   {key}", "key"), (" shows one of them all the same", "")),
    ]


def instance_page(
    one: ProvisioningInstance,
    hub_host: str,
    policies: Sequence[ProvisioningPolicy] | None,
    policies_words: str,
    width: int,
) -> list[Line]:
    """Return all about a service; `policies` None: not read, and `policies_words` says why or how."""
    state = (("state", one.state, "" if one.state.casefold() in ("", "active") else "warn"),)
    lines = section(
        "PROVISIONING SERVICE",
        fields(
            (
                ("name", one.name),
                ("id scope", one.id_scope),
                ("devices register", one.device_host),
                ("service API", one.host),
                ("region", one.location),
                ("allocation", allocation_words(one.allocation)),
                *state,
            ),
            width,
        ),
    )
    linked = []
    for link in one.hubs:
        parts = [link.location, f"weight {link.weight}" if link.weight is not None else ""]
        parts += [f"by policy {link.policy}" if link.policy else "by its identity"]
        parts += [] if link.applied else ["left out of the allocation"]
        ours = "this hub, " if link.host.casefold() == hub_host.casefold() else ""
        linked.append((link.host, f"{ours}{', '.join(part for part in parts if part)}", "" if link.applied else "warn"))
    body = [
        line for host, text, token in linked for line in (((f"   {host}", ""),), *fields((("", text, token),), width))
    ]
    if not links_hub(one, hub_host):
        body += fields((("", "This hub is not among them.", "warn"),), width)
    lines += section("LINKED HUBS", body)
    if policies is None:
        lines += section("POLICIES: NOT READ", paragraph(policies_words, width, indent=3, style="dim"))
    else:
        held: list[Line] = []
        for policy in policies:
            held += [((f"   {policy.name}", ""),), *fields((("", ", ".join(policy.rights) or "no rights"),), width)]
        lines += section("POLICIES (their keys are never shown)", held)
    filters: list[Line] = [((f"   {''.join(text for text, _ in reach_pieces(one))}", reach_pieces(one)[-1][1]),)]
    for place, rule in enumerate(one.filters, 1):
        accepts = rule.action is FilterAction.ACCEPT
        filters.append(
            (
                (f"   {place:>3}  ", "dim"),
                (f"{'accept' if accepts else 'reject'}  ", "ok" if accepts else "warn"),
                (f"{rule.mask:<18}  {rule.name}", ""),
                (f"  ({rule.target.value})", "dim"),
            )
        )
    return lines + section("IP FILTERS: the first that matches decides", filters)
