"""Plans changes of device identities: each read afresh, changed in what the order names, everything else kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from console.model.change import Change, Consent, Risk, Severity
from console.model.device import Device
from console.model.device_order import Act, BulkItem, BulkPlan, BulkResult, DeviceOrder, NewDevice, Stage
from console.model.errors import ConsoleError, ErrorKind
from console.model.text import clean
from console.rules.device_input import check_id, check_reason, thumbprint
from console.services.device_identity import Identity, target_of
from console.services.ports import NEVER_CANCELLED, Cancel, DocumentReader
from console.services.session import Session

if TYPE_CHECKING:
    from console.services.device_bulk import DeviceBulk
    from console.services.device_rollover import Rollover
    from console.services.gate import WriteGate
    from console.services.journal import Journal


class DeviceChanges:
    """Plans changes of one device or of many; only the gate makes them."""

    def __init__(self, session: Session, reader: DocumentReader, gate: WriteGate, journal: Journal) -> None:
        self._session = session
        self._reader = reader
        self._gate = gate
        self._journal = journal

    def plan(self, order: DeviceOrder, device_id: str, cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan what an order does to one device, with all that is known of it.

        Raises ConsoleError: BAD_INPUT (code "usage" for an impossible id, reason or thumbprint; "auth-type" for a
        device that signs in differently; "nothing" when it is so already), NOT_FOUND (code "ghost" when only the query
        index still knows the device), or why it could not be read.
        """
        checked, notices = self.checked(order)
        identity = self._read(checked, device_id, cancel)
        return self._of(checked, identity, notices, cancel)

    def create(self, device: NewDevice, cancel: Cancel = NEVER_CANCELLED) -> Change:
        """Plan a new device; keys are made here. Raises ConsoleError BAD_INPUT (code "usage" or "exists")."""
        from console.services.device_plans import created

        check_id(device.device_id)
        check_reason(device.reason)
        change = created(device)  # checks the rest before anything is asked
        if self._reader.read(target_of(device.device_id), cancel) is not None:
            what, why = f"The device {device.device_id} cannot be created", "the registry has a device of this id"
            raise ConsoleError(ErrorKind.BAD_INPUT, what, why, "Ids differ by case, too", code="exists")
        return change

    def rollover(self, device_id: str, cancel: Cancel = NEVER_CANCELLED) -> Rollover:
        """Return how far the replacement of a device's thumbprint has come, from its identity and the journal.

        Raises ConsoleError as `plan`.
        """
        from console.services.device_rollover import new_prints, rollover_of

        identity = self._read(DeviceOrder(Act.THUMBPRINT), device_id, cancel)
        return rollover_of(identity, new_prints(self._journal, self._session.hub_name))

    def bulk(
        self,
        order: DeviceOrder,
        ids: Sequence[str],
        rows: Mapping[str, Device] | None = None,
        *,
        resume: str = "",
        cancel: Cancel = NEVER_CANCELLED,
    ) -> BulkPlan:
        """Plan one order for many devices without reading each: what the fleet's rows tell, and a few read afresh.

        Args:
            order: what to do with each.
            ids: which devices; doubles count once.
            rows: what the last reading of the fleet said of them, where there was one.
            resume: the id of a batch to go on with: devices that the journal says it dealt with are left out.
            cancel: stops the reading.

        Raises ConsoleError BAD_INPUT (code "usage") for an impossible id or order, NOT_FOUND for an unknown batch.
        """
        checked, notices = self.checked(order)
        return self._bulk.plan(checked, ids, rows or {}, resume, notices, cancel)

    def carry_out(
        self,
        plan: BulkPlan,
        consent: Consent,
        cancel: Cancel = NEVER_CANCELLED,
        on_item: Callable[[BulkItem], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> BulkResult:
        """Make a bulk change, device by device through the gate; see `DeviceBulk.carry_out`."""
        return self._bulk.carry_out(plan, consent, cancel, on_item, on_wait)

    @staticmethod
    def checked(order: DeviceOrder) -> tuple[DeviceOrder, tuple[str, ...]]:
        """Return an order as the registry takes it, and notices on what was made fit.

        Raises ConsoleError BAD_INPUT (code "usage").
        """
        from dataclasses import replace

        if order.reason is not None and order.act in {Act.ENABLE, Act.DISABLE}:
            check_reason(order.reason)
        if order.act is Act.THUMBPRINT and order.stage in {Stage.SECONDARY, Stage.PRIMARY}:
            digits, notice = thumbprint(order.thumbprint)
            return replace(order, thumbprint=digits), (notice,) if notice else ()
        return order, ()

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _bulk(self) -> DeviceBulk:
        from console.services.device_bulk import DeviceBulk

        return DeviceBulk(self._session, self._reader, self._gate, self._journal)

    def _read(self, order: DeviceOrder, device_id: str, cancel: Cancel) -> Identity:
        check_id(device_id)
        document = self._reader.read(target_of(device_id), cancel)
        if document is None:
            from console.services.device_plans import gone

            raise gone(order, device_id, self._indexed(device_id, cancel))
        return Identity(device_id, document)

    def _indexed(self, device_id: str, cancel: Cancel) -> bool | None:
        """Return whether the query index lists a device; None when it cannot be asked."""
        text = f'SELECT deviceId FROM devices WHERE deviceId = "{device_id}"'  # noqa: S608 - no id holds a quote
        try:
            return bool(self._session.registry.query(text, page_size=1, cancel=cancel).rows)
        except ConsoleError:
            return None

    def _of(self, order: DeviceOrder, identity: Identity, notices: Sequence[str], cancel: Cancel) -> Change:
        from console.services.device_plans import planned

        now = self._session.now()
        if order.act is Act.THUMBPRINT:
            from console.services.device_rollover import new_prints, rollover_of

            stage = rollover_of(identity, new_prints(self._journal, self._session.hub_name))
            return planned(order, identity, now, notices=notices, rollover=stage)
        if order.act is Act.DELETE:
            return planned(order, identity, now, twin_lost=self._twin_lost(identity, cancel))
        return planned(order, identity, now)

    def _twin_lost(self, identity: Identity, cancel: Cancel) -> Risk:
        """Return the risk of losing twin and modules, counted."""
        try:
            detail = self._session.registry.device(identity.device_id, cancel)
        except ConsoleError as error:
            if error.kind is ErrorKind.CANCELLED:
                raise
            found = f"how many modules it has could not be read ({error.why or error.what})"
        else:
            tags = len(detail.device.tags)
            names = ", ".join(clean(name) for name in detail.modules[:4])
            modules = f"{len(detail.modules)} modules ({names}{', …' if len(detail.modules) > 4 else ''})"
            found = f"{modules if detail.modules else 'no modules'}, {tags} {'tag' if tags == 1 else 'tags'}"
        message = f"its twin goes for good, with tags, desired and reported properties, and its modules: {found}"
        return Risk("twin-lost", Severity.HIGH, message, blocking=True)
