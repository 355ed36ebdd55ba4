"""Taking changes back: only the paths they touched, planned against what is there now; settling unknown outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from console.model.change import ABSENT, Change, Edit, Path, Risk, Severity, path_text
from console.model.document import Document, Json, Target, TargetKind, secrets_in
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState, Fingerprint, JournalEntry
from console.model.secret import Secret
from console.model.shell import command_line
from console.model.text import clean
from console.rules.diff import apply, equal, holds, inverse, value_at
from console.rules.keys import new_key
from console.rules.planning import ACCESS, ENROLLMENTS, change_of, copied, settled
from console.rules.rbac_body import again
from console.rules.settling import found_out, taken_back
from console.rules.verification import under_way
from console.services.certificate_undo import CODE_LOST, CODE_PASSED, NO_CODE_BACK, back_of, unverified
from console.services.enrollment_undo import made_again
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader
from console.services.session import Session

if TYPE_CHECKING:
    from console.services.changes import Opener
    from console.services.gate import WriteGate
    from console.services.journal import Journal

_UNDOABLE = {EntryState.APPLIED, EntryState.DIFFERS}
_NO_WAY_BACK = {
    TargetKind.CONNECTION: "a removed private endpoint connection comes back only when its private endpoint asks again",
    TargetKind.ENDPOINT: "a deleted private endpoint is made anew with: hubwarden network endpoint create",
    TargetKind.REGISTRATION: "the service makes a registration anew when the device registers again",
}


@dataclass
class _Back:
    """An undo being put together: the body so far, and what cannot come back."""

    body: Any
    risks: list[Risk] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sealed: bool = False


class UndoService:
    """Plans undos of the session's hub from its journal; `judged` adds what the undo itself risks."""

    def __init__(
        self,
        session: Session,
        reader: DocumentReader,
        gate: WriteGate,
        journal: Journal,
        vault: Opener | None,
        judged: Callable[[Change, Cancel], Change],
    ) -> None:
        self._session = session
        self._reader = reader
        self._gate = gate
        self._journal = journal
        self._vault = vault
        self._judged = judged

    def candidates(self) -> list[JournalEntry]:
        """Return what can be taken back, newest first: made, and not taken back yet; undos themselves only by id."""
        entries = self._journal.entries(self._session.hub_name, images=False)
        undone = taken_back(entries)
        return [
            entry
            for entry in entries
            if entry.state in _UNDOABLE
            and entry.id not in undone
            and not entry.undoes
            and entry.target.kind is not TargetKind.CERTIFICATE_CODE
        ]

    def plan(self, entry_id: str | None = None, cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Return the plan that takes one change back; None is the newest that can be.

        Raises ConsoleError NOT_FOUND when there is none, BAD_INPUT when it cannot come back or there is nothing left to
        take back.
        """
        change = self.plans([self._entry(entry_id)], cancel)[0] if entry_id else self.plan_last(1, cancel)[0]
        return self._with_batch(change)

    def plan_last(self, count: int, cancel: Cancel = NEVER_CANCELLED) -> list[Change]:
        """Return the plans that take the newest `count` changes back, one plan per resource."""
        found = self.candidates()[:count]
        if not found:
            why = f"the journal holds no change of {self._session.hub_name} that is not undone already"
            raise ConsoleError(ErrorKind.NOT_FOUND, "There is nothing to undo", why, "hubwarden journal list shows all")
        plans = self.plans(found, cancel)
        newest = self._journal.entries(self._session.hub_name, images=False)[0]
        if newest.target.kind is TargetKind.CERTIFICATE_CODE and newest.state in _UNDOABLE:
            plans[0] = replace(plans[0], notes=(*plans[0].notes, CODE_PASSED))
        return plans

    def plans(self, entries: Sequence[JournalEntry], cancel: Cancel = NEVER_CANCELLED) -> list[Change]:
        """Return the plans that take some entries back, newest first, one plan per resource."""
        self._check_not_undoing(entries)
        with_policies = any(entry.target.kind is TargetKind.POLICIES for entry in entries)
        groups: dict[Target, list[JournalEntry]] = {}
        for entry in sorted(entries, key=lambda one: one.seq, reverse=True):
            self._check(entry)
            target = back_of(entry.target)
            if with_policies and target.kind is TargetKind.HUB:  # one resource and one ETag: one plan
                target = next(one.target for one in entries if one.target.kind is TargetKind.POLICIES)
            groups.setdefault(target, []).append(entry)
        found: list[Change] = []
        failed: list[ConsoleError] = []
        for target, group in groups.items():
            try:
                found.append(self._plan(target, group, cancel))
            except ConsoleError as error:
                if error.kind is not ErrorKind.BAD_INPUT:
                    raise
                failed.append(error)
        if not found:
            raise failed[0]
        notes = tuple(f"left out: {error.what}: {error.why}" for error in failed)
        return [replace(found[0], notes=(*found[0].notes, *notes)), *found[1:]]

    def settle(self, entry: JournalEntry, cancel: Cancel = NEVER_CANCELLED) -> JournalEntry:
        """Read the resource of an unknown outcome again, write what it is into the journal, and return the new entry.

        While the service is at it, or the write may still arrive, "as before" proves nothing: then nothing is written,
        and the entry stays unknown and says until when.

        Raises ConsoleError BAD_INPUT when the outcome is known, or why the resource could not be read.
        """
        if entry.state not in {EntryState.UNKNOWN, EntryState.DIFFERS, EntryState.NOT_APPLIED}:
            what = f"The outcome of {entry.id} is known"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, entry.message or entry.state.value)
        if entry.target.kind is TargetKind.CERTIFICATE_CODE:
            self._journal.resolve(entry, EntryState.NOT_APPLIED, CODE_LOST)
            return self._journal.entry(entry.id)
        document = self._read(entry.target, cancel)
        now = self._image(entry.target, document)
        as_planned = all(equal(value_at(now, edit.path), edit.after) for edit in self._steady(entry))
        as_before = all(equal(value_at(now, edit.path), edit.before) for edit in self._steady(entry))
        moving, clock = under_way(document), self._session.now()
        state, text = found_out(entry, as_planned=as_planned, as_before=as_before, moving=moving, now=clock)
        if state is EntryState.UNKNOWN:
            return replace(entry, message=text)
        self._journal.resolve(entry, state, text)
        return self._journal.entry(entry.id)

    def _with_batch(self, change: Change) -> Change:
        """Say that a change was one of many, where it was, and how all are taken back."""
        candidates = self.candidates()
        batch = next((entry.batch for entry in candidates if entry.id in change.undoes.split()), "")
        count = sum(entry.batch == batch for entry in candidates) if batch else 0
        if count < 2:
            return change
        all_back = command_line("hubwarden", "journal", "undo", operands=[batch])
        note = f"this is 1 of {count:,} changes of one bulk command: {all_back} takes all back"
        return replace(change, notes=(*change.notes, note))

    # --- inside -------------------------------------------------------------------------------------------------

    def _entry(self, entry_id: str) -> JournalEntry:
        entry = self._journal.entry(entry_id)
        if entry.hub.casefold() != self._session.hub_name.casefold():
            why = f"it belongs to the hub {entry.hub}"
            raise ConsoleError(
                ErrorKind.BAD_INPUT, f"The change {entry.id} cannot be undone here", why, "Use the profile of that hub"
            )
        return entry

    def _check(self, entry: JournalEntry) -> None:
        if entry.target.kind is TargetKind.CERTIFICATE_CODE and entry.state in _UNDOABLE:
            raise ConsoleError(ErrorKind.BAD_INPUT, f"The change {entry.id} cannot be undone", NO_CODE_BACK)
        if entry.state in _UNDOABLE:
            return
        why = {
            EntryState.READ: "it was a reading; nothing was changed",
            EntryState.UNKNOWN: "its outcome is not known",
            EntryState.IN_PROGRESS: "it is being made right now",
        }.get(entry.state, "it was never made")
        late = entry.state in {EntryState.UNKNOWN, EntryState.NOT_APPLIED}
        first = (
            "Read it again first" if entry.state is EntryState.UNKNOWN else "If it may have arrived late, read it again"
        )
        again = command_line("hubwarden", "journal", "show", "--re-read", operands=[entry.id])
        hint = f"{first}: {again}" if late else ""
        raise ConsoleError(ErrorKind.BAD_INPUT, f"The change {entry.id} cannot be undone", why, hint)

    def _check_not_undoing(self, entries: Sequence[JournalEntry]) -> None:
        """Refuse what an undo of unknown outcome may have taken back already."""
        ids = {entry.id for entry in entries}
        for one in self._journal.unfinished(self._session.hub_name):
            if ids & set(one.undoes.split()):
                what, why = (
                    f"The change {one.undoes} cannot be undone again",
                    f"how its undo {one.id} ended is not known",
                )
                hint = f"Read it again first: hubwarden journal show {one.id} --re-read"
                raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint)

    def _read(self, target: Target, cancel: Cancel) -> Document | None:
        if target.kind is TargetKind.POLICIES or target.kind in ENROLLMENTS:
            who = self._session.whoami(cancel).name
            kind, title = "policy.keys", "policy keys, to plan an undo"
            if target.kind in ENROLLMENTS:
                kind, title = "enrollment.keys", f"{clean(target.name)}, with keys if it has some, to plan an undo"
            self._journal.note_read(kind, title, target, hub=self._session.hub_name, who=who)
        return self._reader.read(target, cancel)

    def _image(self, target: Target, document: Document | None) -> Any:
        return self._journal.image(settled(target.kind, document.body if document else None))

    def _steady(self, entry: JournalEntry) -> list[Edit]:
        """Return the edits of an entry that can be compared: whole resources without what the service moves itself."""
        kind = entry.target.kind
        return [
            edit if edit.path else Edit((), _settled(kind, edit.before), _settled(kind, edit.after))
            for edit in entry.edits
        ]

    def _plan(self, target: Target, entries: list[JournalEntry], cancel: Cancel) -> Change:
        current = self._read(target, cancel)
        back = _Back(copied(current) if current is not None else ABSENT)
        check = self._journal.verify()
        if not check.whole:
            message = f"the journal is not whole ({check.message}): what it says about before may be false"
            back.risks.append(Risk("journal-broken", Severity.HIGH, message, blocking=True))
        keys = self._keys(entries)
        back.sealed = self._vault is None and any(entry.sealed for entry in entries)
        if current is not None:  # an exchange destroyed nothing: its keys are there, only elsewhere
            keys.update({self._journal.fingerprint(key).digest: key for key in secrets_in(current.body)})
        for entry in entries:
            apart = self._torn(entry, target, back.body)
            for path in apart:
                message = f"the keys of {clean(path_text(path))} changed again since: they stay as they are, both"
                back.risks.append(Risk("changed-since", Severity.HIGH, message, blocking=True))
            for edit in inverse(entry.edits):
                path = edit.path
                if path[:-1] in apart:
                    continue
                if target.kind is TargetKind.POLICIES and entry.target.kind is TargetKind.HUB:
                    path = ("hub", *path)
                self._take_back(back, target, Edit(path, edit.before, edit.after, edit.position), keys)
        names = ", ".join(entry.title for entry in entries)
        after = None if back.body is ABSENT else back.body
        undoes = " ".join(entry.id for entry in entries)
        change = change_of(
            "undo", f"undo of {names}", target, current, after, risks=back.risks, notes=back.notes, undoes=undoes
        )
        if not change.edits:
            why = "; ".join([*(risk.message for risk in back.risks), *back.notes]) or "it is as before already"
            hint = "An older change is undone by its id: hubwarden journal list"
            raise ConsoleError(ErrorKind.BAD_INPUT, f"Nothing of {names} can be undone", why, hint)
        return self._judged(change, cancel)

    def _take_back(self, back: _Back, target: Target, edit: Edit, keys: dict[str, Secret]) -> None:
        """Make one inverse edit, if the place still holds what the change put there."""
        if not edit.path:
            self._whole(back, target, edit, keys)
            return
        found = self._journal.image(value_at(back.body, edit.path))
        place = clean(path_text(edit.path))
        if equal(found, edit.after):
            back.notes.append(f"{place} is as before already")
            return
        if not equal(found, edit.before):
            message = f"{place} was changed by somebody else since: it stays as it is"
            back.risks.append(Risk("changed-since", Severity.MEDIUM, message, blocking=True))
            return
        if target.kind is TargetKind.CONNECTION and _pending(edit.after):
            reject = command_line("hubwarden", "network", "endpoint", "reject", operands=[target.name])
            raise ConsoleError(
                ErrorKind.BAD_INPUT,
                f"The approval of {target.name} cannot be undone to pending",
                "the service knows no way back to a request",
                f"Reject it instead: {reject}",
            )
        value = self._restored(back, edit.path, edit.after, keys)
        if value is not _LOST:
            back.body = apply(back.body, [Edit(edit.path, edit.before, value, edit.position)], check=False)

    def _whole(self, back: _Back, target: Target, edit: Edit, keys: dict[str, Secret]) -> None:
        """Take back that a resource was created or deleted."""
        kind, now = target.kind, back.body
        if edit.after is ABSENT:  # it was created
            if now is ABSENT:
                back.notes.append(f"{target.name} is gone already")
                return
            found = self._journal.image(settled(kind, now))
            if not holds(found, _settled(kind, edit.before)):
                message = f"{target.name} was changed since it was created: that would be lost with it"
                back.risks.append(Risk("changed-since", Severity.HIGH, message, blocking=True))
            back.body = ABSENT
            return
        if now is not ABSENT:
            why = "there is one of this name again, made by somebody else"
            raise ConsoleError(ErrorKind.BAD_INPUT, f"{target.name} cannot be brought back", why, "It stays as it is")
        if kind in _NO_WAY_BACK:
            raise ConsoleError(ErrorKind.BAD_INPUT, f"{target.name} cannot be brought back", _NO_WAY_BACK[kind])
        if kind in ACCESS:
            back.body = again(edit.after, target.id)
            back.notes.append("it is made again: when and by whom it was made before does not come back")
            return
        if kind in ENROLLMENTS:
            back.body, risk = made_again(self._restored(back, (), edit.after, keys), clean(target.name))
            back.risks.append(risk)
            return
        body = self._restored(back, (), _settled(kind, edit.after), keys)
        if kind is TargetKind.CERTIFICATE:
            back.body, risk = unverified(body)
            back.risks.append(risk)
            return
        if isinstance(body, dict):
            edge = bool((body.get("capabilities") or {}).get("iotEdge"))  # its scope is made of its generation
            anew = {"generationId", "deviceScope"} if edge else {"generationId"}
            body = {name: value for name, value in body.items() if name not in anew}
        message = "generation id, twin (tags, properties), modules and waiting messages do not come back"
        if kind is TargetKind.DEVICE and "deviceScope" not in body:
            message += "; an edge device gets a new scope, and its children must be given it"
        back.risks.append(Risk("not-restored", Severity.HIGH, message))
        back.body = body

    def _restored(self, back: _Back, path: Path, value: Any, keys: dict[str, Secret]) -> Any:
        """Return a value of the journal with its keys again; a lost key alone cannot be restored (`_LOST`)."""
        if isinstance(value, Fingerprint):
            key = keys.get(value.digest) or self._gate.kept(value)
            if key is None:
                if back.sealed:
                    raise ConsoleError(
                        ErrorKind.BAD_INPUT,
                        f"{clean(path_text(path))} is sealed in the journal",
                        "the profile does not say where the passphrase is",
                        "Set seal_from in the profile, then undo again",
                    )
                message = (
                    f"{clean(path_text(path))} cannot come back: the old key was destroyed and no copy of it is here "
                    "(only an open console that made the change, or seal_from in the profile, keeps one)"
                )
                back.risks.append(Risk("keys-lost", Severity.HIGH, message))
                return _LOST
            return key
        if isinstance(value, dict):
            return {name: self._member(back, (*path, name), item, keys) for name, item in value.items()}
        if isinstance(value, list):
            return [self._member(back, path, item, keys) for item in value]
        return value

    def _member(self, back: _Back, path: Path, value: Any, keys: dict[str, Secret]) -> Any:
        restored = self._restored(back, path, value, keys)
        if restored is not _LOST:
            return restored
        last = back.risks.pop()
        message = f"{last.message.partition(':')[0].replace('cannot come back', 'gets a NEW key')}: the old one is lost"
        back.risks.append(Risk("keys-lost", Severity.HIGH, message, blocking=True))
        return Secret(new_key())

    def _torn(self, entry: JournalEntry, target: Target, body: Any) -> set[Path]:
        """Return the objects whose keys cannot all go back: then none does, for half of an exchange destroys a key."""
        of_hub = target.kind is TargetKind.POLICIES and entry.target.kind is TargetKind.HUB
        torn: set[Path] = set()
        for edit in entry.edits:
            if not of_hub and _is_key(edit) and edit.path:
                found = self._journal.image(value_at(body, edit.path))
                if not equal(found, edit.after):
                    torn.add(edit.path[:-1])
        return {path for path in torn if sum(edit.path[:-1] == path for edit in entry.edits) > 1}

    def _keys(self, entries: list[JournalEntry]) -> dict[str, Secret]:
        """Return the keys that the journal holds sealed; needs the passphrase when there are any."""
        found: dict[str, Secret] = {}
        for entry in entries:
            if entry.sealed and self._vault is not None:
                found.update(self._vault.open(entry.sealed))
        return found


_LOST = object()


def _is_key(edit: Edit) -> bool:
    return isinstance(edit.before, Fingerprint) or isinstance(edit.after, Fingerprint)


def _settled(kind: TargetKind, value: Any) -> Any:
    body: Json | None = value if isinstance(value, dict) else None
    return settled(kind, body) if body is not None else value


def _pending(value: Any) -> bool:
    return value == "Pending" or (isinstance(value, dict) and value.get("status") == "Pending")
