"""The table of the Certificates tab: what was issued here, each CA with its certificates below it; the hub's CAs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from console.model.certificate import AuthorityRecord, CertificateKind, CertificateRecord, RecordStatus
from console.model.hub import HubCertificate
from console.model.text import clean
from console.present.columns import Column
from console.present.lines import Line, Piece
from console.present.pages import fields, section
from console.present.words import full_moment, plural, span

COLUMNS: tuple[Column, ...] = (
    Column("name", "NAME", 24, flex=3),
    Column("kind", "KIND", 7),
    Column("expires", "EXPIRES", 13),
    Column("thumbprint", "SHA-256", 9, priority=2),
    Column("issuer", "ISSUED BY", 13, flex=1, priority=1),
    Column("where", "WHERE", 22, flex=1, priority=3),
)
HUB_COLUMNS: tuple[Column, ...] = (
    Column("name", "NAME AT THE HUB", 18, flex=2),
    Column("state", "STATE", 12),
    Column("expires", "EXPIRES", 13),
    Column("thumbprint", "SHA-1", 9, priority=2),
    Column("here", "HERE", 11, priority=1),
    Column("subject", "SUBJECT", 18, flex=1, priority=3),
)
KIND_WORDS = {
    CertificateKind.ROOT: "root CA",
    CertificateKind.INTERMEDIATE: "CA",
    CertificateKind.PROOF: "proof",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One certificate of the inventory: how deep below a root it stands, its CA store when it is a CA, its words."""

    key: str
    depth: int
    record: CertificateRecord
    authority: AuthorityRecord | None = None
    words: str = ""


def tree(records: Iterable[CertificateRecord], authorities: Sequence[AuthorityRecord]) -> list[Row]:
    """Return the rows: every CA with what it issued below it, the soonest to expire first on each level."""
    by_print = {one.record.sha256: one for one in authorities}
    by_folder = {one.folder: one for one in authorities}
    by_name = {one.record.common_name: one for one in authorities}
    below: dict[str, list[CertificateRecord]] = {}
    seen: set[str] = set()
    for record in sorted((*records, *(one.record for one in authorities)), key=lambda one: one.not_after):
        if record.sha256 in seen:
            continue
        seen.add(record.sha256)
        parent = None
        if record.sha256 not in by_print:
            parent = by_folder.get(record.store) if record.store is not None else None
        if parent is None and record.kind is not CertificateKind.ROOT:
            parent = by_name.get(record.issuer)
        below.setdefault(parent.record.sha256 if parent is not None else "", []).append(record)
    rows: list[Row] = []
    shown: set[str] = set()

    def add(above: str, depth: int) -> None:
        children = below.get(above, ())
        for record in sorted(children, key=lambda one: (one.sha256 in by_print, one.not_after)):
            if record.sha256 in shown:
                continue
            shown.add(record.sha256)
            rows.append(Row(record.sha256, depth, record, by_print.get(record.sha256), _words(record)))
            add(record.sha256, depth + 1)

    add("", 0)
    for above in below:  # CAs that issued each other would hang in the air
        add(above, 0)
    return rows


def matches(row: Row, wanted: str) -> bool:
    """Return whether a certificate passes a filter: words that must all be there, `!word` must not."""
    return _passes(row.words, wanted)


def _words(record: CertificateRecord) -> str:
    return " ".join(
        (record.subject, KIND_WORDS.get(record.kind, record.kind.value), record.issuer, record.sha256, record.sha1,
         record.serial, str(record.certificate_file or ""))
    ).casefold()  # fmt: skip


def hub_matches(one: HubCertificate, wanted: str) -> bool:
    """Return whether a certificate of the hub passes a filter."""
    state = "verified" if one.verified else "unverified"
    return _passes(f"{one.name} {one.subject} {one.thumbprint} {state}".casefold(), wanted)


def _passes(text: str, wanted: str) -> bool:
    words = wanted.casefold().split()
    return all((word[1:] not in text) if word.startswith("!") and word[1:] else word in text for word in words)


# --- cells ---------------------------------------------------------------------------------------------------------


def expiry_piece(record: CertificateRecord, now: datetime) -> Piece:
    """Return how long a certificate is good for: "213 d", "renew, 40 d", "EXPIRED 2 d"."""
    if record.status is RecordStatus.PENDING:
        return ("not finished", "warn")
    if now >= record.not_after:
        return (f"EXPIRED {span(now - record.not_after)}", "bad")
    left = span(record.not_after - now)
    if record.status is RecordStatus.REPLACED:
        return (f"replaced, {left}", "dim")
    return (f"renew, {left}", "warn") if record.needs_renewal(now) else (left, "")


def hub_expiry(one: HubCertificate, now: datetime) -> Piece:
    """Return the same for a certificate of the hub; when it began is not known, so it is due 60 days before its end."""
    if one.expires is None:
        return ("not known", "dim")
    if now >= one.expires:
        return (f"EXPIRED {span(now - one.expires)}", "bad")
    left = one.expires - now
    return (f"renew, {span(left)}", "warn") if left.days < HUB_RENEW_DAYS else (span(left), "")


HUB_RENEW_DAYS = 60


def hub_due(one: HubCertificate, now: datetime) -> str:
    """Return what the end of a CA of the hub asks for, empty when nothing."""
    words, _ = hub_expiry(one, now)
    return "EXPIRED" if words.startswith("EXPIRED") else "needs renewal" if words.startswith("renew") else ""


def row_cells(row: Row, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of a row of the inventory."""
    record = row.record
    branch = f"{'  ' * (row.depth - 1)} └ " if row.depth else ""
    title = clean(record.common_name) or clean(record.subject) or "(no name)"
    dim = "dim" if record.status is RecordStatus.REPLACED else ""
    issuer = issuer_words(record)
    return (
        (f"{branch}{title}", "head" if row.authority is not None else dim),
        (KIND_WORDS.get(record.kind, record.kind.value), dim),
        expiry_piece(record, now),
        (record.sha256[:8], "dim"),
        (issuer, dim),
        (short_path(record.certificate_file.parent) if record.certificate_file is not None else "", "dim"),
    )


def hub_cells(one: HubCertificate, here: str, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of a certificate of the hub; `here` says what of it is known on this machine."""
    return (
        (clean(one.name), ""),
        state_piece(one),
        hub_expiry(one, now),
        (clean(one.thumbprint)[:8].upper(), "dim"),
        (here, "dim" if here == "-" else ""),
        (f"cannot be read: {clean(one.unread)}", "warn") if one.unread else (clean(one.subject), "dim"),
    )


def state_piece(one: HubCertificate) -> Piece:
    """Return whether it counts as verified: by proof or by whoever uploaded it, the hub does not tell."""
    return ("✓ verified", "ok") if one.verified else ("NOT VERIFIED", "warn")


def here_word(one: HubCertificate, authorities: Iterable[AuthorityRecord]) -> str:
    """Return what this machine has of a CA of the hub."""
    ours = ours_of(one, authorities)
    if ours is None:
        return "-"
    return "key here" if ours.has_key else "no key here"


def ours_of(one: HubCertificate, authorities: Iterable[AuthorityRecord]) -> AuthorityRecord | None:
    """Return the CA store of a certificate of the hub, None when it was not made here."""
    digits = one.thumbprint.replace(":", "").upper()
    return next((ca for ca in authorities if digits and ca.record.sha1.upper() == digits), None)


def theirs_of(record: CertificateRecord, hub: Iterable[HubCertificate] | None) -> HubCertificate | None:
    """Return what the hub has of a CA of ours, None when nothing (or nothing is known)."""
    digits = record.sha1.upper()
    return next((one for one in hub or () if one.thumbprint.replace(":", "").upper() == digits), None)


def issuer_words(record: CertificateRecord) -> str:
    """Return who issued a certificate."""
    return "itself" if record.kind is CertificateKind.ROOT else clean(record.issuer)


def short_path(folder: Path) -> str:
    """Return the end of a path for a column: "…/lyon-ca/out", "~/ca"."""
    home = Path.home()
    shown = Path("~", *folder.relative_to(home).parts) if folder.is_relative_to(home) else folder
    parts = shown.parts
    return clean(str(shown) if len(parts) <= 3 else "/".join(("…", *parts[-2:])))


# --- counts and pages ----------------------------------------------------------------------------------------------


def due(records: Iterable[CertificateRecord], now: datetime) -> tuple[int, int]:
    """Return how many have expired and how many of the others need renewal; replaced ones do not count."""
    expired = renew = 0
    for record in records:
        if record.status is not RecordStatus.ISSUED:
            continue
        if now >= record.not_after:
            expired += 1
        elif record.needs_renewal(now):
            renew += 1
    return expired, renew


def due_line(expired: int, renew: int) -> Line:
    """Return the same for the heading."""
    pieces: list[Piece] = []
    if renew:
        pieces.append((f"{renew:,} {'needs' if renew == 1 else 'need'} renewal", "warn"))
    if expired:
        pieces += [(", ", "dim")] if pieces else []
        pieces.append((f"{expired:,} expired", "bad"))
    return (*pieces, (" ", "")) if pieces else ()


def record_lines(record: CertificateRecord, now: datetime, width: int) -> list[Line]:
    """Return what a certificate of the inventory says."""
    words, token = expiry_piece(record, now)
    about: list[tuple[str, str, str]] = [
        ("subject", clean(record.subject), ""),
        ("device", record.device_id, ""),
        ("module", record.module_id, ""),
        ("issued by", issuer_words(record), ""),
        ("valid", words if words[0].isupper() or words.startswith(("renew", "not", "replaced")) else f"{words} more",
         token),
        ("from", full_moment(record.not_before, now), ""),
        ("until", full_moment(record.not_after, now), ""),
        ("key type", record.key_type, ""),
        ("serial", record.serial, ""),
        ("SHA-256", record.sha256, ""),
        ("SHA-1", record.sha1, ""),
    ]  # fmt: skip
    kind = record.kind.value.upper()
    return section(kind if record.kind.authority else f"{kind} CERTIFICATE", fields(about, width))


def place_lines(row: Row, theirs: HubCertificate | None, width: int) -> list[Line]:
    """Return where a certificate and its key are, here and at the hub."""
    record, authority = row.record, row.authority
    files: list[tuple[str, str, str]] = [
        ("certificate", clean(record.certificate_file or ""), ""),
        ("private key", clean(record.key_file or "") or "not here", "" if record.key_file else "dim"),
    ]
    if authority is not None:
        key = "encrypted, asks for a passphrase" if authority.encrypted else "NOT ENCRYPTED"
        files += [
            ("CA folder", clean(authority.folder), ""),
            ("its key", key if authority.has_key else "not here", "" if authority.encrypted else "warn"),
            ("has issued", plural(authority.issued, "certificate"), ""),
        ]
    lines = section("FILES", fields(files, width))
    if authority is not None:
        lines += section("AT THE HUB", fields((_hub_state(theirs),), width))
    return lines


def _hub_state(theirs: HubCertificate | None) -> tuple[str, str, str]:
    if theirs is None:
        return ("uploaded", "not that is known: a, then Upload a CA", "dim")
    if theirs.verified:
        return ("uploaded", f"as {clean(theirs.name)}, verified: it lets devices in", "ok")
    return ("uploaded", f"as {clean(theirs.name)}, NOT VERIFIED: it lets nobody in", "warn")


def hub_lines(one: HubCertificate, ours: AuthorityRecord | None, now: datetime, width: int) -> list[Line]:
    """Return all that is known of a CA certificate of the hub."""
    words, token = hub_expiry(one, now)
    means = (
        "verified (by proof, or on upload without: the hub does not tell): devices get in whose certificate leads to it"
        if one.verified
        else "NOT PROVED: it lets nobody in before that"
    )
    lines = section(
        "CA CERTIFICATE OF THE HUB",
        fields(
            (
                ("name", clean(one.name), ""),
                ("subject", clean(one.subject), ""),
                ("possession", means, "ok" if one.verified else "warn"),
                ("certificate", f"cannot be read: {clean(one.unread)}" if one.unread else "", "bad"),
                ("until", full_moment(one.expires, now) if one.expires else words, token),
                ("", hub_due(one, now), token),
                ("SHA-1", clean(one.thumbprint), ""),
            ),
            width,
        ),
    )
    if ours is None:
        about = [("here", "it was not made here, as far as is known", "dim")]
    else:
        key = "its key is here" if ours.has_key else "its key is not here"
        about = [("CA folder", clean(ours.folder), ""), ("key", key, "")]
    return [*lines, *section("ON THIS MACHINE", fields(about, width))]
