"""One device as a page: identity, credentials (never the keys), tags, recent connection events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.model.connection import ConnectionEvent, Source
from console.model.device import AuthType, Device, DeviceDetail, DeviceStatus
from console.model.errors import ConsoleError
from console.present.connections import event_cells
from console.present.glyphs import AUTH_WORDS, connection_piece
from console.present.lines import Line, fit, paragraph
from console.present.pages import BLANK, error_lines, fields, section
from console.present.words import full_moment, plural

NARROW = 60
"""Below this width the addresses of events are left out."""

_AUTH_NOTES = {
    AuthType.THUMBPRINT_SHA1: "SHA-1 is weak: register the SHA-256 thumbprint",
    AuthType.THUMBPRINT_MISSING: "self-signed, but no thumbprint is registered: it can never connect",
    AuthType.NONE: "no credential: it can connect only through an edge gateway",
}


def device_page(
    device: Device,
    detail: DeviceDetail | None,
    detail_error: ConsoleError | None,
    events: Sequence[ConnectionEvent] | None,
    events_note: str,
    now: datetime,
    width: int,
) -> list[Line]:
    """Return the page of one device.

    `device` is the row of the list; `detail` is the fresh reading, None while it is under way (or `detail_error` why
    there is none). `events` are the newest first, None while unread; `events_note` then says why.
    """
    shown = detail.device if detail is not None else device
    lines: list[Line] = [((f" {shown.device_id}", "accent"),), BLANK]
    if detail_error is not None:
        lines += [*error_lines(detail_error, width), BLANK, ((" From the list:", "dim"),)]
    lines += _identity(shown, detail, now, width)
    lines += _credentials(shown, detail, width)
    tags: list[Line] = []
    for name, value in shown.tags:
        tags += fields(((name, value or '""'),), width)
    lines += section("TAGS", tags or [(("   none", "dim"),)])
    lines += section("CONNECTION EVENTS", _events(events, events_note, now, width))
    return lines


def _identity(device: Device, detail: DeviceDetail | None, now: datetime, width: int) -> list[Line]:
    status = device.status.value + (f": {device.status_reason}" if device.status_reason else "")
    if detail is not None and detail.status_updated is not None:
        status += f", since {full_moment(detail.status_updated, now)}"
    state, token = connection_piece(device.connection)
    pairs: list[tuple[str, str, str]] = [
        ("status", status, "" if device.status is DeviceStatus.ENABLED else "warn"),
        ("connection", state, token),
        ("", "as the hub last knew, up to 5 min late", "dim"),
        ("last activity", full_moment(device.last_activity, now), ""),
        ("edge", "yes" if device.edge else "", ""),
    ]
    if detail is not None:
        pairs += [
            ("modules", ", ".join(detail.modules), ""),
            ("scope", detail.scope, ""),
            ("parents", ", ".join(detail.parent_scopes), ""),
            ("waiting messages", str(detail.c2d_messages) if detail.c2d_messages else "", ""),
            ("generation", detail.generation_id, "dim"),
        ]
    pairs.append(("etag", device.etag, "dim"))
    return section("IDENTITY", fields(pairs, width))


def _credentials(device: Device, detail: DeviceDetail | None, width: int) -> list[Line]:
    first, second = device.thumbprints
    pairs: list[tuple[str, str, str]] = [
        ("auth type", AUTH_WORDS[device.auth], ""),
        ("", _AUTH_NOTES.get(device.auth, ""), "warn"),
        ("thumbprint 1", first, ""),
        ("thumbprint 2", second, ""),
    ]
    if detail is not None and device.auth is AuthType.SAS:
        filled = [name for name, there in zip(("primary", "secondary"), detail.keys_filled, strict=True) if there]
        pairs.append(("keys", f"{' and '.join(filled)} filled, not shown" if filled else "none filled", ""))
        if detail.keys_equal:
            pairs.append(("", "primary and secondary are EQUAL: there is nothing to rotate to", "warn"))
    if detail is None:
        pairs.append(("", "reading …", "dim"))
    return section("CREDENTIALS", fields(pairs, width))


def _events(events: Sequence[ConnectionEvent] | None, note: str, now: datetime, width: int) -> list[Line]:
    if events is None:
        return [*paragraph(note or "reading …", width, indent=3, style="dim")]
    if not events:
        return [(("   none in the last 24 h", "dim"),)]
    lines: list[Line] = []
    for event in events:
        time, _, code, name, address, *_rest = event_cells(event, now)
        lines.append(
            (
                (f"   {fit(time[0], 9)}", "dim"),
                (fit(code[0], 7), code[1]),
                (fit(name[0], max(min(width - 42, 40), 18)), name[1]),
                (f"  {fit(address[0], 15)}" if width >= NARROW else "", "dim"),
            )
        )
    if len(events) > 1:
        lines.append(((f"   {plural(len(events), 'event')}, the newest first", "dim"),))
    return lines


def twin_page(detail: DeviceDetail) -> list[Line]:
    """Return the twin as it came, line by line."""
    return [((f" {line}", ""),) for line in detail.twin_json.split("\n")]


def event_page(
    event: ConnectionEvent, meaning: tuple[str, str], security: str, now: datetime, width: int
) -> list[Line]:
    """Return one raw event with the explanation of its code."""
    lines = [
        BLANK,
        *section(
            "EVENT",
            fields(
                (
                    ("time", full_moment(event.time, now)),
                    ("device", event.device_id),
                    ("operation", event.operation),
                    ("code", f"{event.code} {event.description}".strip(), "bad" if event.code else ""),
                    ("message", event.message),
                    ("told by", "the provisioning service's log" if event.source is Source.PROVISIONING else ""),
                    ("address", event.address),
                    ("", "the log masks the last part of every address", "dim"),
                    ("protocol", event.protocol),
                    ("auth type", event.auth),
                    ("SDK", event.sdk),
                    ("folded", "part of a token renewal" if event.renewal else ""),
                ),
                width,
            ),
        ),
    ]
    return lines + section(
        "WHAT IT MEANS",
        fields((("meaning", meaning[0]), ("what to do", meaning[1], "accent"), ("security", security, "warn")), width),
    )
