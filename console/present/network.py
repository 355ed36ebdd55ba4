"""Who can reach the hub, in words: the summary on top, a row for every rule, and all about one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from console.model.errors import ConsoleError
from console.model.ip_rule import FilterAction, FindingKind, RuleFinding
from console.model.network import (
    EndpointConnection,
    LinkStatus,
    NetworkView,
    OrderedRow,
    ProvisioningView,
    RuleRow,
    SeenLog,
)
from console.present.columns import Column
from console.present.lines import Line, Piece
from console.present.pages import fields, section
from console.present.words import plural, since, window_words

RULE_COLUMNS: tuple[Column, ...] = (
    Column("name", "NAME", 13, flex=2),
    Column("range", "RANGE", 18),
    Column("addresses", "ADDRESSES", 10, align="right", priority=2),
    Column("devices", "DEVICES", 7, align="right"),
    Column("seen", "LAST SEEN", 9, align="right", priority=3),
    Column("note", "NOTE", 10, flex=3, priority=1),
)
ORDERED_COLUMNS: tuple[Column, ...] = (
    Column("place", "#", 3, align="right"),
    Column("action", "ACTION", 8),
    Column("name", "NAME", 16, flex=2),
    Column("range", "RANGE", 18),
    Column("target", "FOR", 10, priority=2),
    Column("note", "NOTE", 12, flex=3, priority=1),
)
CONNECTION_COLUMNS: tuple[Column, ...] = (
    Column("status", "STATUS", 14),
    Column("endpoint", "PRIVATE ENDPOINT", 20, flex=1),
    Column("name", "CONNECTION", 20, flex=2, priority=1),
    Column("description", "DESCRIPTION", 16, flex=2, priority=2),
)
_STATUS: dict[LinkStatus, Piece] = {
    LinkStatus.APPROVED: ("● approved", "ok"),
    LinkStatus.PENDING: ("◌ PENDING", "warn"),
    LinkStatus.REJECTED: ("✗ rejected", "dim"),
    LinkStatus.DISCONNECTED: ("○ disconnected", "dim"),
    LinkStatus.UNKNOWN: ("? unknown", "dim"),
}
_NOTE_WORDS: dict[FindingKind, str] = {
    FindingKind.EVERYONE: "EVERYONE",
    FindingKind.OVER_WIDE: "wide",
    FindingKind.DUPLICATE: "duplicate",
    FindingKind.REDUNDANT: "redundant",
    FindingKind.SHADOWED: "never matches",
    FindingKind.OVERLAPPING: "order matters",
    FindingKind.NARROW: "narrower than /24",
    FindingKind.HOST_BITS: "host bits set",
}
_ALL = 2**32
_UNKNOWN: Piece = ("?", "dim")


def summary_lines(view: NetworkView) -> list[Line]:
    """Return who can reach the hub in a few lines: what is open stands out, what is not known says so."""
    hub = view.hub
    first: list[Piece] = [(" PUBLIC ACCESS  ", "head")]
    if not hub.reach.public_access:
        first += [("off", "ok"), (": all IP rules are ignored", "warn" if view.rows or view.classic else "")]
    elif hub.reach.rules is None:
        kind = f"{plural(len(hub.classic), 'classic rule')} in force" if hub.classic else "OPEN to all addresses"
        first += [("on, ", ""), (kind, "warn" if hub.classic else "bad")]
    elif not hub.reach.rules.default_deny:
        first += [("on, ", ""), ("OPEN to all addresses", "bad"), (" (default action Allow)", "")]
    else:
        count = len(view.rows)
        first += [("on, default deny, ", ""), (plural(count, "IP range"), "" if count else "bad")]
    lines: list[Line] = [tuple(first), _second(view)]
    lines.append((("   seen  ", "dim"), *seen_pieces(view)))
    lines.append((("   you   ", "dim"), *own_pieces(view)))
    return lines


def _second(view: NetworkView) -> Line:
    hub = view.hub
    pieces: list[Piece] = [("   built-in endpoint ", "dim"), built_in_piece(view)]
    pieces += [("  TLS ", "dim"), (f"{hub.min_tls}+" if hub.min_tls else "no minimum", "" if hub.min_tls else "warn")]
    pieces += [("  outbound ", "dim"), (outbound_words(view), "")]
    pending = sum(one.status is LinkStatus.PENDING for one in hub.connections)
    if hub.connections:
        pieces += [("  private ", "dim"), (f"{len(hub.approved)} approved", "ok" if hub.approved else "")]
    if pending:
        pieces.append((f", {pending} PENDING", "warn"))
    return tuple(pieces)


def built_in_piece(view: NetworkView) -> Piece:
    """Return whether the built-in Event Hubs endpoint is open."""
    reach = view.hub.reach
    if not reach.public_access:
        return ("off", "ok")
    if reach.rules is None or not reach.rules.default_deny:
        return ("OPEN, as the hub is", "bad")
    return ("filtered", "ok") if reach.rules.built_in_endpoint else ("OPEN to all", "bad")


def outbound_words(view: NetworkView) -> str:
    """Return whether the hub's own connections are restricted."""
    if not view.hub.outbound_restricted:
        return "open"
    return f"restricted to {plural(len(view.hub.allowed_fqdns), 'host name')}"


def seen_pieces(view: NetworkView) -> tuple[Piece, ...]:
    """Return how many devices the log tells of, and of how many it tells nothing."""
    log = view.seen.value
    if log is None:
        return (("not known: ", "warn"), (_why(view.seen.error, "the log was not read"), "warn"))
    window = window_words(log.window)
    refused = ((f", {log.refused:,} refused", "bad"),) if log.refused else ()
    return (
        (f"{plural(log.devices, 'device')} in {window}", ""),
        *refused,
        (f"; {unseen_words(view, log)}; masked to /24", "dim"),
    )


def unseen_words(view: NetworkView, log: SeenLog) -> str:
    """Return how many devices have no address in the window."""
    total = view.total_devices.value
    if total is None:
        return f"not seen: unknown ({_why(view.total_devices.error, 'the devices were not counted')})"
    return f"not seen: {max(total - log.devices, 0):,}"


def own_pieces(view: NetworkView) -> tuple[Piece, ...]:
    """Return the operator's own address and what it rests on."""
    own = view.own
    if not own.address:
        return (("address not known", "warn"), (f": {own.why}", "dim"))
    note = f" (from {own.source}{'; ' + own.note if own.note else ''})"
    return ((own.address, ""), (note, "dim"))


def rule_cells(row: RuleRow, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of a rule, in the order of `RULE_COLUMNS`."""
    use = row.use
    devices: Piece = _UNKNOWN if use is None else (f"{use.devices:,}{'~' if use.partly else ''}", "")
    last: Piece = _UNKNOWN if use is None else (since(use.last_seen, now, "not seen"), "dim" if not use.devices else "")
    return (
        (row.rule.name, ""),
        (row.rule.mask, ""),
        ("all", "bad") if row.addresses == _ALL else (f"{row.addresses:,}", ""),
        devices,
        last,
        note_piece(row.findings),
    )


def ordered_cells(row: OrderedRow, place: int) -> tuple[Piece, ...]:
    """Return the cells of an ordered rule, in the order of `ORDERED_COLUMNS`; `place` counts from 1."""
    accepts = row.rule.action is FilterAction.ACCEPT
    return (
        (str(place), "dim"),
        ("accept", "ok") if accepts else ("reject", "warn"),
        (row.rule.name, ""),
        (row.rule.mask, ""),
        (row.rule.target.value, "dim"),
        note_piece(row.findings),
    )


def connection_cells(connection: EndpointConnection) -> tuple[Piece, ...]:
    """Return the cells of a private endpoint connection, in the order of `CONNECTION_COLUMNS`."""
    return (
        status_piece(connection.status),
        (connection.endpoint_name or "?", ""),
        (connection.name, "dim"),
        (connection.description, "dim"),
    )


def status_piece(status: LinkStatus) -> Piece:
    """Return glyph and word of a connection's status."""
    return _STATUS[status]


def note_piece(findings: Sequence[RuleFinding]) -> Piece:
    """Return what is odd about a rule in a few words."""
    words = list(dict.fromkeys(_NOTE_WORDS[finding.kind] for finding in findings))
    bad = any(finding.kind is FindingKind.EVERYONE for finding in findings)
    return (", ".join(words), "bad" if bad else "warn")


def rule_page(view: NetworkView, row: RuleRow, now: datetime, width: int) -> list[Line]:
    """Return all about one rule."""
    use = row.use
    used = "not known: " + _why(view.seen.error, "the log was not read")
    if use is not None:
        used = f"{plural(use.devices, 'device')} of {plural(use.ranges, 'masked range')}"
        used += "; some may come from outside it, as the log masks addresses" if use.partly else ""
    pairs = (
        ("name", row.rule.name),
        ("range", row.rule.mask),
        ("addresses", f"{row.addresses:,}"),
        ("used by", used),
        ("last seen", "" if use is None else since(use.last_seen, now, "not in the window")),
    )
    lines = section("IP RULE (allow)", fields(pairs, width))
    return lines + _odd(row.findings, width)


def ordered_page(row: OrderedRow, place: int, owner: str, width: int) -> list[Line]:
    """Return all about one ordered rule of the hub (classic) or of a provisioning service."""
    pairs = (
        ("name", row.rule.name),
        ("place", f"{place}: the first rule that matches decides, what none matches is accepted"),
        ("action", row.rule.action.value),
        ("range", row.rule.mask),
        ("addresses", f"{row.addresses:,}"),
        ("for", row.rule.target.value),
        ("of", owner),
    )
    return section("ORDERED RULE", fields(pairs, width)) + _odd(row.findings, width)


def connection_page(connection: EndpointConnection, width: int) -> list[Line]:
    """Return all about one private endpoint connection."""
    pairs = (
        ("connection", connection.name),
        ("status", *status_piece(connection.status)),
        ("description", connection.description),
        ("private endpoint", connection.endpoint_id or "not told"),
        ("to be done", connection.actions_required if connection.actions_required != "None" else ""),
    )
    return section("PRIVATE ENDPOINT CONNECTION", fields(pairs, width))


def service_words(view: ProvisioningView) -> str:
    """Return a provisioning service's heading."""
    link = "provisions devices to this hub" if view.linked else "does not link this hub"
    public = "" if view.service.public_access else ", public access off: its filters are ignored"
    none = "" if view.rows or not view.service.public_access else ", no filters: OPEN to all addresses"
    return f"DPS {view.service.name} ({link}{public}{none})"


def unknown_words(error: ConsoleError | None) -> str:
    """Return why a part is not known."""
    return _why(error, "not read yet")


def _odd(findings: Iterable[RuleFinding], width: int) -> list[Line]:
    pairs = [(finding.kind.value, finding.message, "warn") for finding in findings]
    return section("NOTE", fields(pairs, width)) if pairs else []


def _why(error: ConsoleError | None, otherwise: str) -> str:
    return (error.why or error.what).rstrip(".") if error is not None else otherwise
