"""The Journal pane: ours and theirs, what stands out, what can be done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fake_changes import Script, activity, entry
from support.fakes import Knobs
from support.screens import LARGE, SMALL, console, dump, lines, press, settle, type_text

from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry
from console.model.journal import EntryState, JournalCheck
from console.present.journal_table import Source, record_matches, records
from console.ui.app import HubwardenApp
from console.ui.dialogs.confirm import Confirm

HOSTILE = "[/]\x1b]52;c;AAAA\x07\u202e"


def script(**more: object) -> Knobs:
    entries = [
        entry(EntryState.APPLIED, 1),
        entry(EntryState.READ, 3, title="keys of contoso-plants", edits=(), reason=""),
        entry(EntryState.UNKNOWN, 30, title="device lyon-press-0007"),
    ]
    return Knobs(script=Script(**({"entries": entries} | more)))  # type: ignore[arg-type]


def rows(app: HubwardenApp) -> list[str]:
    return [line for line in lines(app) if any(word in line for word in ("applied", "read", "UNKNOWN", "succeeded"))]


def said(app: HubwardenApp) -> str:
    return " | ".join(notification.message for notification in app._notifications)


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 15), (200, 50)])
async def test_ours_and_theirs_newest_first_below_what_is_unknown(size: tuple[int, int]) -> None:
    async with console(script(), size) as (pilot, app):
        await press(pilot, "0")
        app.clear_notifications()
        await settle(pilot)
        found = lines(app)
        assert "JOURNAL  4" in found[2] and "1 outcome unknown" in found[2]
        assert "? OUTCOME UNKNOWN" in found[4] and "✓ applied" in found[5] and "· keys read" in found[6]
        assert "✓ succeeded" in found[7] and "OUTCOME UNKNOWN: 1 change began" in dump(app)
        if size[0] >= 120:
            assert "here" in found[4] and "log" in found[7] and "Lyon is cut off" in found[5]


async def test_the_source_goes_round() -> None:
    async with console(script(), LARGE) as (pilot, app):
        await press(pilot, "0", "b")
        assert "this console" in lines(app)[2] and "succeeded" not in dump(app)
        await press(pilot, "b")
        assert "activity log" in lines(app)[2] and "succeeded" in dump(app) and "✓ applied" not in dump(app)
        await press(pilot, "b")
        assert "succeeded" in dump(app) and "✓ applied" in dump(app)


async def test_an_activity_log_that_cannot_be_read_is_a_note_beside_ours() -> None:
    error = ConsoleError(ErrorKind.PERMISSION, "The activity log could not be read", "the role Reader is missing")
    async with console(script(activity=error), LARGE) as (pilot, app):
        await press(pilot, "0")
        app.clear_notifications()
        await settle(pilot)
        assert "Activity log not read" in dump(app) and "the role Reader is missing" in dump(app)
        assert "✓ applied" in dump(app)
        await press(pilot, "b")
        assert "Activity log not read" not in dump(app)


@pytest.mark.parametrize("key", ["enter", "d"])
async def test_an_entry_tells_everything(key: str) -> None:
    whole = entry(accepted=("own-lockout",), differences=("properties.minTlsVersion",), batch="b7")
    async with console(script(entries=[whole]), LARGE) as (pilot, app):
        await press(pilot, "0", key)
        screen = dump(app)
        for part in ("✓ applied", "ops@contoso.example", "ops@jump-box", "Lyon is cut off", "own-lockout", whole.id):
            assert part in screen, part
        assert "properties.minTlsVersion" in screen and "+ ipRules[lyon-plant]" in screen


async def test_an_entry_of_the_activity_log_has_a_page_and_no_undo() -> None:
    async with console(script(entries=[])) as (pilot, app):
        app.services.session.armed = True
        await press(pilot, "0", "u", "R")
        assert "cannot be" not in said(app) and said(app).count("entry of the activity log") == 2
        assert not app.services.knobs.script.undone
        await press(pilot, "enter")
        assert "10.2.0.9" in dump(app) and "ana@contoso.example" in dump(app)


@pytest.mark.parametrize("opened", [False, True])
async def test_undo_is_of_the_selected_entry_and_shows_its_plan(opened: bool) -> None:
    entries = [entry(number=1), entry(number=2)]
    async with console(script(entries=entries)) as (pilot, app):
        await press(pilot, "0", "j", "u")
        assert not app.services.knobs.script.undone and "read-only" in said(app)
        app.services.session.armed = True
        await press(pilot, *(["enter"] if opened else []), "u")
        assert isinstance(app.screen, Confirm) and app.services.knobs.script.undone == [entries[1].id]


@pytest.mark.parametrize("opened", [False, True])
async def test_an_unknown_outcome_is_settled_by_reading(opened: bool) -> None:
    async with console(script(settled=EntryState.NOT_APPLIED), LARGE) as (pilot, app):
        await press(pilot, "0")
        assert "R re-read" in lines(app)[-1]
        await press(pilot, *(["enter"] if opened else []), "R")
        assert "✗ not done: Read again later." in said(app)
        assert "UNKNOWN" not in lines(app)[-2]
        await press(pilot, *(["escape"] if opened else []))
        assert "UNKNOWN" not in "\n".join(lines(app)[:8]) and "✗ not done" in dump(app)


async def test_what_is_known_cannot_be_settled() -> None:
    async with console(script(entries=[entry()])) as (pilot, app):
        await press(pilot, "0")
        assert "re-read" not in lines(app)[-1]
        await press(pilot, "R")
        assert "is known" in said(app)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (JournalCheck(12, True), "✓ WHOLE  12 rows"),
        (JournalCheck(6, False, 7, f"row 7 was changed {HOSTILE}"), "✗ BROKEN  row 7 was changed"),
    ],
)
async def test_verifying_says_what_it_proves_and_what_not(check: JournalCheck, words: str) -> None:
    async with console(script(check=check), LARGE) as (pilot, app):
        await press(pilot, "0", "V")
        screen = dump(app)
        assert words in screen and "WHAT IT PROVES" in screen and "WHAT IT DOES NOT PROVE" in screen
        assert "does not have that key file" in screen and "\x1b" not in screen
        assert ("move all three away" in " ".join(screen.split())) is not check.whole


async def test_the_filter_narrows_and_escape_clears_it() -> None:
    async with console(script()) as (pilot, app):
        await press(pilot, "0", "/")
        await type_text(pilot, "lyon-press")
        assert "4, 1 with “lyon-press”" in dump(app) and "keys of" not in dump(app)
        await press(pilot, "enter", "escape")
        assert "keys of" in dump(app)
        await press(pilot, "/")
        await type_text(pilot, "nowhere")
        assert "No entry matches" in dump(app)


async def test_an_empty_or_unreadable_journal_says_so() -> None:
    async with console(script(entries=[], activity=[])) as (pilot, app):
        await press(pilot, "0")
        assert "Nothing was changed yet" in dump(app)

        def broken(hub: str = "") -> list[object]:
            raise ConsoleError(
                ErrorKind.NOT_CONFIGURED, "The journal cannot be used", "its key is gone", code="journal"
            )

        app.services.changes.journal.entries = broken
        await press(pilot, "r")
        assert "its key is gone" in dump(app)


async def test_hostile_entries_are_text() -> None:
    bad = entry(
        EntryState.DIFFERS, title=HOSTILE, who=HOSTILE, host=HOSTILE, reason=HOSTILE, message=HOSTILE, id=f"id{HOSTILE}"
    )
    async with console(script(entries=[bad]), (200, 50)) as (pilot, app):
        await press(pilot, "0")
        assert "[/]\\x1b]52;c;AAAA" in dump(app) and "\x1b" not in dump(app) and "\u202e" not in dump(app)
        await press(pilot, "enter")
        assert dump(app).count("[/]\\x1b]52;c;AAAA") >= 5 and "\x1b" not in dump(app) and "\u202e" not in dump(app)
        await press(pilot, "y")
        assert "\x1b" not in dump(app)


def test_records_put_what_is_unknown_first_and_filter_by_any_part() -> None:
    now = entry().time
    old, new = entry(EntryState.UNKNOWN, 30), entry(number=1)
    theirs: tuple[ActivityEntry, ...] = (activity(), replace(activity(5), summary="", status=""))
    both = records((new, old), theirs, Source.BOTH)
    assert [record.key for record in both][:2] == [old.id, new.id] and len(both) == 4
    assert len({record.key for record in both}) == 4
    assert [record.key for record in records((new, old), theirs, Source.HERE)] == [old.id, new.id]
    assert all(record.activity for record in records((new, old), theirs, Source.LOG))
    assert record_matches(both[1], "JUMP-box", now) and not record_matches(both[1], "!jump-box", now)
    assert record_matches(both[2], "10.2.0.9", now) and record_matches(both[1], " ", now)
