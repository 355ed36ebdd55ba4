"""The write gate: the only place from which anything is changed, for every pane and every command."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from console.model.change import Change, Consent, Outcome, Result, Risk
from console.model.document import Document, TargetKind, secrets_in
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import Fingerprint
from console.model.secret import Secret
from console.model.shell import command_line
from console.model.text import clean
from console.rules.diff import equal
from console.rules.planning import ACCESS, ETAGLESS, settled
from console.rules.verification import compare, told
from console.rules.verification_code import code_told
from console.services.journal import Journal
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader
from console.services.session import Session
from console.services.write_ports import Receipt, WritePorts

Step = Callable[[str], None]
"""Is told what the gate is doing: "writing", "reading back"."""

Sealer = Callable[[dict[str, str]], str]
"""Encrypts destroyed keys (by fingerprint) under the user's passphrase."""

READ_BACK_TRIES = 4
READ_BACK_WAIT = 2.0
NOT_SHOWN = "the service accepted it and does not show it yet, which with roles can take minutes"
_LOST = {ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVICE, ErrorKind.THROTTLED}


def _silent(_step: str) -> None:
    """Tell nobody."""


class Asked(Protocol):
    """What can be permitted: a change, or a bulk of changes that is agreed to as one."""

    @property
    def title(self) -> str:
        """What it does, for people."""

    @property
    def blocking(self) -> tuple[Risk, ...]:
        """The risks that must be accepted by id."""


class WriteGate:
    """Applies changes of the session's hub: refuse or permit, record the intent, write, read back, record the outcome.

    `ports` None is a front door without any way to write. `sealer` None keeps destroyed keys in memory only.
    """

    def __init__(
        self,
        session: Session,
        reader: DocumentReader,
        ports: WritePorts | None,
        journal: Journal,
        sealer: Sealer | None = None,
    ) -> None:
        self._session = session
        self._reader = reader
        self._ports = ports
        self._journal = journal
        self._sealer = sealer
        self._kept: dict[str, Secret] = {}
        self._lock = threading.Lock()  # one write at a time: two of one console would only collide

    def permit(self, change: Asked, consent: Consent) -> None:
        """Raise ConsoleError unless this change (or bulk of changes) may be made now.

        READ_ONLY: not armed. BAD_INPUT: the hub's name was not typed (code "confirm-hub"), or a blocking risk was not
        accepted by its id (code "risk").
        """
        what = f"{change.title[:1].upper()}{change.title[1:]}: nothing was changed"
        self._session.require_armed(what)
        name = self._session.hub_name
        if self._session.protected and consent.hub_name.strip().casefold() != name.casefold():
            hint = f"Type the hub's name, {name} (on the command line: {command_line('--confirm-hub', name)})"
            given = consent.hub_name.strip()
            wrong = f"“{clean(given)}” is not its name" if given else "its name was not given"
            why = f"the hub is protected, and {wrong}"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, hint, code="confirm-hub")
        missing = [risk for risk in change.blocking if risk.id not in consent.accepted]
        if missing:
            why = "; ".join(f"{risk.id}: {risk.message}" for risk in missing)
            accept = " ".join(f"--accept {risk.id}" for risk in missing)
            raise ConsoleError(
                ErrorKind.BAD_INPUT, what, why, f"To do it all the same, accept it by its id: {accept}", code="risk"
            )

    def apply(
        self,
        change: Change,
        consent: Consent,
        cancel: Cancel = NEVER_CANCELLED,
        on_step: Step = _silent,
        *,
        fresh: bool = False,
    ) -> Outcome:
        """Make one change and return how it ended; the outcome never claims more than what was read back.

        `fresh`: the plan was made from a reading of this moment, so that the ETag alone is precondition enough and the
        resource is not read once more before the write. Without an ETag it is read all the same.

        Raises ConsoleError when nothing was written: not permitted (see `permit`), the journal cannot be written, the
        resource cannot be read, or somebody changed it since the plan was made (CONFLICT: read, plan, show, ask again).
        """
        self.permit(change, consent)
        if not change.edits:
            raise ConsoleError(ErrorKind.BAD_INPUT, f"There is nothing to change: {change.title}", "it is so already")
        if self._ports is None:
            raise ConsoleError(
                ErrorKind.READ_ONLY, "Nothing was changed", "this console was opened without write ports"
            )
        if change.target.kind in ETAGLESS:
            self._check_none_may_arrive(change)
        with self._lock:
            if not fresh or change.before is None or not change.before.etag:
                on_step("reading once more")
                self._check_unchanged(change, self._reader.read(change.target, cancel))
            return self._apply(change, consent, self._ports, cancel, on_step)

    def apply_all(
        self,
        changes: Iterable[Change],
        consent: Consent,
        cancel: Cancel = NEVER_CANCELLED,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> Sequence[Outcome]:
        """Make changes one by one; what fails is reported and the rest goes on, until cancelled.

        Nothing is begun unless all are permitted; changes not reached have no outcome. Raises ConsoleError as `apply`
        only for what concerns all of them: not permitted, no journal, not signed in.
        """
        todo = list(changes)
        for change in todo:
            self.permit(change, consent)
        outcomes: list[Outcome] = []
        for change in todo:
            if cancel.cancelled:
                break
            try:
                outcome = self.apply(change, consent, cancel)
            except ConsoleError as error:
                if error.code == "journal" or error.kind in {ErrorKind.AUTHENTICATION, ErrorKind.READ_ONLY}:
                    raise
                if error.kind is ErrorKind.CANCELLED:
                    break
                result = Result.CONFLICT if error.kind is ErrorKind.CONFLICT else Result.NOT_APPLIED
                outcome = Outcome(change, result, error.sentence(), error=error)
            outcomes.append(outcome)
            if on_outcome is not None:
                on_outcome(outcome)
        return outcomes

    def kept(self, fingerprint: Fingerprint) -> Secret | None:
        """Return a key that a change of this console destroyed, None when it is not known here."""
        return self._kept.get(fingerprint.digest)

    # --- inside -------------------------------------------------------------------------------------------------

    def _apply(self, change: Change, consent: Consent, ports: WritePorts, cancel: Cancel, on_step: Step) -> Outcome:
        who = self._who(cancel)
        sealed = self._keep(change)
        hub = self._session.hub_name
        accepted = [risk.id for risk in change.risks if risk.id in consent.accepted]
        self._journal.intend(change, hub=hub, who=who, accepted=accepted, sealed=sealed)
        on_step("writing")
        receipt, error = Receipt(), None
        port = ports.of(change.target.kind)
        etag = change.before.etag if change.before else ""
        try:
            if change.after is None:
                receipt = port.delete(change.target, etag, cancel)
            else:
                receipt = port.put(change.target, change.after, etag, cancel)
        except ConsoleError as trouble:
            error = trouble
        on_step("reading back")
        outcome = replace(self._read_back(change, receipt, error), answer=receipt.answer)
        self._session.forget_hub()
        try:
            self._journal.conclude(outcome, hub=hub)
        except ConsoleError as trouble:
            note = f"{outcome.message} The journal could not note it: {trouble.why}."
            outcome = replace(outcome, message=note, recorded=False)
        return outcome

    def _check_none_may_arrive(self, change: Change) -> None:
        """Refuse while an earlier write of unknown outcome may still arrive: without an ETag it would undo this one."""
        now = self._session.now()
        for entry in self._journal.unfinished(self._session.hub_name):
            if entry.target == change.target and now < entry.settles_at:
                raise ConsoleError(
                    ErrorKind.CONFLICT,
                    f"{change.title[:1].upper()}{change.title[1:]}: nothing was changed",
                    f"how {entry.title} ended is not known, and it may still arrive until {entry.settles_at:%H:%M} UTC",
                    f"After that, read it again: hubwarden journal show {entry.id} --re-read",
                    code="may-arrive",
                )

    def _check_unchanged(self, change: Change, now: Document | None) -> None:
        before = change.before
        if before is None and now is None:
            return
        if before is not None and now is not None:
            kind = change.target.kind
            same = equal(settled(kind, before.body), settled(kind, now.body))
            if before.etag == now.etag and (before.etag or same):
                return
            if same and kind not in ETAGLESS:
                why = "its ETag moved since the plan was made, though nothing in it differs"
            else:
                why = "somebody changed it since the plan was made"
        else:
            why = "it is there already" if before is None else "it is gone"
        raise ConsoleError(
            ErrorKind.CONFLICT,
            f"{change.title[:1].upper()}{change.title[1:]}: nothing was changed",
            why,
            "Plan it again against what is there now: repeat the command, or look at the new plan",
            code="changed-meanwhile",
        )

    def _keep(self, change: Change) -> str:
        """Remember the keys that this change destroys; return them sealed where that is switched on."""
        if change.before is None:
            return ""
        staying = set(secrets_in(change.after)) if change.after is not None else set()
        lost = {
            self._journal.fingerprint(secret).digest: secret
            for secret in secrets_in(change.before.body)
            if secret not in staying
        }
        self._kept.update(lost)
        if self._sealer is None or not lost:
            return ""
        return self._sealer({digest: secret.reveal() for digest, secret in lost.items()})

    def _who(self, cancel: Cancel) -> str:
        identity = self._session.whoami(cancel)
        return f"{identity.name} ({identity.source})" if identity.source else identity.name

    def _read_back(self, change: Change, receipt: Receipt, error: ConsoleError | None) -> Outcome:
        """Read the resource after a write, whatever the write said, and judge. Not cancellable: we must know."""
        wait = Cancel()
        for attempt in range(READ_BACK_TRIES):
            try:
                now = self._reader.read(change.target, NEVER_CANCELLED)
            except ConsoleError as trouble:
                if trouble.kind not in _LOST or attempt == READ_BACK_TRIES - 1:
                    return self._not_read(change, error, trouble)
                wait.wait(READ_BACK_WAIT)
                continue
            if change.target.kind is TargetKind.CERTIFICATE_CODE:
                return code_told(change, now, receipt.etag, receipt.answer, error)
            compared = compare(change, now, receipt.etag)
            pending = receipt.pending
            if change.target.kind in ACCESS and error is None and compared.before and not compared.planned:
                # roles are replicated: a copy that has not heard of the write yet is asked again, and proves nothing
                if attempt < READ_BACK_TRIES - 1:
                    wait.wait(READ_BACK_WAIT)
                    continue
                pending = pending or NOT_SHOWN
            return told(change, compared, error, pending)
        raise AssertionError("the loop returns")

    @staticmethod
    def _not_read(change: Change, error: ConsoleError | None, trouble: ConsoleError) -> Outcome:
        said = f"the write ran into trouble ({error.why or error.what})" if error else "the write was accepted"
        lost = trouble.why or trouble.what
        message = (
            f"OUTCOME UNKNOWN for {change.title}: {said}, and it could not be read back ({lost}). "
            "Read it again from the journal before doing anything else."
        )
        return Outcome(change, Result.UNKNOWN, message, error=error or trouble)
