"""Enrollments, registrations and disagreements as rows: columns, cells, what a filter looks into, what sorts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from console.model.enrollment import CrossFinding, Enrollment, EnrollmentKind, Registration
from console.present.columns import Column
from console.present.lines import Piece
from console.present.provisioning import (
    FINDING_WORDS,
    attestation_words,
    enabled_piece,
    expires_at,
    expiry_piece,
    hubs_words,
    registered_piece,
    short_host,
    why_words,
)
from console.present.words import since

GROUP_COLUMNS: tuple[Column, ...] = (
    Column("id", "GROUP", 16, flex=3),
    Column("status", "STATUS", 8),
    Column("attestation", "ATTESTATION", 15),
    Column("allocation", "ALLOCATION", 10, priority=3),
    Column("hubs", "HUBS", 12, flex=2, priority=2),
    Column("expires", "EXPIRES", 8, align="right", priority=1),
    Column("updated", "CHANGED", 8, align="right", priority=4),
)
ENROLLMENT_COLUMNS: tuple[Column, ...] = (
    Column("id", "REGISTRATION ID", 18, flex=3),
    Column("status", "STATUS", 8),
    Column("attestation", "ATTESTATION", 15),
    Column("device", "DEVICE", 14, flex=2, priority=3),
    Column("registered", "REGISTERED", 12),
    Column("hub", "HUB", 14, flex=1, priority=4),
    Column("expires", "EXPIRES", 8, align="right", priority=1),
    Column("updated", "CHANGED", 8, align="right", priority=5),
)
FINDING_COLUMNS: tuple[Column, ...] = (
    Column("kind", "WHAT DISAGREES", 28),
    Column("enrollment", "ENROLLMENT", 18, flex=1),
    Column("of", "KIND", 6, priority=2),
    Column("device", "DEVICE", 16, flex=1, priority=1),
)
REGISTRATION_COLUMNS: tuple[Column, ...] = (
    Column("id", "REGISTRATION ID", 18, flex=3),
    Column("status", "STATUS", 10),
    Column("device", "DEVICE", 14, flex=2, priority=3),
    Column("hub", "HUB", 14, flex=1, priority=1),
    Column("why", "WHY", 16, flex=2, priority=2),
    Column("updated", "CHANGED", 8, align="right"),
)
_NEVER = datetime.max.replace(tzinfo=UTC)
_ORDER = {kind: place for place, kind in enumerate(FINDING_WORDS)}


# --- cells -------------------------------------------------------------------------------------------------------


def group_cells(one: Enrollment, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of a group, in the order of `GROUP_COLUMNS`."""
    return (
        (one.id, ""),
        enabled_piece(one),
        (attestation_words(one), ""),
        (one.allocation or "-", "" if one.allocation else "dim"),
        (hubs_words(one), "" if one.hubs else "dim"),
        expiry_piece(expires_at(one), now),
        (since(one.updated or one.created, now, "-"), "dim"),
    )


def enrollment_cells(one: Enrollment, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of an individual enrollment, in the order of `ENROLLMENT_COLUMNS`."""
    told = one.registration
    device = one.device_id or (told.device_id if told is not None else "")
    same = device in ("", one.id)
    return (
        (one.id, ""),
        enabled_piece(one),
        (attestation_words(one), ""),
        ("the same" if same else device, "dim" if same else ""),
        registered_piece(told),
        (short_host(told.hub) if told is not None and told.hub else "-", "dim"),
        expiry_piece(expires_at(one), now),
        (since(one.updated or one.created, now, "-"), "dim"),
    )


def finding_cells(one: CrossFinding) -> tuple[Piece, ...]:
    """Return the cells of a disagreement, in the order of `FINDING_COLUMNS`."""
    return (
        FINDING_WORDS[one.kind],
        (one.enrollment_id or "-", ""),
        ("group" if one.enrollment_kind is EnrollmentKind.GROUP else "single", "dim"),
        (one.device_id or "-", "" if one.device_id else "dim"),
    )


def registration_cells(one: Registration, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of a registration, in the order of `REGISTRATION_COLUMNS`."""
    same = one.device_id in ("", one.registration_id)
    failed = one.error_code is not None or bool(one.error_message)
    return (
        (one.registration_id, ""),
        registered_piece(one),
        ("the same" if same else one.device_id, "dim" if same else ""),
        (short_host(one.hub) or "-", "" if one.hub else "dim"),
        (why_words(one) or "-", "bad" if failed else "dim"),
        (since(one.updated or one.created, now, "-"), "dim"),
    )


# --- filter and order --------------------------------------------------------------------------------------------


def passes(words: Iterable[str], wanted: str) -> bool:
    """Return whether a row holds every word of a filter, in any case; `!word` must not be there."""
    text = "\n".join(words).casefold()
    return all(
        (word[1:] not in text) if word.startswith("!") and word[1:] else word in text
        for word in wanted.casefold().split()
    )


def enrollment_text(one: Enrollment) -> tuple[str, ...]:
    """Return what a filter looks into: also `status:disabled`, `attestation:tpm`, `hub:NAME`."""
    told = one.registration
    subjects = [part for _, info in one.certificates for part in (info.subject, info.sha1, info.sha256)]
    registered = (f"registered:{told.status}", told.device_id, told.hub) if told is not None else ("registered:never",)
    return (
        one.id,
        one.device_id,
        f"status:{'enabled' if one.enabled else 'disabled'}",
        f"attestation:{attestation_words(one)}",
        *(f"hub:{host}" for host in one.hubs),
        *one.ca_names,
        *subjects,
        *registered,
        "edge" if one.edge else "",
    )


def finding_text(one: CrossFinding) -> tuple[str, ...]:
    """Return what a filter looks into."""
    return (FINDING_WORDS[one.kind][0], one.kind.value, one.enrollment_id, one.device_id, one.message)


def registration_text(one: Registration) -> tuple[str, ...]:
    """Return what a filter looks into: also `status:failed`, `hub:NAME`."""
    return (one.registration_id, one.device_id, f"status:{one.status}", f"hub:{one.hub}", why_words(one))


def _moment(moment: datetime | None) -> datetime:
    return moment or datetime.min.replace(tzinfo=UTC)


ENROLLMENT_SORT: dict[str, Callable[[Enrollment], Any]] = {
    "id": lambda one: one.id.casefold(),
    "status": lambda one: one.enabled,
    "attestation": attestation_words,
    "allocation": lambda one: one.allocation.casefold(),
    "hubs": lambda one: hubs_words(one).casefold(),
    "device": lambda one: (one.device_id or one.id).casefold(),
    "registered": lambda one: registered_piece(one.registration)[0],
    "hub": lambda one: one.registration.hub.casefold() if one.registration is not None else "",
    "expires": lambda one: expires_at(one) or _NEVER,
    "updated": lambda one: _moment(one.updated or one.created),
}
FINDING_SORT: dict[str, Callable[[CrossFinding], Any]] = {
    "kind": lambda one: _ORDER[one.kind],
    "enrollment": lambda one: one.enrollment_id.casefold(),
    "of": lambda one: one.enrollment_kind,
    "device": lambda one: one.device_id.casefold(),
}
REGISTRATION_SORT: dict[str, Callable[[Registration], Any]] = {
    "id": lambda one: one.registration_id.casefold(),
    "status": lambda one: one.status.casefold(),
    "device": lambda one: one.device_id.casefold(),
    "hub": lambda one: one.hub.casefold(),
    "why": lambda one: why_words(one).casefold(),
    "updated": lambda one: _moment(one.updated or one.created),
}
