"""The tokens minted here as a table: what each opens, how long it is still good, since when, by whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from console.model.text import clean
from console.model.token import LedgerEntry
from console.present.columns import Column
from console.present.lines import Line, Piece, paragraph
from console.present.pages import fields, section, state_lines
from console.present.words import full_moment, short_moment, span

LONG = timedelta(hours=24)
"""A token that is good for longer than this stands out."""

COLUMNS: tuple[Column, ...] = (
    Column("resource", "RESOURCE", 24, flex=4),
    Column("policy", "POLICY", 11, flex=1),
    Column("expires", "EXPIRES", 12),
    Column("minted", "MINTED", 6, priority=1),
    Column("who", "WHO", 14, flex=2, priority=2),
)


def ordered(entries: Iterable[LedgerEntry], now: datetime) -> list[LedgerEntry]:
    """Return the tokens that are still good, the soonest to end first, then the expired ones, the last ended first."""
    valid = [entry for entry in entries if entry.valid(now)]
    ended = [entry for entry in entries if not entry.valid(now)]
    valid.sort(key=lambda entry: entry.expires)
    ended.sort(key=lambda entry: entry.expires, reverse=True)
    return valid + ended


def resource_text(entry: LedgerEntry, host: str) -> str:
    """Return what a token opens, of the hub that is open the ids alone: "press-1", "press-1/camera", "the hub"."""
    first, *rest = [part for part in entry.resource.split("/") if part] or [""]
    if not host or first.casefold() != host.casefold():
        return clean(entry.resource)
    match rest:
        case []:
            return "the hub"
        case ["devices"]:
            return "all devices"
        case ["devices", device]:
            return clean(device)
        case ["devices", device, "modules", module]:
            return clean(f"{device}/{module}")
    return clean("/".join(rest))


def expires_piece(entry: LedgerEntry, now: datetime) -> Piece:
    """Return when a token ends, in words."""
    if not entry.valid(now):
        return (f"{span(now - entry.expires)} ago", "dim")
    left = entry.expires - now
    return (f"in {span(left)}", "warn" if left > LONG else "ok")


def token_cells(entry: LedgerEntry, host: str, now: datetime) -> tuple[Piece, ...]:
    """Return the cells of one token; an expired one is dim."""
    tone = "" if entry.valid(now) else "dim"
    return (
        (resource_text(entry, host), tone),
        (clean(entry.policy) or "-", tone if entry.policy else "dim"),
        expires_piece(entry, now),
        (span(now - entry.minted), "dim"),
        (clean(entry.who) or "-", "dim"),
    )


def token_matches(entry: LedgerEntry, text: str) -> bool:
    """Return whether any part of a token's row holds a text, in any case; "!text" turns it round."""
    text = text.casefold().strip()
    wanted = text.removeprefix("!")
    found = not wanted or any(wanted in clean(part).casefold() for part in (entry.resource, entry.policy, entry.who))
    return found is not (text.startswith("!") and bool(wanted))


def heading(
    entries: Sequence[LedgerEntry] | None, shown: int, text: str, now: datetime, *, valid_only: bool
) -> tuple[Line, Line]:
    """Return both parts of the line above the table."""
    if entries is None:
        return ((" MINTED HERE", "head"),), ()
    valid = [entry for entry in entries if entry.valid(now)]
    left: list[Piece] = [(" MINTED HERE", "head")]
    if valid:
        longest = max(entry.expires for entry in valid)
        tone = "warn" if longest - now > LONG else ""
        left += [(f"  {len(valid):,} still valid", ""), (f", the longest until {short_moment(longest, now)} UTC", tone)]
    elif entries:
        left.append(("  none is valid any more", "dim"))
    right = "valid only " if valid_only else f"all {len(entries):,} " if entries else ""
    if text:
        right = f"{shown:,} with “{clean(text, limit=20)}”" + (", valid only " if valid_only else " ")
    return tuple(left), ((right, "dim"),)


def nothing_lines(key: str, width: int) -> list[Line]:
    """Return what stands in place of the table before anything was minted; `key` offers what can be done."""
    lines = state_lines(
        "NOTHING MINTED YET",
        "",
        "No token was minted from here.",
        "This ledger keeps of each token what it opens, when it ends and who made it; never the token.",
        "",
        width,
    )
    return [*lines, (), ((f"   {key}", "key"), (" mints one, or explains one that you paste", ""))]


def token_page(entry: LedgerEntry, now: datetime, width: int) -> list[Line]:
    """Return all that the ledger knows of a token."""
    pairs = (
        ("resource", clean(entry.resource)),
        ("policy", clean(entry.policy) or "none: signed by the key of what it opens"),
        ("expires", full_moment(entry.expires, now)),
        ("here", local_text(entry.expires)),
        ("minted", full_moment(entry.minted, now)),
        ("by", clean(entry.who)),
        ("fingerprint", clean(entry.fingerprint), "dim"),
    )
    lines = section("TOKEN", fields(pairs, width))
    means = (
        "It was good until it ended."
        if not entry.valid(now)
        else "It is good until then. Before, it ends only when its key is replaced, or its device is disabled or "
        "deleted: a token cannot be called back by itself."
    )
    return lines + section("MEANS", fields((("", means),), width))


def local_text(moment: datetime) -> str:
    """Return a time in the zone of this machine, "2026-11-23 11:42:07 CET"; empty where that is UTC."""
    local = moment.astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S %Z") if local.utcoffset() else ""


def minted_lines(
    resource: str, policy: str, expires: datetime, warnings: Sequence[str], now: datetime, width: int
) -> list[Line]:
    """Return what is known of a token that was just minted, without the token."""
    ended = now >= expires
    pairs = (
        ("opens", clean(resource)),
        ("policy", clean(policy) or "none: signed by the key of what it opens"),
        ("expires", expires.strftime("%Y-%m-%d %H:%M:%S UTC")),
        ("here", local_text(expires)),
        ("time left", "none, it has expired" if ended else exact_span(expires - now), "bad" if ended else "ok"),
    )
    lines = section("WHAT IT OPENS", fields(pairs, width))
    if warnings:
        lines += section("CONSIDER", [line for text in warnings for line in _warning_lines(clean(text), width)])
    note = "The ledger keeps a keyed hash of it, never the token. Leaving this page forgets it."
    return lines + paragraph(note, width, indent=3, style="dim")


def _warning_lines(text: str, width: int) -> list[Line]:
    first, *more = paragraph(text, width, indent=3, style="warn")
    return [((" ! ", "warn"), (first[0][0].lstrip(), "warn")), *more]


def exact_span(left: timedelta) -> str:
    """Return a time left in its two largest units, seconds only of the last minutes: "9 min 12 s", "7 h 59 min"."""
    seconds = max(int(left.total_seconds()), 0)
    if seconds >= 600:
        seconds -= seconds % 60
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next((index for index, (value, _) in enumerate(parts) if value), 3)
    return " ".join(f"{value} {unit}" for value, unit in parts[first : first + 2] if value) or "0 s"
