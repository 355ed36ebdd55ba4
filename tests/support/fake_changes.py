"""Plans and outcomes as a test scripts them; what is permitted is decided by the real gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

from console.model.change import ABSENT, Change, Consent, Edit, Member, Outcome, Result, Risk, Severity
from console.model.document import Document, Target, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.hub import ActivityEntry
from console.model.journal import EntryState, JournalCheck, JournalEntry
from console.services.gate import WriteGate
from console.services.ports import Cancel

NOW = datetime(2026, 11, 23, 9, 42, 7, tzinfo=UTC)
HUB = Target(
    TargetKind.HUB, "/subscriptions/s/resourceGroups/plants/providers/Microsoft.Devices/IotHubs/contoso-plants"
)
LOCKOUT = Risk("own-lockout", Severity.HIGH, "your own address 10.2.0.7 would be turned away", blocking=True)
WIDE = Risk("wide", Severity.LOW, "the range is wide (/16)")


def rule_edit(name: str = "lyon-plant", mask: str = "10.20.0.0/16") -> Edit:
    path = ("properties", "networkRuleSets", "ipRules", Member("filterName", name))
    return Edit(path, ABSENT, {"filterName": name, "action": "Allow", "ipMask": mask})


def change(
    *risks: Risk, title: str = "network rules of contoso-plants", name: str = "lyon-plant", **more: Any
) -> Change:
    """Return a plan that adds one rule."""
    return Change(
        "network.rules",
        title,
        HUB,
        Document({}, "AAAA"),
        {},
        (rule_edit(name),),
        risks,
        **({"id": f"id-{name}"} | more),
    )


def entry(
    state: EntryState = EntryState.APPLIED, number: int = 1, title: str = "network rules of contoso-plants", **more: Any
) -> JournalEntry:
    """Return an entry of the journal, `number` minutes old."""
    fields: dict[str, Any] = {
        "id": f"20261123T09{42 - number:02d}00-000000{number:02d}",
        "seq": 100 - number,
        "time": NOW - timedelta(minutes=number),
        "hub": "contoso-plants",
        "kind": "network.rules",
        "title": title,
        "target": HUB,
        "who": "ops@contoso.example (Azure CLI)",
        "host": "ops@jump-box",
        "state": state,
        "edits": (rule_edit(),),
        "reason": "Lyon is cut off",
        "message": "Done, and read back as planned.",
    }
    return JournalEntry(**(fields | more))


def activity(number: int = 3, summary: str = 'IP rule "lyon" removed') -> ActivityEntry:
    when = NOW - timedelta(minutes=41 + number)
    return ActivityEntry(
        when, "Microsoft.Devices/IotHubs/write", "ana@contoso.example", "10.2.0.9", "Succeeded", summary
    )


@dataclass
class Script:
    """What the fake changes answer. `outcomes` are taken one by one, the last one again and again; `hold`, when set,
    keeps a write back until the event is set."""

    undo: Callable[[], Change] = change
    outcomes: list[Result | ConsoleError] = field(default_factory=lambda: [Result.APPLIED])
    entries: list[JournalEntry] = field(default_factory=list)
    activity: list[ActivityEntry] | ConsoleError = field(default_factory=lambda: [activity()])
    check: JournalCheck = field(default_factory=lambda: JournalCheck(12, True))
    settled: EntryState = EntryState.APPLIED
    exists: bool = True
    hold: Event | None = None
    applied: list[tuple[Change, Consent]] = field(default_factory=list)
    undone: list[str | None] = field(default_factory=list)


class FakeGate(WriteGate):
    def __init__(self, session: Any, script: Script) -> None:
        super().__init__(session, None, None, None)  # type: ignore[arg-type]
        self._script = script

    def apply(self, change: Change, consent: Consent, cancel: Any = None, on_step: Any = None) -> Outcome:
        self.permit(change, consent)
        self._script.applied.append((change, consent))
        if on_step is not None:
            on_step("writing")
        if self._script.hold is not None:
            self._script.hold.wait(20)
        outcomes = self._script.outcomes
        end = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(end, ConsoleError):
            raise end
        return Outcome(change, end, f"{change.title}: {end.value}, as the script says.")


class FakeJournal:
    def __init__(self, script: Script) -> None:
        self._script = script

    @property
    def path(self) -> Path:
        return Path(__file__ if self._script.exists else "/nowhere/journal.db")

    def entries(self, hub: str = "") -> list[JournalEntry]:
        assert hub == "contoso-plants"
        return list(self._script.entries)

    def entry(self, change_id: str) -> JournalEntry:
        return next(one for one in self._script.entries if one.id == change_id)

    def unfinished(self, hub: str = "") -> list[JournalEntry]:
        return [one for one in self.entries(hub) if one.state is EntryState.UNKNOWN]

    def verify(self) -> JournalCheck:
        return self._script.check


class FakeUndo:
    def __init__(self, script: Script) -> None:
        self._script = script

    def plan(self, entry_id: str | None, cancel: Cancel) -> Change:
        self._script.undone.append(entry_id)
        return self._script.undo()

    def settle(self, entry: JournalEntry, cancel: Cancel) -> JournalEntry:
        if entry.state is not EntryState.UNKNOWN:
            raise ConsoleError(ErrorKind.BAD_INPUT, f"The outcome of {entry.id} is known", entry.message)
        new = replace(entry, state=self._script.settled, message="Read again later.")
        entries = self._script.entries
        entries[entries.index(entry)] = new
        return new


class FakeChanges:
    def __init__(self, session: Any, script: Script) -> None:
        self.session = session
        self.gate = FakeGate(session, script)
        self.journal = FakeJournal(script)
        self.undo = FakeUndo(script)


class FakeHubReader:
    def __init__(self, script: Script) -> None:
        self._script = script

    def activity(self, since: datetime, cancel: Cancel) -> list[ActivityEntry]:
        if isinstance(self._script.activity, ConsoleError):
            raise self._script.activity
        return self._script.activity
