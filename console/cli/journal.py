"""`hubwarden journal`: what this console changed; verify the record, export it, take changes back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.cli.changes import ChangeOptions, carry_out, change_options
from console.cli.context import Settings
from console.cli.output import Json, envelope, json_text, print_json, print_table, time_text
from console.model.clock import system_clock
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import NO_TIME, EntryState, JournalCheck, JournalEntry, JournalRow
from console.model.shell import command_line
from console.model.text import clean

if TYPE_CHECKING:
    from console.services.journal import Journal

FAILED = 1
_WIDTH = 100
HEX = frozenset("0123456789abcdef")


@click.group()
def journal() -> None:
    """Who changed what: list, show, verify, undo, export."""


@journal.command("list")
@click.option("--all-hubs", is_flag=True, help="Of every hub, not just the profile's.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.journal/1.")
@click.pass_obj
def list_entries(settings: Settings, all_hubs: bool, limit: int, as_json: bool) -> None:
    """List changes and privileged reads, newest first. Needs no connection."""
    hub = "" if all_hubs else _hub_name(settings)
    entries = _journal().entries(hub, images=False)
    shown = entries[:limit]
    if as_json:
        print_json(envelope("journal", _now(), [entry_json(entry) for entry in shown], total=len(entries)))
        return
    print_table(
        ("ID", "TIME", "RESULT", "WHAT", "WHO", "REASON"),
        [
            (entry.id, _moment(entry) or "", result_words(entry), entry.title, entry.who, entry.reason)
            for entry in shown
        ],
    )
    if len(entries) > limit:
        click.echo(f"{len(shown):,} of {len(entries):,} shown: --limit shows more", err=True)
    for entry in entries:
        if entry.state is EntryState.UNKNOWN:
            hint = command_line("hubwarden", "journal", "show", "--re-read", operands=[entry.id])
            when = f" after {time_text(entry.settles_at)}" if _now() < entry.settles_at else ""
            what = f"OUTCOME UNKNOWN: {clean(entry.title)} ({clean(entry.id)})"
            click.echo(f"{what}. Read it again{when}: {hint}", err=True)


@journal.command("show")
@click.argument("entry_id", metavar="ID")
@click.option("--re-read", "re_read", is_flag=True, help="Read the resource again to settle an unknown outcome.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.journal-entry/1.")
@click.pass_obj
def show_entry(settings: Settings, entry_id: str, re_read: bool, as_json: bool) -> None:
    """Show one entry: before, after, who, why, how it ended. Keys appear as fingerprints only."""
    entry = _journal().entry(entry_id)
    if re_read:
        entry = settings.services().changes.undo.settle(entry)
    if as_json:
        print_json(envelope("journal-entry", _now(), [entry_json(entry, whole=True)]))
        return
    from console.present.journal import entry_lines
    from console.present.lines import plain

    for line in entry_lines(entry, _now(), _WIDTH):
        click.echo(plain(line).rstrip())


@journal.command("verify")
@click.option("--head", metavar="COUNT:HASH", help="A head that was printed earlier: the journal must hold its row.")
@click.option("--json", "as_json", is_flag=True, help="JSON, schema hubwarden.journal-check/1.")
def verify(head: str, as_json: bool) -> int:
    """Check that no row was changed, removed or added by anyone without the journal's key.

    The head (how many rows, the first and the last) also lies in journal.head beside the key, so that an emptied,
    deleted, older or other journal.db is told from this one. It proves accident, and tampering by anyone who does not
    have journal.key. Whoever has that file can write a journal and a head that look whole, and whoever may write here
    can put older copies of journal.db and journal.head back together: against both, note the head that is printed
    after changes and by this command, and give it to --head.
    """
    known = _head(head) if head else None
    check = _journal().verify(known)
    if as_json:
        item: Json = {
            "rows": check.rows,
            "whole": check.whole,
            "broken_at": check.broken_at,
            "message": clean(check.message),
            "head": check.head,
        }
        print_json(envelope("journal-check", _now(), [item]))
    elif check.whole:
        click.echo(f"The journal is whole: {check.rows:,} rows{_head_words(check)}. {clean(check.message)}".rstrip())
    else:
        before = f" {check.rows:,} rows before it fit." if check.broken_at and check.rows else ""
        click.echo(f"The journal is NOT whole: {clean(check.message)}.{before}")
    return 0 if check.whole else FAILED


def _head_words(check: JournalCheck) -> str:
    return f", head {check.head}" if check.head else ""


def _head(text: str) -> tuple[int, str]:
    count, _, digits = text.strip().partition(":")
    digits = digits.casefold()
    if not (count.isascii() and count.isdecimal() and 0 < len(count) < 16 and len(digits) >= 8) or set(digits) - HEX:
        what, hint = f"“{clean(text, limit=80)}” is no head of a journal", "Write it as it was printed: 8:3f2a90c1d2e4"
        raise ConsoleError(ErrorKind.BAD_INPUT, what, "", hint, code="usage")
    return int(count), digits


@journal.command("undo")
@click.argument("entry_id", metavar="[ID]", required=False)
@click.option("--last", type=click.IntRange(min=1), help="The newest N changes; default 1.")
@change_options
@click.pass_obj
def undo(settings: Settings, entry_id: str | None, last: int | None, options: ChangeOptions) -> int:
    """Plan to take a change back against what is there now; --yes does it.

    Only what the change touched goes back: what others changed since stays. Without ID it is the newest change that was
    made and not undone yet. The id of a batch takes all of its changes.
    """
    if entry_id == "":
        raise ConsoleError(ErrorKind.BAD_INPUT, "The id of the change is empty", "", "Name one, or none", code="usage")
    if entry_id and last:
        raise ConsoleError(ErrorKind.BAD_INPUT, "Give an ID or --last, not both", code="usage")
    services = settings.services()
    service = services.changes.undo
    if entry_id is None:
        return carry_out(services, service.plan_last(last or 1), options)
    batch = [entry for entry in service.candidates() if entry.batch and entry.batch == entry_id]
    return carry_out(services, service.plans(batch) if batch else [service.plan(entry_id)], options)


@journal.command("export")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A new file (0600); default: output.")
def export(out: Path | None) -> None:
    """Write every row with its link of the chain, one JSON object a line."""
    lines = "".join(json_text(row_json(row), None, file=out is not None) + "\n" for row in _journal().rows())
    if out is None:
        click.echo(lines, nl=False)
        return
    from console.config_write import write_private

    if out.exists():
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{out} is there already", "", "Name a new file", code="usage")
    if not out.parent.is_dir():
        why = f"there is no folder {out.parent}"
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{out} cannot be written", why, "Make it first", code="usage")
    try:
        write_private(out, lines)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ConsoleError(ErrorKind.BAD_INPUT, f"{out} could not be written", why, "Check the path") from None


def entry_json(entry: JournalEntry, *, whole: bool = False) -> Json:
    """Return one entry; `whole` adds the images, with keys as fingerprints."""
    from console.present.change import diff_rows

    found: Json = {
        "id": entry.id,
        "time": _moment(entry),
        "ended": time_text(entry.ended),
        "hub": clean(entry.hub),
        "kind": entry.kind,
        "title": clean(entry.title),
        "target": {"kind": entry.target.kind.value, "id": clean(entry.target.id)},
        "who": clean(entry.who),
        "host": clean(entry.host),
        "result": entry.state.value,
        "message": clean(entry.message),
        "reason": clean(entry.reason),
        "accepted": list(entry.accepted),
        "undoes": entry.undoes.split(),
        "batch": entry.batch,
        "diff": [
            {"sign": row.sign, "path": row.place, "before": row.before, "after": row.after}
            for row in diff_rows(entry.edits)
        ],
        "differences": [clean(path) for path in entry.differences],
    }
    if whole:
        found["before"], found["after"] = _image(entry.before), _image(entry.after)
    return found


def row_json(row: JournalRow) -> Json:
    """Return one row as stored."""
    return {
        "seq": row.seq,
        "time": None if row.time == NO_TIME else time_text(row.time),
        "kind": row.kind,
        "change": row.change_id,
        "hub": row.hub,
        "body": row.body,
        "mac": row.mac,
        **({"trouble": clean(row.trouble)} if row.trouble else {}),
    }


def result_words(entry: JournalEntry) -> str:
    """Return how an entry stands, in capitals where somebody must look."""
    loud = {EntryState.UNKNOWN: "OUTCOME UNKNOWN", EntryState.DIFFERS: "DIFFERS"}
    return loud.get(entry.state, entry.state.value)


def _moment(entry: JournalEntry) -> str | None:
    return None if entry.time == NO_TIME else time_text(entry.time)


def _image(value: object) -> object:
    if isinstance(value, dict):
        return {name: _image(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_image(item) for item in value]
    return value if isinstance(value, int | float | bool | None) else clean(value)


def _journal() -> Journal:
    from console.config_state import state_dir_to_read
    from console.services.journal import Journal

    return Journal(state_dir_to_read())


def _hub_name(settings: Settings) -> str:
    """Return the hub of the profile in use; every hub when there is no profile to go by."""
    from console.model.hub import arm_segment

    try:
        profile = settings.load_profile()
    except ConsoleError:
        if settings.profile:
            raise
        return ""
    return profile.hub_name or arm_segment(profile.arm_id, "IotHubs") or profile.hub_host.partition(".")[0]


def _now() -> datetime:
    return system_clock()
