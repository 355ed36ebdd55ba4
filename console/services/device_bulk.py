"""One order for many devices: agreed to once, then each device read, planned and changed when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from console.model.change import Change, Consent, Outcome, Result
from console.model.device import Device
from console.model.device_order import Act, BulkItem, BulkPlan, BulkResult, DeviceOrder, ItemState, Stage, counted
from console.model.document import Document, TargetKind
from console.model.errors import ConsoleError, ErrorKind
from console.model.journal import EntryState, JournalEntry
from console.rules.device_input import check_id
from console.rules.diff import equal, value_at
from console.rules.planning import settled
from console.rules.settling import taken_back
from console.services.device_bulk_risks import PREVIEW, Preview, bulk_plan
from console.services.device_identity import Identity, target_of
from console.services.device_plans import gone, nothing_to_do, planned
from console.services.device_rollover import NewPrints, new_prints, rollover_of
from console.services.gate import WriteGate
from console.services.journal import Journal
from console.services.ports import Cancel, DocumentReader
from console.services.session import Session

_STOPPING = {
    ErrorKind.AUTHENTICATION,
    ErrorKind.PERMISSION,
    ErrorKind.READ_ONLY,
    ErrorKind.NOT_CONFIGURED,
    ErrorKind.CLOCK,
    ErrorKind.TLS,
}
"""What concerns every device alike: going on would only repeat it."""

_LOST = {ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.SERVICE, ErrorKind.THROTTLED, ErrorKind.BAD_ANSWER}
_IN_A_ROW = 5
"""So many failures of this sort one after the other end a bulk command: the hub is not there."""

_NOTHING_DONE = {EntryState.NOT_APPLIED, EntryState.CONFLICT}

_PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds to wait when the hub throttles even after the transport's own waiting; then the command ends, resumable."""


@dataclass
class _Run:
    """A bulk command under way."""

    plan: BulkPlan
    consent: Consent
    cancel: Cancel
    on_wait: Callable[[str], None]
    earlier: Mapping[str, JournalEntry]
    prints: NewPrints
    unsettled: dict[str, JournalEntry] = field(default_factory=dict)
    items: list[BulkItem] = field(default_factory=list)
    lost: int = 0


class DeviceBulk:
    """Plans and makes bulk changes of the session's hub."""

    pauses = _PAUSES

    def __init__(self, session: Session, reader: DocumentReader, gate: WriteGate, journal: Journal) -> None:
        self._session = session
        self._reader = reader
        self._gate = gate
        self._journal = journal

    def plan(
        self,
        order: DeviceOrder,
        ids: Sequence[str],
        rows: Mapping[str, Device],
        resume: str,
        notices: Sequence[str],
        cancel: Cancel,
    ) -> BulkPlan:
        """Return the plan; see `DeviceChanges.bulk`. Up to ten devices are read now, so that their risks are exact."""
        unique = list(dict.fromkeys(ids))
        title = order.title(counted(len(unique)))
        if not unique:
            what, hint = "There is nothing to plan: no device was chosen", "Give ids, or a filter that some device fits"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, "", hint, code="usage")
        if order.act is Act.THUMBPRINT and order.stage in {Stage.SECONDARY, Stage.PRIMARY} and len(unique) > 1:
            why = "a certificate, and so its thumbprint, belongs to one device"
            raise ConsoleError(ErrorKind.BAD_INPUT, f"{title}: not planned", why, code="usage")
        for device_id in unique:
            check_id(device_id)
        done = self._done(order, resume, set(unique)) if resume else frozenset()
        todo = tuple(one for one in unique if one not in done)
        preview = self._preview(order, todo, cancel) if len(todo) <= PREVIEW else None
        finished = tuple(one for one in unique if one in done)
        return bulk_plan(order, todo, rows, preview, done=finished, batch=resume, notices=notices)

    def carry_out(
        self,
        plan: BulkPlan,
        consent: Consent,
        cancel: Cancel,
        on_item: Callable[[BulkItem], None] | None,
        on_wait: Callable[[str], None] | None,
    ) -> BulkResult:
        """Make the change device by device and return how each ended; what fails is told and the rest goes on.

        A blocking risk of a single device that the plan did not show is never taken: the device is skipped. Throttling
        is waited out. Ends early when cancelled, when something concerns all devices (no journal, no permission, no
        network): the result says what stopped it and what is left, and the batch can be resumed.

        Raises ConsoleError as the gate's `permit` when nothing was begun.
        """
        self._gate.permit(plan, consent)
        shown = {risk.id for risk in plan.blocking}
        agreed = Consent(consent.accepted & shown, consent.hub_name)
        run = _Run(plan, agreed, cancel, on_wait or _quiet, self._batch(plan.batch), self._prints(plan.order))
        stopped: ConsoleError | None = None
        for device_id in plan.ids:
            if cancel.cancelled:
                break
            try:
                item = self._patiently(run, device_id)
            except ConsoleError as error:
                if error.kind is not ErrorKind.CANCELLED:
                    stopped = error
                break
            run.items.append(item)
            if on_item is not None:
                on_item(item)
            if run.lost >= _IN_A_ROW:
                why = f"one device after the other failed, the last time so: {item.message}"
                stopped = ConsoleError(ErrorKind.SERVICE, "The bulk command was ended", why, code="lost")
                break
        return BulkResult(plan, tuple(run.items), plan.ids[len(run.items) :], stopped)

    # --- one device ---------------------------------------------------------------------------------------------

    def _patiently(self, run: _Run, device_id: str) -> BulkItem:
        """Deal with one device, waiting while the hub throttles."""
        for pause in (*self.pauses, None):
            item, error = self._one(run, device_id)
            throttled = error is not None and error.kind is ErrorKind.THROTTLED and item.state is not ItemState.UNKNOWN
            if not throttled:
                run.lost = run.lost + 1 if error is not None and error.kind in _LOST else 0
                break
            if pause is None:
                run.lost = _IN_A_ROW
                break
            run.on_wait(f"the hub throttles: going on in {pause:.0f} s")
            run.cancel.wait(pause)
            run.cancel.check()
            run.on_wait("")
        return item

    def _one(self, run: _Run, device_id: str) -> tuple[BulkItem, ConsoleError | None]:
        try:
            document = self._reader.read(target_of(device_id), run.cancel)
            early = self._before(run, device_id, document)
            if early is not None:
                return early, None
            change = self._change(run, device_id, document)
            unseen = [risk for risk in change.blocking if risk.id not in run.consent.accepted]
            if unseen:
                why = "; ".join(f"{risk.message} ({risk.id})" for risk in unseen)
                text = f"{device_id}: skipped, for this was not known when you agreed: {why}"
                return BulkItem(device_id, ItemState.SKIPPED, text), None
            outcome = self._gate.apply(change, run.consent, run.cancel, fresh=True)
        except ConsoleError as error:
            return self._failed(device_id, error), error
        earlier = run.unsettled.pop(device_id, None)
        if earlier is not None and outcome.applied:
            text = "The batch was resumed and its write made: this one can no longer arrive, its ETag is void."
            self._journal.resolve(earlier, EntryState.NOT_APPLIED, text)
        if outcome.error is not None and outcome.error.kind in _STOPPING and not outcome.applied:
            raise outcome.error
        if outcome.error is not None and outcome.error.kind is ErrorKind.CANCELLED and not outcome.applied:
            raise outcome.error
        return _item(device_id, outcome), outcome.error if not outcome.applied else None

    def _change(self, run: _Run, device_id: str, document: Document | None) -> Change:
        order = run.plan.order
        if document is None:
            raise gone(order, device_id, None)
        identity = Identity(device_id, document)
        if order.act in {Act.ENABLE, Act.DISABLE} and identity.status == f"{order.act}d":
            raise nothing_to_do(order, device_id, f"it is {identity.status} already")
        rollover = rollover_of(identity, run.prints) if order.act is Act.THUMBPRINT else None
        return planned(order, identity, self._session.now(), rollover=rollover, batch=run.plan.batch)

    @staticmethod
    def _failed(device_id: str, error: ConsoleError) -> BulkItem:
        if error.code == "journal" or error.kind in _STOPPING or error.kind is ErrorKind.CANCELLED:
            raise error
        why = error.why or error.what
        if error.code == "nothing":
            return BulkItem(device_id, ItemState.NOTHING, f"{device_id}: nothing to do, {why}.")
        if error.code in {"ghost", "no-device", "auth-type", "no-secondary"}:
            return BulkItem(device_id, ItemState.SKIPPED, f"{device_id}: skipped, {why}.")
        return BulkItem(device_id, ItemState.FAILED, error.sentence())

    # --- what this batch has done already -----------------------------------------------------------------------

    def _before(self, run: _Run, device_id: str, document: Document | None) -> BulkItem | None:
        """Return how the batch dealt with a device before, None when it still has to."""
        entry = run.earlier.get(device_id)
        if entry is None or entry.state in _NOTHING_DONE:
            return None
        done = BulkItem(device_id, ItemState.APPLIED, f"{device_id}: done before in this batch.", entry.id)
        if entry.state is EntryState.APPLIED:
            return done
        if entry.state is EntryState.IN_PROGRESS:
            text = f"{device_id}: skipped, another process is at it (journal entry {entry.id})."
            return BulkItem(device_id, ItemState.SKIPPED, text, entry.id)
        body = document.body if document is not None else None
        image = self._journal.image(settled(TargetKind.DEVICE, body))
        if (document is None and entry.after is None) or _holds(entry, image, after=True):
            self._settle(entry, EntryState.APPLIED, "as planned")
            return done
        if _holds(entry, image, after=False):
            if entry.state is EntryState.UNKNOWN and self._session.now() < entry.settles_at:
                run.unsettled[device_id] = entry  # it may still arrive, unless a write of ours makes its ETag void
            else:
                self._settle(entry, EntryState.NOT_APPLIED, "as before")
            return None
        text = (
            f"{device_id}: skipped, how it ended before is not known, and it is neither as before nor as planned: "
            f"look at journal entry {entry.id}."
        )
        return BulkItem(device_id, ItemState.UNKNOWN, text, entry.id)

    def _settle(self, entry: JournalEntry, state: EntryState, found: str) -> None:
        """Write into the journal what the reading found, where it did not know."""
        if entry.state is EntryState.UNKNOWN:
            self._journal.resolve(entry, state, f"Read again when the batch was resumed: {found}.")

    def _batch(self, batch: str) -> dict[str, JournalEntry]:
        """Return the newest entry of each device in a batch that did something, or may have, else the newest.

        What was undone since does not count.
        """
        entries = self._journal.entries(self._session.hub_name)
        undone = taken_back(entries)
        found: dict[str, JournalEntry] = {}
        for entry in entries:
            if entry.batch == batch and entry.target.kind is TargetKind.DEVICE and entry.id not in undone:
                known = found.setdefault(entry.target.id, entry)
                if known.state in _NOTHING_DONE and entry.state not in _NOTHING_DONE:
                    found[entry.target.id] = entry
        return found

    def _done(self, order: DeviceOrder, batch: str, ids: set[str]) -> frozenset[str]:
        """Return the devices that a batch is done with. Raises ConsoleError for a batch that does not fit."""
        found = self._batch(batch)
        what = f"The batch {batch} cannot be resumed"
        if not found:
            why = f"the journal knows no such batch of {self._session.hub_name}"
            raise ConsoleError(ErrorKind.NOT_FOUND, what, why, "hubwarden journal list shows what was done")
        other = next((entry for entry in found.values() if entry.kind != order.kind), None)
        if other is not None:
            why = f"it was begun as {other.kind}, and this is {order.kind}"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Repeat the command that began it", code="usage")
        return frozenset(one for one, entry in found.items() if one in ids and entry.state is EntryState.APPLIED)

    def _prints(self, order: DeviceOrder) -> NewPrints:
        return new_prints(self._journal, self._session.hub_name) if order.act is Act.THUMBPRINT else {}

    def _preview(self, order: DeviceOrder, ids: Sequence[str], cancel: Cancel) -> Preview:
        """Plan a few devices now, to know their risks; the plans are made anew when their turn comes."""
        plan = BulkPlan(order, tuple(ids))
        run = _Run(plan, Consent(), cancel, _quiet, {}, self._prints(order))
        preview = Preview()
        for device_id in ids:
            try:
                document = self._reader.read(target_of(device_id), cancel)
                preview.changes.append(self._change(run, device_id, document))
            except ConsoleError as error:
                preview.not_planned.append(self._failed(device_id, error))
        return preview


def _holds(entry: JournalEntry, image: object, *, after: bool) -> bool:
    return all(equal(value_at(image, edit.path), edit.after if after else edit.before) for edit in entry.edits)


def _item(device_id: str, outcome: Outcome) -> BulkItem:
    state = {
        Result.APPLIED: ItemState.APPLIED,
        Result.NOT_APPLIED: ItemState.FAILED,
        Result.CONFLICT: ItemState.FAILED,
    }.get(outcome.result, ItemState.UNKNOWN)
    return BulkItem(device_id, state, outcome.message, outcome.change.id)


def _quiet(_text: str) -> None:
    """Tell nobody."""
