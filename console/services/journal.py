"""The journal: an intent before every change, an outcome after it, and every privileged read."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from console.model.change import Change, Outcome, new_id
from console.model.clock import Clock, system_clock
from console.model.document import Json, Target
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState, Fingerprint, JournalCheck, JournalEntry, JournalRow
from console.model.secret import Secret
from console.model.text import clean
from console.services.journal_codec import encoded, entry_of, intent_body, outcome_body
from console.services.journal_store import JournalStore
from console.services.machine import user_at_host


class Journal:
    """The record of one state folder, of all hubs. Safe in threads and with several consoles."""

    def __init__(self, folder: Path, clock: Clock = system_clock) -> None:
        self._store = JournalStore(folder)
        self._clock = clock
        self._host = user_at_host()

    @property
    def path(self) -> Path:
        """The database file."""
        return self._store.path

    def intend(self, change: Change, *, hub: str, who: str, accepted: Iterable[str] = (), sealed: str = "") -> None:
        """Write that a change is about to be made; on disk when this returns.

        Raises ConsoleError NOT_CONFIGURED when it cannot be written: then nothing may be changed.
        """
        try:
            body = intent_body(
                change,
                self.fingerprint,
                who=who,
                host=self._host,
                accepted=accepted,
                process=_this_process(),
                sealed=sealed,
            )
            self._store.append(self._clock(), "intent", change.id, hub, body)
        except ConsoleError as error:
            error.what += ", so nothing was changed"
            raise

    def conclude(self, outcome: Outcome, *, hub: str) -> None:
        """Write how a change ended. Raises ConsoleError NOT_CONFIGURED when it cannot be written."""
        self._store.append(self._clock(), "outcome", outcome.change.id, hub, outcome_body(outcome))

    def resolve(self, entry: JournalEntry, state: EntryState, message: str) -> None:
        """Write what a re-reading found out about a change whose outcome was not known."""
        body: Json = {"result": state.value, "message": message, "differences": [], "error": "", "code": ""}
        self._store.append(self._clock(), "outcome", entry.id, entry.hub, body)

    def note_read(self, kind: str, title: str, target: Target, *, hub: str, who: str, reason: str = "") -> None:
        """Write that keys are about to be read. Raises ConsoleError NOT_CONFIGURED when it cannot be written."""
        body: Json = {
            "kind": kind,
            "title": title,
            "target": {"kind": target.kind.value, "id": target.id},
            "who": who,
            "host": self._host,
            "reason": reason,
        }
        try:
            self._store.append(self._clock(), "read", new_id(), hub, body)
        except ConsoleError as error:
            error.what += ", so no keys were read"
            raise

    def entries(self, hub: str = "", *, images: bool = True) -> list[JournalEntry]:
        """Return all entries (of one hub, compared without case), newest first; without `images` much faster.

        Raises ConsoleError NOT_CONFIGURED.
        """
        groups: dict[str, list[JournalRow]] = {}
        for row in self._store.rows():
            if not hub or row.hub.casefold() == hub.casefold() or (row.trouble and not row.hub):
                groups.setdefault(row.change_id, []).append(row)
        return [entry_of(rows, _alive, images=images) for rows in reversed(groups.values())]

    def entry(self, change_id: str) -> JournalEntry:
        """Return one entry; the beginning of an id is enough when only one begins so.

        Raises ConsoleError NOT_FOUND, BAD_INPUT when several begin so, NOT_CONFIGURED.
        """
        what = f"The journal entry {clean(change_id)} was not found"
        if not change_id:
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "the id is empty", "hubwarden journal list shows the ids")
        if change_id.isprintable() and (rows := self._store.rows(change_id)):
            return entry_of(rows, _alive)
        all_entries = self.entries(images=False)
        found = [entry for entry in all_entries if entry.id.startswith(change_id) or entry.id.endswith(change_id)]
        exact = [entry for entry in found if entry.id == change_id]
        if len(exact or found) == 1:
            rows = self._store.rows((exact or found)[0].id)
            return entry_of(rows, _alive) if rows else (exact or found)[0]  # without an id of its own: all is said
        if found:
            names = ", ".join(clean(entry.id) for entry in found[:4])
            raise ConsoleError(ErrorKind.BAD_INPUT, what, f"several fit: {names}", "Give more of the id")
        raise ConsoleError(ErrorKind.NOT_FOUND, what, "", "hubwarden journal list shows the ids")

    def unfinished(self, hub: str = "") -> list[JournalEntry]:
        """Return the changes whose outcome is not known, newest first: of a crash, a quit, an endless operation."""
        return [entry for entry in self.entries(hub, images=False) if entry.state is EntryState.UNKNOWN]

    def rows(self) -> list[JournalRow]:
        """Return every row as stored, for export."""
        return self._store.rows()

    def verify(self, head: tuple[int, str] | None = None) -> JournalCheck:
        """Say whether the journal is whole: its chain, and its end as the head outside the database tells it.

        `head` is one that somebody noted: the number of a row and how its link begins.
        """
        return self._store.verify(head)

    @property
    def exists(self) -> bool:
        """Whether there is a journal yet. Raises ConsoleError NOT_CONFIGURED when that cannot be seen."""
        return self._store.exists

    def head(self) -> str:
        """Return the journal's end in short, as `verify` takes it; empty when there is none, or none can be told."""
        try:
            return self._store.head()
        except ConsoleError:
            return ""

    def fingerprint(self, secret: Secret) -> Fingerprint:
        """Return what stands for a key in this journal."""
        return Fingerprint(self._store.fingerprint(secret.reveal()))

    def image(self, body: Any) -> Any:
        """Return a body as the journal would hold it, for comparing it with an image."""
        from console.services.journal_codec import decoded

        return decoded(encoded(body, self.fingerprint))


def _this_process() -> Json:
    return {"pid": os.getpid(), "born": _born(os.getpid()), "machine": socket.gethostname(), "boot": _boot()}


def _born(pid: int) -> str:
    """Return when a process was started, in ticks since boot; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _alive(process: Json) -> bool:
    """Return whether the process that began a change still runs here; of another machine that cannot be seen."""
    if process.get("machine") != socket.gethostname():
        return False
    born = _born(int(process.get("pid") or 0))
    return bool(born) and born == process.get("born") and process.get("boot") == _boot()
